"""What goes wrong and what it costs: every mistake given one kind, and the AP that would be had without that kind.

Source: D. Bolya et al., "TIDE: A General Toolbox for Identifying Object Detection Errors" (arXiv 2008.08115), section 2; own code.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onelook.evaluation.average_precision import average_precision, mean_over_classes, recall_levels
from onelook.evaluation.curves import over
from onelook.evaluation.matching import Matches, overlapping
from onelook.evaluation.problem import Flags, Integers, Problem, Reals

KINDS = ("class", "localisation", "both", "duplicate", "background", "missed")
"""Kinds of mistakes, in the order they are told."""

MEANING = {
    "class": "in the right place, called by another name",
    "localisation": "the right name, but the box overlaps too little",
    "both": "another name and a box that overlaps too little",
    "duplicate": "found again what a better box had found",
    "background": "where there is nothing",
    "missed": "not found by any box, nor nearly",
}

CLASS, LOCALISATION, BOTH, DUPLICATE, BACKGROUND, MISSED = range(6)
NEAR = 0.1
"""IoU from which a box that finds nothing is said to be near an object."""


@dataclass(frozen=True)
class Mistakes:
    """The kind (n,) of every row of the matches, -1 where it is right or ignored; the truth (n,) it is about, -1 for none.

    `missed` (m,) marks the truths that no box found, nor nearly.
    """

    kind: Integers
    truth: Integers
    missed: Flags


@dataclass(frozen=True)
class Cost:
    """One kind of mistake: how many at any score, how many over the threshold, and the AP that mending them all would add."""

    kind: str
    count: int
    at_score: int
    ap: float | None

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {"kind": self.kind, "count": self.count, "at_score": self.at_score, "costs_ap": self.ap}


def mistakes(problem: Problem, matches: Matches) -> Mistakes:
    """Return the kind of every mistake at the rules' IoU. Detections that the rules ignore or cut off are none."""
    rows, truths = len(matches.score), len(problem.truth_class)
    asked = ~(problem.crowd | (problem.difficult & (matches.rules.difficult == "ignored")))
    wrong = ~matches.hit & ~matches.ignored
    place = np.full(len(problem.score), -1, np.int64)
    place[matches.index] = np.arange(rows)
    pairs = overlapping(problem, NEAR, same_class=False)
    row = place[pairs.detection]
    keep = (row >= 0) & asked[pairs.truth]
    row, truth, iou = row[keep], pairs.truth[keep], pairs.iou[keep]
    same = matches.label[row] == problem.truth_class[truth]
    enough = iou > matches.rules.iou if matches.rules.strict_iou else iou >= matches.rules.iou
    kind, about = np.full(rows, -1, np.int64), np.full(rows, -1, np.int64)
    kind[wrong] = BACKGROUND
    cases = (
        (BOTH, ~same & ~enough),
        (CLASS, ~same & enough),
        (LOCALISATION, same & ~enough),
        (DUPLICATE, same & enough),
    )
    for index, case in cases:  # what comes later is the graver evidence and stands
        chosen = case & wrong[row]
        order = np.flatnonzero(chosen)[np.argsort(iou[chosen], kind="stable")]  # best overlap last
        kind[row[order]], about[row[order]] = index, truth[order]
    found = np.zeros(truths, np.bool_)
    found[matches.truth[matches.hit]] = True
    nearly = np.zeros(truths, np.bool_)
    nearly[about[(kind == CLASS) | (kind == LOCALISATION)]] = True
    return Mistakes(kind, about, asked & ~found & ~nearly)


def costs(problem: Problem, matches: Matches, score: float, found: Mistakes | None = None) -> list[Cost]:
    """Return what each of KINDS costs in AP at the rules' IoU, each mended alone; None where AP is undefined.

    Mending: a wrong name is corrected, a box moved onto its object (where nobody better found that), all others taken away;
    missed objects are no longer asked for.
    """
    found = mistakes(problem, matches) if found is None else found
    base = _mean_ap(matches, matches.hit, ~matches.hit & ~matches.ignored, matches.label, _truths(matches))
    at_score = over(matches, score)
    at_threshold_missed = int(len(matches.truth_class) - (matches.hit & at_score).sum())
    told = []
    for index, kind in enumerate(KINDS):
        if index == MISSED:
            gone = np.bincount(problem.truth_class[found.missed], minlength=len(matches.names))
            hit, wrong = matches.hit, ~matches.hit & ~matches.ignored
            ap = _mean_ap(matches, hit, wrong, matches.label, _truths(matches) - gone)
            told.append(Cost(kind, int(found.missed.sum()), at_threshold_missed, _gain(ap, base)))
            continue
        mine = found.kind == index
        ap = _mean_ap(matches, *_mended(problem, matches, found, index), _truths(matches))
        told.append(Cost(kind, int(mine.sum()), int((mine & at_score).sum()), _gain(ap, base)))
    return told


def _mended(problem: Problem, matches: Matches, found: Mistakes, kind: int) -> tuple[Flags, Flags, Integers]:
    """Return hit, wrong and label (n,) of the rows once one kind of mistake is mended."""
    mine = found.kind == kind
    hit, wrong, label = matches.hit.copy(), ~matches.hit & ~matches.ignored & ~mine, matches.label
    if kind in (CLASS, LOCALISATION):
        free = np.ones(len(problem.truth_class), np.bool_)
        free[matches.truth[matches.hit]] = False
        rows = np.flatnonzero(mine)
        rows = rows[free[found.truth[rows]]]
        _, first = np.unique(found.truth[rows], return_index=True)  # rows are best first
        hit[rows[first]] = True
        label = label.copy()
        label[rows[first]] = problem.truth_class[found.truth[rows[first]]]
    return hit, wrong, label


def _mean_ap(matches: Matches, hit: Flags, wrong: Flags, label: Integers, truths: Integers) -> float:
    """Return the mean AP over classes of rows that stand best first."""
    levels, values = recall_levels(matches.rules), np.full(len(matches.names), np.nan)
    counted = hit | wrong
    by_class = np.argsort(label, kind="stable")
    edges = np.searchsorted(label[by_class], np.arange(len(matches.names) + 1))
    for index in np.flatnonzero(truths > 0).tolist():
        rows = by_class[edges[index] : edges[index + 1]]
        rows = rows[counted[rows]]
        values[index] = average_precision(hit[rows], wrong[rows], truths[index], levels)
    values[(_truths(matches) > 0) & (truths == 0)] = 1.0  # nothing is left to be found
    return mean_over_classes(values, matches.rules)


def _truths(matches: Matches) -> Integers:
    return np.bincount(matches.truth_class, minlength=len(matches.names)).astype(np.int64)


def _gain(ap: float, base: float) -> float | None:
    return None if np.isnan(ap) or np.isnan(base) else float(ap - base)


def truth_share(truth: Reals, others: Reals) -> Reals:
    """Return for every truth (k, 4) of one image the largest IoU with another of `others` (k, 4), the same boxes; 0 alone."""
    sides = np.minimum(truth[:, None, 2:], others[None, :, 2:]) - np.maximum(truth[:, None, :2], others[None, :, :2])
    shared = np.prod(np.maximum(sides, 0), axis=2)
    areas = np.prod(truth[:, 2:] - truth[:, :2], axis=1)
    share = shared / np.maximum(areas[:, None] + areas[None, :] - shared, 1e-300)
    np.fill_diagonal(share, 0)
    return np.asarray(share.max(axis=1, initial=0))
