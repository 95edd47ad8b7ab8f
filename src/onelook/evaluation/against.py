"""A model against a stated pair of precision and recall, as papers and reports give them, mostly without their threshold."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from onelook.evaluation.bootstrap import image_weights
from onelook.evaluation.curves import Curve, confidence_curve, harmonic_mean, over
from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import Reals

THRESHOLDS = 1000
"""Score thresholds tried for the mean over classes: as many quantiles of the scores."""


@dataclass(frozen=True)
class Against:
    """Where the model stands at the threshold at which the lesser of its two leads is greatest."""

    by_class: bool
    """True: precision and recall are means over the classes that have truth; False: pooled over all."""
    stated: tuple[float, float]
    score: float
    precision: float
    recall: float
    share: float
    """Share of bootstrap resamples of the images in which, at this threshold, both stated numbers are beaten."""
    precision_at_recall: float | None
    """Best precision of any threshold that reaches the stated recall, None when none does."""
    recall_at_precision: float | None
    """Best recall of any threshold that reaches the stated precision, None when none does."""

    @property
    def beats(self) -> bool:
        """Whether both numbers are exceeded at once."""
        return self.precision > self.stated[0] and self.recall > self.stated[1]

    def as_json(self) -> dict[str, Any]:
        """Return the comparison in plain words and numbers."""
        return {
            "mean": "over classes" if self.by_class else "pooled",
            "stated_precision": self.stated[0],
            "stated_recall": self.stated[1],
            "score": self.score,
            "precision": self.precision,
            "recall": self.recall,
            "beats": self.beats,
            "share_of_resamples": self.share,
            "precision_at_recall": self.precision_at_recall,
            "recall_at_precision": self.recall_at_precision,
        }


def against(
    matches: Matches, precision: float, recall: float, by_class: bool = False, resamples: int = 1000, seed: int = 0
) -> Against:
    """Return how the judged detections stand against a stated precision and recall.

    Without detections or truth the model stands at threshold 0 with precision and recall 0.
    """
    curve = class_mean_curve(matches) if by_class else confidence_curve(matches)
    if not len(curve.score) or np.isnan(curve.recall).all():
        return Against(by_class, (precision, recall), 0.0, 0.0, 0.0, 0.0, None, None)
    best = int(np.argmax(np.minimum(curve.precision - precision, curve.recall - recall)))
    score = float(curve.score[best])
    weights = image_weights(matches.images, resamples, seed)
    drawn_precision, drawn_recall = _resampled(matches, score, weights, by_class)
    return Against(
        by_class=by_class,
        stated=(precision, recall),
        score=score,
        precision=float(curve.precision[best]),
        recall=float(curve.recall[best]),
        share=float(np.mean((drawn_precision > precision) & (drawn_recall > recall))),
        precision_at_recall=_best(curve.precision, curve.recall >= recall),
        recall_at_precision=_best(curve.recall, curve.precision >= precision),
    )


def class_mean_curve(matches: Matches) -> Curve:
    """Return precision and recall averaged over the classes that have truth, against the score, highest first.

    A class without a detection over the threshold has precision 0.
    """
    known = np.unique(matches.truth_class).tolist()
    score = np.unique(matches.score)
    if len(score) > THRESHOLDS:
        score = np.unique(np.quantile(score, np.linspace(0, 1, THRESHOLDS), method="nearest"))
    score = score[::-1]
    if not known:
        return Curve(score, np.zeros(len(score)), np.full(len(score), np.nan), np.full(len(score), np.nan))
    precision, recall = np.zeros((len(known), len(score))), np.zeros((len(known), len(score)))
    for row, label in enumerate(known):
        mine = matches.label == label
        right, wrong = (_passing(matches.score[mine & kind], score) for kind in (matches.found, matches.wrong))
        precision[row] = right / np.maximum(right + wrong, 1)
        recall[row] = right / np.sum(matches.truth_class == label)
    mean_precision, mean_recall = precision.mean(axis=0), recall.mean(axis=0)
    return Curve(score, mean_precision, mean_recall, harmonic_mean(mean_precision, mean_recall))


def _passing(scores: Reals, thresholds: Reals) -> Reals:
    """Return how many of `scores`, given best first, reach each threshold (t,)."""
    return np.searchsorted(-scores, -thresholds, "right").astype(np.float64)


def _resampled(matches: Matches, score: float, weights: Reals, by_class: bool) -> tuple[Reals, Reals]:
    """Return precision and recall (resamples,) at `score`."""
    labels = np.unique(matches.truth_class).tolist() if by_class else [None]
    passing = over(matches, score) | (matches.score == score)
    values = []
    for label in labels:
        mine = np.full(len(passing), True) if label is None else matches.label == label
        asked = np.full(len(matches.truth_class), True) if label is None else matches.truth_class == label
        right, wrong, truths = (
            weights @ np.bincount(image, minlength=matches.images).astype(np.float64)
            for image in (
                matches.image[passing & mine & matches.found],
                matches.image[passing & mine & matches.wrong],
                matches.truth_image[asked],
            )
        )
        recall = np.where(truths > 0, right / np.maximum(truths, 1), np.nan)
        values.append((np.where(truths > 0, right / np.maximum(right + wrong, 1), np.nan), recall))
    together: Reals = np.asarray(values)  # (classes or 1, 2, resamples)
    known = np.maximum((~np.isnan(together)).sum(axis=0), 1)
    means = np.nansum(together, axis=0) / known
    return means[0], means[1]


def _best(values: Reals, allowed: Any) -> float | None:
    return float(values[allowed].max()) if np.any(allowed) else None
