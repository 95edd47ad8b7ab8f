"""Average precision from ranked hits, for one ranking or for many reweighted ones at once."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import Integers, Reals
from onelook.evaluation.rules import Rules

NEGLIGIBLE = 1e-300
"""Keeps precision 0 before the first detection that counts."""


def average_precision(right: NDArray[Any], wrong: NDArray[Any], truths: NDArray[Any], levels: Reals | None) -> Reals:
    """Return the AP (...) of rankings along the last axis.

    `right` and `wrong` (..., n) weigh each rank, best first; `truths` (...) is the weight of what could be found; `levels`
    are the recalls at which precision is read, None for the area. No detection gives 0, no truth NaN.
    """
    if right.shape[-1] == 0:
        return np.where(np.asarray(truths) > 0, 0.0, np.nan)
    found = np.cumsum(right, axis=-1, dtype=np.float64)
    precision = found / np.maximum(found + np.cumsum(wrong, axis=-1, dtype=np.float64), NEGLIGIBLE)
    with np.errstate(invalid="ignore", divide="ignore"):
        recall = found / np.asarray(truths, np.float64)[..., None]
    envelope = np.maximum.accumulate(precision[..., ::-1], axis=-1)[
        ..., ::-1
    ]  # best precision at this recall or beyond
    if levels is None:
        return np.asarray((np.diff(recall, axis=-1, prepend=0.0) * envelope).sum(axis=-1))
    reached = np.searchsorted(levels, recall.ravel(), "right").reshape(recall.shape)  # levels at or below each recall
    gained = np.diff(reached, axis=-1, prepend=0)
    return np.where(np.isnan(recall[..., -1]), np.nan, (gained * envelope).sum(axis=-1) / len(levels))


def recall_levels(rules: Rules) -> Reals | None:
    """Return the recalls (points,) at which these rules read precision, None for the area under the curve.

    COCO's are numpy's linspace; Darknet's are i * (1 / (points - 1)), by which 0.3, 0.6 and 0.7 come out a trifle higher;
    VOC's are the exact tenths, so that a recall of 3/10 reaches 0.3.
    """
    if rules.points == 0:
        return None
    if rules.name == "coco":
        return np.linspace(0.0, 1.0, rules.points)
    steps = np.arange(rules.points, dtype=np.float64)
    return np.asarray(steps * (1 / (rules.points - 1)) if rules.name == "darknet" else steps / (rules.points - 1))


def class_average_precision(matches: Matches) -> Reals:
    """Return the AP (classes,) of every class, NaN for one without truth."""
    levels = recall_levels(matches.rules)
    truths = truth_counts(matches)
    precisions = np.full(len(matches.names), np.nan)
    for label, rows in class_rows(matches):
        right, wrong = matches.hit[rows], ~matches.hit[rows] & ~matches.ignored[rows]
        precisions[label] = average_precision(right, wrong, truths[label], levels)
    precisions[(truths > 0) & np.isnan(precisions)] = 0.0
    return np.where(truths > 0, precisions, np.nan)


def mean_over_classes(precisions: Reals, rules: Rules) -> float:
    """Return the mean over classes (last axis), a class without truth counted as the rules say; NaN when none counts."""
    if rules.absent_classes and not np.isnan(precisions).all():
        return float(np.nan_to_num(precisions).mean())
    known = precisions[~np.isnan(precisions)]
    return float(known.mean()) if len(known) else float("nan")


def truth_counts(matches: Matches) -> Integers:
    """Return how many truths of every class (classes,) are asked for."""
    return np.bincount(matches.truth_class, minlength=len(matches.names)).astype(np.int64)


def class_rows(matches: Matches) -> list[tuple[int, Integers]]:
    """Return each class that has detections, with their rows in `matches`, best first."""
    by_class = np.argsort(matches.label, kind="stable")
    labels, first = np.unique(matches.label[by_class], return_index=True)
    return list(zip(labels.tolist(), np.split(by_class, first[1:]), strict=True)) if len(labels) else []
