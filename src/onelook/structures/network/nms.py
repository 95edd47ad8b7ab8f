"""Non-maximum suppression, class by class: pushing the classes apart by an offset compares every box with every other.

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

MOST_ENTERING = 10_000
"""Boxes of an image that enter, the best by score: one that has learnt nothing finds 80 classes in every cell."""

MOST_KEPT = 1000
"""Detections of an image that a network gives, the best by score; COCO's rules look at the best 100 of a class."""

BLOCK = 64
"""Boxes that are settled at a time."""

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

    Of more than MOST_ENTERING the best are looked at; `most` keeps only so many of the image.
    """
    if len(found) > MOST_ENTERING:
        found = found[np.argsort(-found.scores, kind="stable")[:MOST_ENTERING]]
    kept = [_of_class(found, index, overlap, measure) for index in sorted(set(found.classes.tolist()))]
    if not kept:
        return found
    rows = np.concatenate(kept)
    rows = rows[np.argsort(-found.scores[rows], kind="stable")]
    return found[rows[:most]]


def suppress_in_order(found: Detections, overlap: float = 0.45, measure: Measure = PLAIN) -> Detections:
    """Return what `suppress` leaves, in the order in which Darknet lists it, on which its TP and FP depend.

    `found` is as `decode_all` gives it: the classes of a box lie together, rising. For every class in turn Darknet sorts its
    boxes anew (stable, by glibc's qsort), so boxes end up by their score for the last class, then the last but one, ...
    """
    first, box = _boxes_of(found)
    scores = np.zeros((len(first), int(found.classes.max(initial=-1)) + 1), np.float32)  # (boxes, classes)
    scores[box, found.classes] = found.scores
    place = np.full(scores.shape, -1, np.int64)
    place[box, found.classes] = np.arange(len(found))
    order = np.arange(len(first))
    for index in range(scores.shape[1]):
        order = order[np.argsort(-scores[order, index], kind="stable")]
        rows = order[scores[order, index] > 0]
        lost = np.setdiff1d(rows, rows[_survivors(found.boxes[first[rows]], overlap, measure)])
        place[lost, index] = -1
    kept = place[order]
    return found[kept[kept >= 0]]


def _boxes_of(found: Detections) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of each box (b,), and of which box each row (n,) is a class."""
    same = (found.boxes[1:] == found.boxes[:-1]).all(axis=1) & (found.classes[1:] > found.classes[:-1])
    begins = np.append(len(found) > 0, ~same)[: len(found)]
    return np.flatnonzero(begins), np.cumsum(begins) - 1


def _of_class(found: Detections, index: int, overlap: float, measure: Measure) -> NDArray[np.int64]:
    rows = np.nonzero(found.classes == index)[0]
    rows = rows[np.argsort(-found.scores[rows], kind="stable")][:MOST_CANDIDATES]
    return rows[_survivors(found.boxes[rows], overlap, measure)]


def _survivors(boxes: Boxes, overlap: float, measure: Measure) -> NDArray[np.int64]:
    """Return the positions that stay of boxes (n, 4) sorted best first.

    A block of the best is settled among itself, then takes what it covers from the rest: one box at a time was six times slower.
    """
    alive = np.arange(len(boxes))
    kept = [alive[:0]]
    while len(alive):
        block, alive = alive[:BLOCK], alive[BLOCK:]
        block = block[_settled(_covers(boxes[block], boxes[block], overlap, measure))]
        kept.append(block)
        alive = alive[~_covers(boxes[block], boxes[alive], overlap, measure).any(axis=0)]
    return np.concatenate(kept)


def _settled(covers: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return which of n boxes stay, (n,), where covers (n, n) says who takes whom: the first stays, then the next not taken, ..."""
    taken = np.zeros(len(covers), np.bool_)
    for index, row in enumerate(covers):
        if not taken[index]:
            taken[index + 1 :] |= row[index + 1 :]
    return ~taken


def _covers(better: Boxes, others: Boxes, overlap: float, measure: Measure) -> NDArray[np.bool_]:
    """Return for boxes (n, 4) and (m, 4) which of the others overlap which of the better too much, (n, m)."""
    left, top, right, bottom = better.T[:, :, None]  # each (n, 1)
    width = np.minimum(right, others[:, 2]) - np.maximum(left, others[:, 0])
    height = np.minimum(bottom, others[:, 3]) - np.maximum(top, others[:, 1])
    shared = np.maximum(width, 0) * np.maximum(height, 0)
    union = area(better)[:, None] + area(others) - shared
    taken_off = 0 if measure.power is None else _distance(better[:, None], others, measure.frame) ** measure.power
    apart: NDArray[np.bool_] = shared <= (overlap + taken_off) * union
    return ~apart


def _distance(boxes: Boxes, others: Boxes, frame: tuple[float, float]) -> NDArray[np.float32]:
    """Return squared distances of centres over squared diagonals of hulls, (n, m), of boxes (n, 1, 4) and (m, 4).

    `frame` is (width, height), and counts as a unit square.
    """
    unit = np.asarray(frame, np.float32)
    apart = ((boxes[..., :2] + boxes[..., 2:]) - (others[:, :2] + others[:, 2:])) / 2 / unit  # (n, m, 2)
    hull = (np.maximum(boxes[..., 2:], others[:, 2:]) - np.minimum(boxes[..., :2], others[:, :2])) / unit
    diagonal = np.square(hull).sum(axis=-1)
    return np.asarray(np.square(apart).sum(axis=-1) / np.where(diagonal > 0, diagonal, 1), np.float32)
