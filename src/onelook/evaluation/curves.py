"""Precision, recall and F1 against the score threshold, and precision against recall."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import Flags, Integers, Reals


@dataclass(frozen=True)
class Curve:
    """Precision, recall and F1 (t,) of the detections that score at least `score` (t,), highest score first."""

    score: Reals
    precision: Reals
    recall: Reals
    f1: Reals


@dataclass(frozen=True)
class Counts:
    """What the detections over one score threshold come to, pooled over images (and classes)."""

    right: int
    wrong: int
    missed: int
    iou: float
    """Sum of the IoU of those that are right."""

    @property
    def precision(self) -> float:
        """Share of detections that are right; 0 without any."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        """Share of truth that is found; NaN without truth."""
        truths = self.right + self.missed
        return self.right / truths if truths else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; NaN without truth."""
        return float(harmonic_mean(np.asarray(self.precision), np.asarray(self.recall)))

    @property
    def average_iou(self) -> float:
        """Darknet's: the IoU of right detections summed, over right and wrong ones; 0 without any."""
        return self.iou / max(self.right + self.wrong, 1)


def confidence_curve(matches: Matches, label: int | None = None) -> Curve:
    """Return the curve over every distinct score, of one class or of all pooled; no detection gives t = 0."""
    rows = slice(None) if label is None else matches.label == label
    truths = len(matches.truth_class) if label is None else int((matches.truth_class == label).sum())
    score = matches.score[rows]
    right, wrong = np.cumsum(matches.found[rows]), np.cumsum(matches.wrong[rows])
    last = np.flatnonzero(np.diff(score, append=-1.0))  # last of every run of equal scores
    right, wrong = right[last], wrong[last]
    precision = right / np.maximum(right + wrong, 1)
    recall = right / truths if truths else np.full(len(last), np.nan)
    return Curve(score[last], precision, recall, harmonic_mean(precision, recall))


def best_score(curve: Curve) -> float | None:
    """Return the score at which F1 is highest (the higher one of equals), None without detections or truth."""
    if not len(curve.f1) or np.isnan(curve.f1).all():
        return None
    return float(curve.score[int(np.nanargmax(curve.f1))])


def over(matches: Matches, score: float) -> Flags:
    """Return which rows of `matches` pass the score threshold, as the rules compare it."""
    threshold = float(np.float32(score))  # scores are float32: one of 0.7 is not below 0.7
    return matches.score > threshold if matches.rules.strict_score else matches.score >= threshold


def counts(matches: Matches, score: float, label: int | None = None) -> Counts:
    """Return right, wrong and missed at a score threshold, of one class or of all pooled."""
    passing = over(matches, score)
    truths = len(matches.truth_class)
    if label is not None:
        passing &= matches.label == label
        truths = int((matches.truth_class == label).sum())
    found = passing & matches.found
    right = int(found.sum())
    return Counts(right, int((passing & matches.wrong).sum()), truths - right, float(matches.iou[found].sum()))


def counts_by_class(matches: Matches, score: float) -> list[Counts]:
    """Return `counts` of every class, in one pass."""
    passing, classes = over(matches, score), len(matches.names)
    found, wrong = passing & matches.found, passing & matches.wrong
    right = _tally(matches.label[found], classes)
    missed = _tally(matches.truth_class, classes) - right
    overlap = np.bincount(matches.label[found], matches.iou[found], minlength=classes)
    columns = (right, _tally(matches.label[wrong], classes), missed, overlap)
    return [
        Counts(int(one), int(other), int(gone), float(shared))
        for one, other, gone, shared in zip(*columns, strict=True)
    ]


def image_counts(matches: Matches, score: float) -> tuple[Integers, Integers, Integers]:
    """Return right, wrong and missed (images,) of every image at a score threshold."""
    passing = over(matches, score)
    right, wrong, truths = (
        _tally(image, matches.images)
        for image in (
            matches.image[passing & matches.found],
            matches.image[passing & matches.wrong],
            matches.truth_image,
        )
    )
    return right, wrong, truths - right


def precision_recall(matches: Matches, label: int) -> tuple[Reals, Reals]:
    """Return recall and precision (n,) after every rank of one class, as AP sees them: ignored detections left out."""
    rows = (matches.label == label) & ~matches.ignored
    right = np.cumsum(matches.hit[rows])
    truths = int((matches.truth_class == label).sum())
    recall = right / truths if truths else np.full(len(right), np.nan)
    return recall, right / np.arange(1, len(right) + 1)


def harmonic_mean(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> Reals:
    """Return F1, 0 where both are 0, NaN where recall is."""
    total = precision + recall
    return np.asarray(2 * precision * recall / np.where(total == 0, 1, total), np.float64)


def _tally(labels: Integers, classes: int) -> Integers:
    return np.bincount(labels, minlength=classes).astype(np.int64)
