"""How the model does on small and large objects, and on those that stand alone or in a crowd."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from onelook.evaluation.breakdown import truth_share
from onelook.evaluation.curves import over
from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import Flags, Problem, Reals

SIZES = (
    ("small, up to 32 x 32", 0.0, 32.0**2),
    ("medium, up to 96 x 96", 32.0**2, 96.0**2),
    ("large", 96.0**2, np.inf),
)
"""Name, area above which and up to which a box belongs, in square pixels: COCO's own bounds."""

CROWDING = (("alone", -1.0, 0.0), ("touched by another", 0.0, 0.2), ("overlapped by another", 0.2, 1.0))
"""Name, largest IoU with another object of the image above which and up to which an object belongs."""


@dataclass(frozen=True)
class Group:
    """Objects of one kind: how many there are, and the shares found over the score threshold and at any score."""

    name: str
    truths: int
    recall: float | None
    recall_at_any_score: float | None
    average_iou: float | None
    """Of those found over the threshold."""
    wrong: int | None
    """Wrong boxes of this size over the threshold; None where a box without an object has no such kind."""

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return dict(vars(self))


def groups(problem: Problem, matches: Matches, score: float) -> Mapping[str, list[Group]]:
    """Return the groups of `size` and of `crowding`."""
    areas = np.prod(problem.truth_box[:, 2:] - problem.truth_box[:, :2], axis=1)
    boxes = problem.box[matches.index]
    wrong = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)[matches.wrong & over(matches, score)]
    sizes = [
        _group(name, problem, matches, score, _within(areas, low, high), int(_within(wrong, low, high).sum()))
        for name, low, high in SIZES
    ]
    shares = _shares(problem)
    crowding = [_group(name, problem, matches, score, _within(shares, low, high), None) for name, low, high in CROWDING]
    return {"size": sizes, "crowding": crowding}


def _within(values: Reals, low: float, high: float) -> Flags:
    return np.asarray((values > low) & (values <= high))


def _group(name: str, problem: Problem, matches: Matches, score: float, mine: Flags, wrong: int | None) -> Group:
    asked = mine & ~(problem.crowd | (problem.difficult & (matches.rules.difficult == "ignored")))
    count = int(asked.sum())
    ours = np.append(asked, False)[matches.truth] & matches.found  # -1, no truth, reads the False at the end
    passing = ours & over(matches, score)
    if not count:
        return Group(name, 0, None, None, None, wrong)
    overlap = float(matches.iou[passing].mean()) if passing.any() else None
    return Group(name, count, int(passing.sum()) / count, int(ours.sum()) / count, overlap, wrong)


def _shares(problem: Problem) -> Reals:
    """Return for every truth (m,) its largest IoU with another object of the image, of whatever class."""
    shares = np.zeros(len(problem.truth_box))
    edges = np.searchsorted(problem.truth_image, np.arange(problem.images + 1))
    for begin, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        boxes = problem.truth_box[begin:end]
        shares[begin:end] = truth_share(boxes, boxes)
    return shares
