"""How far the headline numbers would move with other images of the same kind: the percentile bootstrap over images.

Matching is done once; a resample only reweighs images, which gives exactly the ranking in which a drawn image's detections
stand as often as it was drawn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.evaluation.average_precision import (
    average_precision,
    class_rows,
    recall_levels,
)
from onelook.evaluation.curves import harmonic_mean, over
from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import Integers, Reals

RESAMPLES, LEAST_RESAMPLES = 1000, 100
MOST_WORK = 50_000_000
"""Resamples times detections; of more detections fewer resamples are drawn, but never under LEAST_RESAMPLES."""

ALL_IOUS = 10
"""IoUs from 0.50 to 0.95; the sixth is 0.75."""

CELLS_AT_ONCE = 4_000_000
"""Resamples times detections that are worked on together: 100 MB or so."""


@dataclass(frozen=True)
class Interval:
    """The range that holds `level` of the resampled values; both ends None when the value is undefined."""

    low: float | None
    high: float | None
    level: float


def intervals(
    matches: Matches,
    score: float,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    by_iou: Sequence[Matches] = (),
) -> Mapping[str, Interval]:
    """Return the intervals of `ap50` (AP at the matches' IoU), and of `precision`, `recall`, `f1`, `average_iou` at the threshold.

    With `by_iou`, the same problem matched at the IoUs that AP is the mean over, also those of `ap` and, of all ten, `ap75`.
    """
    weights = image_weights(matches.images, resamples, seed)
    values = {"ap50": resampled_ap(matches, weights), **resampled_counts(matches, score, weights)}
    if by_iou:
        each = [resampled_ap(part, weights) for part in by_iou]
        values["ap"] = np.asarray(np.mean(each, axis=0))
        if len(each) == ALL_IOUS:
            values["ap75"] = each[ALL_IOUS // 2]
    return {word: percentile_interval(samples, level) for word, samples in values.items()}


def resample_count(detections: int) -> int:
    """Return how many resamples are worth their time for so many detections."""
    return int(np.clip(MOST_WORK / max(detections, 1), LEAST_RESAMPLES, RESAMPLES))


def image_weights(images: int, resamples: int, seed: int) -> Reals:
    """Return how often every image is drawn in every resample (resamples, images)."""
    if images == 0:
        return np.zeros((resamples, 0))
    generator = np.random.default_rng(seed)
    return generator.multinomial(images, np.full(images, 1 / images), size=resamples).astype(np.float64)


def resampled_ap(matches: Matches, weights: Reals) -> Reals:
    """Return the mean AP (resamples,) of every resample, over the classes that have truth in it."""
    classes = len(matches.names)
    values = np.full((len(weights), classes), np.nan)
    truths = np.column_stack(
        [_weight_of(matches.truth_image[matches.truth_class == k], weights) for k in range(classes)]
    )
    values[truths > 0] = 0.0
    for label, rows in class_rows(matches):
        values[:, label] = _class_ap(matches, rows, truths[:, label], weights)
    if matches.rules.absent_classes:
        return np.asarray(np.nan_to_num(values).mean(axis=1))
    known = ~np.isnan(values)
    return np.where(known.any(axis=1), np.nansum(values, axis=1) / np.maximum(known.sum(axis=1), 1), np.nan)


def resampled_mean_ap(by_iou: Sequence[Matches], weights: Reals) -> Reals:
    """Return the mean (resamples,) over several IoUs of `resampled_ap`; the matches are of one problem."""
    return np.asarray(np.mean([resampled_ap(matches, weights) for matches in by_iou], axis=0))


def resampled_counts(matches: Matches, score: float, weights: Reals) -> dict[str, Reals]:
    """Return pooled precision, recall and F1 (resamples,) at the score threshold."""
    passing = over(matches, score)
    right = _weight_of(matches.image[passing & matches.found], weights)
    wrong = _weight_of(matches.image[passing & matches.wrong], weights)
    truths = _weight_of(matches.truth_image, weights)
    precision = right / np.maximum(right + wrong, 1)
    recall = np.where(truths > 0, right / np.maximum(truths, 1), np.nan)
    rows = passing & matches.found
    overlap = weights @ np.bincount(matches.image[rows], matches.iou[rows], minlength=weights.shape[1])
    average = overlap / np.maximum(right + wrong, 1)
    return {"precision": precision, "recall": recall, "f1": harmonic_mean(precision, recall), "average_iou": average}


def percentile_interval(samples: Reals, level: float) -> Interval:
    """Return the middle `level` of the samples that are defined."""
    known = samples[~np.isnan(samples)]
    if not len(known):
        return Interval(None, None, level)
    low, high = np.percentile(known, [50 * (1 - level), 50 * (1 + level)])
    return Interval(float(low), float(high), level)


def _class_ap(matches: Matches, rows: Integers, truths: Reals, weights: Reals) -> NDArray[Any]:
    hits = np.flatnonzero(matches.hit[rows])
    rows = rows[: hits[-1] + 1] if len(hits) else rows[:0]  # what follows the last hit changes nothing
    image, hit = matches.image[rows], matches.hit[rows]
    wrong = ~hit & ~matches.ignored[rows]
    levels = recall_levels(matches.rules)
    together = max(1, CELLS_AT_ONCE // max(len(rows), 1))
    parts = []
    for begin in range(0, len(weights), together):
        drawn = weights[begin : begin + together][:, image]
        parts.append(average_precision(drawn * hit, drawn * wrong, truths[begin : begin + together], levels))
    return np.concatenate(parts)


def _weight_of(image: Integers, weights: Reals) -> Reals:
    """Return the summed weight (resamples,) of records that lie in these images."""
    return np.asarray(weights @ np.bincount(image, minlength=weights.shape[1]).astype(np.float64))
