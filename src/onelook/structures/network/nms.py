"""Non-maximum suppression, class by class: an offset trick over all classes was fifty times slower.

Source of the kinds: AlexeyAB/darknet at commit 59596d7, observed behaviour; DIoU-NMS from arXiv 1911.08287.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onelook.structures.boxes import Boxes, area
from onelook.structures.detections import Detections
from onelook.structures.network.layer import Layer

MOST_CANDIDATES = 3000
"""Boxes of one class that enter, the best by score: bounds the work on a network that fires everywhere."""

KINDS = ("default", "greedynms", "diounms", "cornersnms")
_GREEDY_POWER = 0.6
"""Darknet's greedynms has this in the place of beta_nms, whatever that says."""


@dataclass(frozen=True)
class Measure:
    """How much two boxes count as one: IoU, less a power of their centres' distance over their hull's diagonal.

    `power` None takes nothing off. Distances are measured in parts of `frame`, the (width, height) of the whole image in the
    boxes' own unit.
    """

    power: float | None = None
    frame: tuple[float, float] = (1.0, 1.0)


PLAIN = Measure()


def measure_of(layers: Sequence[Layer], frame: tuple[float, float]) -> Measure:
    """Return the measure that the network's last head asks for; Darknet lets the last one decide for all.

    `frame` is the (width, height) that the image has in the input. Raises FormatError for an unknown kind.
    """
    section = next((layer.section for layer in reversed(layers) if layer.is_head), None)
    if section is None:
        return PLAIN
    kind = section.word("nms_kind", "default")
    if kind not in KINDS:
        raise section.error("nms_kind", f"nms_kind: expected {', '.join(KINDS)}, got {kind!r}")
    power = {"greedynms": _GREEDY_POWER, "diounms": section.number("beta_nms", _GREEDY_POWER)}.get(kind)
    return Measure(power, frame)


def suppress(found: Detections, overlap: float = 0.45, most: int | None = None, measure: Measure = PLAIN) -> Detections:
    """Return the detections that no better one of their class overlaps by more than `overlap`, best first.

    `most` keeps only so many of the image.
    """
    kept = [_of_class(found, int(index), overlap, measure) for index in np.unique(found.classes)]
    if not kept:
        return found
    rows = np.concatenate(kept)
    rows = rows[np.argsort(-found.scores[rows], kind="stable")]
    return found[rows[:most]]


def _of_class(found: Detections, index: int, overlap: float, measure: Measure) -> NDArray[np.int64]:
    rows = np.nonzero(found.classes == index)[0]
    rows = rows[np.argsort(-found.scores[rows], kind="stable")][:MOST_CANDIDATES]
    return rows[_survivors(found.boxes[rows], overlap, measure)]


def _survivors(boxes: Boxes, overlap: float, measure: Measure) -> NDArray[np.int64]:
    """Return the positions that stay of boxes (n, 4) sorted best first."""
    areas = area(boxes)
    alive = np.arange(len(boxes))
    kept: list[int] = []
    while len(alive):
        best, alive = alive[0], alive[1:]
        kept.append(int(best))
        if not len(alive):
            break
        sides = np.minimum(boxes[best, 2:], boxes[alive, 2:]) - np.maximum(boxes[best, :2], boxes[alive, :2])
        shared = np.prod(np.maximum(sides, 0), axis=1)
        union = areas[best] + areas[alive] - shared
        taken_off = 0 if measure.power is None else _distance(boxes[best], boxes[alive], measure.frame) ** measure.power
        alive = alive[shared <= (overlap + taken_off) * union]
    return np.asarray(kept, np.int64)


def _distance(box: Boxes, others: Boxes, frame: tuple[float, float]) -> NDArray[np.float32]:
    """Return the squared distance of centres over the squared diagonal of the hull, (n,), with `frame` as a unit square."""
    unit = np.asarray(frame, np.float32)
    apart = ((box[:2] + box[2:]) - (others[:, :2] + others[:, 2:])) / 2 / unit  # (n, 2)
    hull = (np.maximum(box[2:], others[:, 2:]) - np.minimum(box[:2], others[:, :2])) / unit
    diagonal = np.square(hull).sum(axis=1)
    return np.asarray(np.square(apart).sum(axis=1) / np.where(diagonal > 0, diagonal, 1), np.float32)
