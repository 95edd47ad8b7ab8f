"""Which detection found which truth, under given rules; no loop over images, so that 500,000 detections take a second.

Pairs of a detection and a truth of the same image and class are made at once, the few whose IoU reaches the threshold
are kept, and only those are walked through.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from onelook.evaluation.problem import Flags, Integers, Problem, Reals
from onelook.evaluation.rules import Rules

PAIRS_AT_ONCE = 2_000_000
"""Pairs whose IoU is computed together: 200 MB of working space."""

WEIGHTLESS = 1e-300
"""Stands in for a union of zero, so that two boxes without area have an IoU of 0."""


@dataclass(frozen=True)
class Pairs:
    """Detections and truths of one image that overlap, (p,) each, ordered by detection."""

    detection: Integers
    truth: Integers
    iou: Reals


@dataclass(frozen=True)
class Matches:
    """The judged detections (n,), best score first over all images (ties in the order given), and the truths (m,) asked for."""

    rules: Rules
    names: tuple[str, ...]
    images: int
    index: Integers
    """Place of each detection in the problem."""
    image: Integers
    label: Integers
    score: Reals
    truth: Integers
    """Place in the problem of the truth that it overlaps, or -1."""
    iou: Reals
    """IoU with that truth, 0 without one."""
    hit: Flags
    """Found a truth nobody with a higher score has found."""
    ignored: Flags
    """Neither right nor wrong in the ranking: it found a difficult or crowd box."""
    found: Flags
    """Counts as right at a score threshold; `hit`, except where the rules take detections in listed order."""
    wrong: Flags
    """Counts as wrong at a score threshold."""
    truth_image: Integers
    truth_class: Integers


def overlapping(problem: Problem, least: float, same_class: bool = True) -> Pairs:
    """Return all pairs of one image (and class) whose IoU is at least `least`, ordered by detection, then truth.

    Against a crowd box the shared area is divided by the detection's own, as COCO does.
    """
    parts = list(_pairs(problem, least, same_class))
    return Pairs(
        np.concatenate([np.zeros(0, np.int64), *[part.detection for part in parts]]),
        np.concatenate([np.zeros(0, np.int64), *[part.truth for part in parts]]),
        np.concatenate([np.zeros(0), *[part.iou for part in parts]]),
    )


def match(problem: Problem, rules: Rules, iou: float | None = None, pairs: Pairs | None = None) -> Matches:
    """Return who found what at `iou` (default: the rules' own).

    `pairs` are those of `overlapping(problem, least)` with any `least` up to `iou`, for callers that match several times.
    """
    threshold = rules.iou if iou is None else iou
    pairs = overlapping(problem, threshold) if pairs is None else pairs
    order = _kept(problem, rules)  # (n,) indices of detections, best first
    rank = np.full(len(problem.score), -1, np.int64)
    rank[order] = np.arange(len(order))
    crowd, difficult = problem.crowd, problem.difficult & (rules.difficult == "ignored")
    enough = pairs.iou > threshold if rules.strict_iou else pairs.iou >= min(threshold, 1 - 1e-10)
    keep = enough & (rank[pairs.detection] >= 0) & ~(crowd[pairs.truth] & (rules.crowd == "dropped"))
    pairs = Pairs(rank[pairs.detection[keep]], pairs.truth[keep], pairs.iou[keep])
    ignore = crowd | difficult  # (m,)
    if rules.best_free:
        truth, overlap = _best_free(pairs, ignore, crowd, len(order))
    else:
        truth, overlap = _best(pairs, ignore if rules.listed_order else np.zeros_like(ignore), len(order))
    ignored = np.append(ignore, False)[truth]  # -1, no truth, reads the False at the end
    hit = _first(truth, ignored, np.arange(len(order)))
    found = _first(truth, ignored, order) if rules.listed_order else hit
    return Matches(
        rules=rules,
        names=problem.names,
        images=problem.images,
        index=order,
        image=problem.image[order],
        label=problem.label[order],
        score=problem.score[order],
        truth=truth,
        iou=overlap,
        hit=hit,
        ignored=ignored,
        found=found,
        wrong=~found if rules.listed_order else ~hit & ~ignored,
        truth_image=problem.truth_image[~ignore],
        truth_class=problem.truth_class[~ignore],
    )


def _pairs(problem: Problem, least: float, same_class: bool) -> Iterator[Pairs]:
    classes = len(problem.names) if same_class else 1
    truth_key = problem.truth_image * classes + (problem.truth_class if same_class else 0)
    key = problem.image * classes + (problem.label if same_class else 0)
    by_key = np.argsort(truth_key, kind="stable")
    first = np.searchsorted(truth_key[by_key], key, "left")
    count = np.searchsorted(truth_key[by_key], key, "right") - first
    last = np.cumsum(count)
    begin = 0
    while begin < len(key):
        done = last[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(last, done + PAIRS_AT_ONCE, "right")))
        detection = np.repeat(np.arange(begin, end), count[begin:end])
        start = np.repeat(first[begin:end] - (last[begin:end] - count[begin:end]) + done, count[begin:end])
        truth = by_key[start + np.arange(len(detection))]
        iou = _iou(problem, detection, truth)
        near = iou >= min(least, 1 - 1e-10)
        yield Pairs(detection[near], truth[near], iou[near])
        begin = end


def _iou(problem: Problem, detection: Integers, truth: Integers) -> Reals:
    """Return the IoU (p,) of each pair; the formula is COCO's, on x, y, width, height, to the last bit."""
    found, true = problem.box[detection], problem.truth_box[truth]
    size, true_size = found[:, 2:] - found[:, :2], true[:, 2:] - true[:, :2]
    far = np.minimum(found[:, :2] + size, true[:, :2] + true_size)
    side = np.maximum(far - np.maximum(found[:, :2], true[:, :2]), 0)
    shared, area, true_area = (values[:, 0] * values[:, 1] for values in (side, size, true_size))
    union = np.where(problem.crowd[truth], area, area + true_area - shared)
    return np.asarray(shared / np.maximum(union, WEIGHTLESS), np.float64)


def _kept(problem: Problem, rules: Rules) -> Integers:
    """Return the detections that are judged, best score first, ties in the order given."""
    order = np.argsort(-problem.score, kind="stable")
    if rules.most is None:
        return order
    key = (problem.image * len(problem.names) + problem.label)[order]
    grouped = np.argsort(key, kind="stable")
    first = np.searchsorted(key[grouped], key[grouped], "left")
    place = np.empty(len(key), np.int64)
    place[grouped] = np.arange(len(key)) - first
    return order[place < rules.most]


def _best_free(pairs: Pairs, ignore: Flags, crowd: Flags, count: int) -> tuple[Integers, Reals]:
    """COCO: each detection in turn takes the free truth of highest IoU; ignored truth only when no other will do."""
    walk = np.lexsort((-pairs.truth, -pairs.iou, ignore[pairs.truth], pairs.detection))
    truth, iou = np.full(count, -1, np.int64), np.zeros(count)
    taken = np.zeros(len(ignore), np.bool_)
    columns = (pairs.detection[walk].tolist(), pairs.truth[walk].tolist(), pairs.iou[walk].tolist())
    for detection, candidate, overlap in zip(*columns, strict=True):
        if truth[detection] < 0 and not taken[candidate]:
            truth[detection], iou[detection] = candidate, overlap
            taken[candidate] = not crowd[candidate]
    return truth, iou


def _best(pairs: Pairs, later: Flags, count: int) -> tuple[Integers, Reals]:
    """VOC and Darknet: each detection has its best truth, taken or not; truth marked `later` only when there is no other.

    Darknet looks at difficult boxes later, VOC at all alike.
    """
    walk = np.lexsort((pairs.truth, -pairs.iou, later[pairs.truth], pairs.detection))
    detection, first = np.unique(pairs.detection[walk], return_index=True)
    truth, iou = np.full(count, -1, np.int64), np.zeros(count)
    truth[detection], iou[detection] = pairs.truth[walk][first], pairs.iou[walk][first]
    return truth, iou


def _first(truth: Integers, ignored: Flags, order: Integers) -> Flags:
    """Return which detections are the first, by `order`, to have their truth; those without one or ignored are not."""
    matched = np.flatnonzero((truth >= 0) & ~ignored)
    matched = matched[np.argsort(order[matched], kind="stable")]
    _, first = np.unique(truth[matched], return_index=True)
    found = np.zeros(len(truth), np.bool_)
    found[matched[first]] = True
    return found
