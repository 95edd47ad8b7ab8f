"""A classifier's numbers: accuracy of the first and the first five guesses, by class, F1, confusion, calibration.

Accuracy as the ILSVRC counts it (arXiv 1409.0575); calibration error as Guo et al. bin it (arXiv 1706.04599). A row of scores
that holds NaN names no class and is never right.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.evaluation.bootstrap import Interval, percentile_interval

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.int64]

ROWS_AT_ONCE = 256
"""Images whose scores are worked on together: a block of 1,000 classes then stays in the processor's cache."""

BINS = 15
"""Of equal width, into which confidences are sorted for the calibration."""

TOP = 5
"""Guesses an image has where more than the first one counts."""

NO_CLASS = -1


@dataclass(frozen=True)
class Guesses:
    """Per image (n,): its class, the one that was guessed (NO_CLASS for NaN), the guess's probability, the true one's rank."""

    labels: Integers
    guessed: Integers
    confidence: NDArray[np.float64]
    rank: Integers
    """How many classes were thought likelier than the true one: 0 is a hit, below TOP one of the top five."""


@dataclass(frozen=True)
class ClassAccuracy:
    """One class: its images, how many were recognised, how often it was guessed; None where that leaves a share undefined."""

    name: str
    images: int
    right: int
    guessed: int

    @property
    def accuracy(self) -> float | None:
        """Share of its images that were recognised."""
        return self.right / self.images if self.images else None

    @property
    def precision(self) -> float | None:
        """Share of the guesses of it that were right."""
        return self.right / self.guessed if self.guessed else None

    @property
    def f1(self) -> float | None:
        """Harmonic mean of the two, 0 when it was never guessed; None for a class without images."""
        return 2 * self.right / (self.images + self.guessed) if self.images else None

    def as_json(self) -> dict[str, Any]:
        """Return the numbers under the words that scripts rely on."""
        shares = {"accuracy": self.accuracy, "precision": self.precision, "f1": self.f1}
        return {"class": self.name, **shares, "images": self.images, "right": self.right, "guessed": self.guessed}


@dataclass(frozen=True)
class Calibration:
    """Guesses by confidence, in BINS of equal width from 0 to 1: how many, how sure, and how many were right."""

    counts: Integers
    confidence: NDArray[np.float64]
    """(BINS,): mean confidence in the bin, 0 for an empty one."""
    accuracy: NDArray[np.float64]
    """(BINS,): share that is right, 0 for an empty bin."""

    @property
    def error(self) -> float:
        """Expected calibration error: the mean gap between confidence and accuracy, weighed by the guesses; 0 without any."""
        gaps = np.abs(self.confidence - self.accuracy)
        return float((gaps * self.counts).sum() / max(1, self.counts.sum()))


@dataclass(frozen=True)
class ClassEvaluation:
    """What a classifier's scores are worth on labelled images; a share of no image is None."""

    names: tuple[str, ...]
    images: int
    top1: float | None
    top5: float | None
    mean_accuracy: float | None
    """Mean accuracy over the classes that have images."""
    f1: float | None
    """Mean F1 over the same classes."""
    per_class: tuple[ClassAccuracy, ...]
    confusion: Integers
    """(c, c + 1): row = true class, column = guessed, the last one for NaN."""
    calibration: Calibration

    @property
    def chance(self) -> float:
        """What guessing blindly would reach at best: the share of the commonest class; 0 without images."""
        return max((row.images for row in self.per_class), default=0) / max(1, self.images)

    def top1_interval(self, level: float = 0.95) -> Interval:
        """Return the range of top-1 accuracy over resampled images."""
        return share_interval(sum(row.right for row in self.per_class), self.images, level)

    def as_json(self) -> dict[str, Any]:
        """Return the numbers under the words that scripts rely on."""
        interval = self.top1_interval()
        return {
            "top1": self.top1,
            "top1_interval": [interval.low, interval.high],
            "top5": self.top5,
            "mean_accuracy": self.mean_accuracy,
            "f1": self.f1,
            "calibration_error": self.calibration.error,
            "chance": self.chance,
            "images": self.images,
            "per_class": [row.as_json() for row in self.per_class],
            "confusion": self.confusion.tolist(),
        }


def evaluate_classes(
    scores: Floats, labels: NDArray[np.integer[Any]], names: Sequence[str], logits: bool = False
) -> ClassEvaluation:
    """Return what `scores` (n, c) are worth against the classes `labels` (n,); images with a label below 0 are left out.

    Scores are probabilities, or with `logits` what a softmax would take. Raises ValueError when the shapes do not fit together.
    """
    if scores.ndim != 2 or scores.shape != (len(labels), len(names)):
        raise ValueError(f"expected scores ({len(labels)}, {len(names)}), got {scores.shape}")
    known = np.asarray(labels) >= 0
    if not known.all():
        scores, labels = scores[known], labels[known]
    return judge_guesses(guess(scores, labels, logits), names)


