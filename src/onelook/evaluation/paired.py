"""Two models on the same images: what differs, by how much, and whether other images would have told the same.

The paired bootstrap: both models are judged on the same drawn images, so that what is hard for both cancels out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onelook.evaluation.bootstrap import image_weights, percentile_interval, resampled_ap, resampled_counts
from onelook.evaluation.bootstrap import resampled_mean_ap as mean_ap
from onelook.evaluation.curves import image_counts
from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import Reals


@dataclass(frozen=True)
class Difference:
    """Second minus first of one number; ends of the interval are None where it is undefined."""

    value: float | None
    low: float | None
    high: float | None
    better: float | None
    """Share of the resamples in which the second is higher; half of those in which they are equal."""

    @property
    def certain(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        ends = {"low": self.low, "high": self.high}
        return {"difference": self.value, **ends, "better": self.better, "certain": self.certain}


@dataclass(frozen=True)
class Judged:
    """One model's matches at the rules' IoU and at each of the IoUs that AP is the mean over, and its score threshold."""

    matches: Matches
    by_iou: Sequence[Matches]
    score: float


def differences(
    first: Judged, second: Judged, resamples: int = 1000, seed: int = 0, level: float = 0.95
) -> Mapping[str, Difference]:
    """Return second minus first of `ap`, `ap50`, `precision`, `recall` and `f1`, each model at its own threshold.

    Raises ValueError when they were judged on different numbers of images.
    """
    if first.matches.images != second.matches.images:
        raise ValueError(f"expected the same images, got {first.matches.images} and {second.matches.images}")
    images = first.matches.images
    weights = np.concatenate(
        [np.ones((1, images)), image_weights(images, resamples, seed)]
    )  # the first row is the data
    ours, theirs = _samples(first, weights), _samples(second, weights)
    return {word: _difference(theirs[word] - ours[word], level) for word in ours}


def changed_images(first: Judged, second: Judged) -> list[tuple[int, int, int]]:
    """Return image, more (or fewer) objects found, more (or fewer) wrong boxes of images that differ, the gravest first."""
    (found, wrong, _), (found_then, wrong_then, _) = (
        image_counts(judged.matches, judged.score) for judged in (second, first)
    )
    gained, worse = found - found_then, wrong - wrong_then
    gravity = np.abs(gained) + np.abs(worse)
    order = np.argsort(-gravity, kind="stable")[: int((gravity > 0).sum())]
    return [(int(image), int(gained[image]), int(worse[image])) for image in order]


def _samples(judged: Judged, weights: Reals) -> dict[str, Reals]:
    values = {"ap50": resampled_ap(judged.matches, weights), **resampled_counts(judged.matches, judged.score, weights)}
    return {"ap": mean_ap(judged.by_iou, weights), **values} if judged.by_iou else values


def _difference(samples: Reals, level: float) -> Difference:
    """Return the difference whose value is the first sample, and whose interval that of the others."""
    known = samples[1:][~np.isnan(samples[1:])]
    interval = percentile_interval(samples[1:], level)
    better = float(np.mean(known > 0) + np.mean(known == 0) / 2) if len(known) else None
    value = None if np.isnan(samples[0]) else float(samples[0])
    return Difference(value, interval.low, interval.high, better)