def guess(scores: Floats, labels: NDArray[np.integer[Any]], logits: bool = False) -> Guesses:
    """Return what was guessed of each image; of equal scores the first class is the likelier one."""
    images = len(labels)
    true = np.asarray(labels, np.int64)
    guessed, rank = np.empty(images, np.int64), np.empty(images, np.int64)
    confidence = np.empty(images, np.float64)

    def fill(start: int) -> None:
        rows = slice(start, start + ROWS_AT_ONCE)
        guessed[rows], confidence[rows], rank[rows] = _guess_block(scores[rows], true[rows], logits)

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # numpy computes without the interpreter's lock
        list(pool.map(fill, range(0, images, ROWS_AT_ONCE)))
    return Guesses(true, guessed, confidence, rank)


def _guess_block(block: Floats, labels: Integers, logits: bool) -> tuple[Integers, NDArray[np.float64], Integers]:
    """Return guesses, their confidence and the true classes' ranks of a few images (k, c)."""
    rows = np.arange(len(labels))
    guessed = np.asarray(block.argmax(axis=1), np.int64)  # NaN counts as the largest, so that it is found here
    most, own = block[rows, guessed], block[rows, labels]
    rank = (block > own[:, None]).sum(axis=1, dtype=np.int32).astype(np.int64)
    for row in np.flatnonzero((rank < TOP) & (guessed != labels)):
        rank[row] += np.count_nonzero(block[row, : labels[row]] == own[row])
    confidence = _likeliest(block, most) if logits else most
    lost = ~np.isfinite(confidence) | np.isnan(most)
    guessed[lost], rank[lost] = NO_CLASS, max(TOP, block.shape[1])
    return guessed, np.where(lost, 0.0, confidence), rank


def _likeliest(block: Floats, most: Floats) -> Floats:
    """Return the softmax (k,) of the largest logit of each row, `most`."""
    with np.errstate(invalid="ignore"):  # inf - inf
        powers = np.subtract(block, most[:, None])
        np.exp(powers, out=powers)
    return np.asarray(1 / (powers @ np.ones(powers.shape[1], powers.dtype)))


def judge_guesses(guesses: Guesses, names: Sequence[str]) -> ClassEvaluation:
    """Return the numbers of guesses among the classes `names`; no image gives shares that are None."""
    classes, images = len(names), len(guesses.labels)
    places = guesses.labels * (classes + 1) + np.where(guesses.guessed < 0, classes, guesses.guessed)
    confusion = np.bincount(places, minlength=classes * (classes + 1)).reshape(classes, classes + 1)
    per_class = tuple(
        ClassAccuracy(name, int(truths), int(right), int(guessed))
        for name, truths, right, guessed in zip(
            names, confusion.sum(axis=1), confusion.diagonal(), confusion[:, :classes].sum(axis=0), strict=True
        )
    )
    return ClassEvaluation(
        names=tuple(names),
        images=images,
        top1=_mean(guesses.rank < 1),
        top5=_mean(guesses.rank < TOP),
        mean_accuracy=_mean([row.accuracy for row in per_class if row.accuracy is not None]),
        f1=_mean([row.f1 for row in per_class if row.f1 is not None]),
        per_class=per_class,
        confusion=np.asarray(confusion, np.int64),
        calibration=calibrate(guesses),
    )


def calibrate(guesses: Guesses) -> Calibration:
    """Return how sure the guesses were and how many of them were right, by confidence."""
    bins = np.minimum((guesses.confidence * BINS).astype(np.int64), BINS - 1)
    counts = np.bincount(bins, minlength=BINS)
    sums = [
        np.bincount(bins, weights=values, minlength=BINS) / np.maximum(counts, 1)
        for values in (guesses.confidence, guesses.rank < 1)
    ]
    return Calibration(np.asarray(counts, np.int64), *sums)


def share_interval(right: int, images: int, level: float = 0.95, resamples: int = 10_000, seed: int = 0) -> Interval:
    """Return the percentile bootstrap over images of a share `right` / `images`: a drawn share's count is binomial."""
    if not images:
        return Interval(None, None, level)
    drawn = np.random.default_rng(seed).binomial(images, right / images, resamples) / images
    return percentile_interval(np.asarray(drawn, np.float64), level)


def _mean(values: Sequence[float] | NDArray[np.bool_]) -> float | None:
    return float(np.mean(values)) if len(values) else None
