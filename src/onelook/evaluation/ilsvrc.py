"""ImageNet's localisation challenge: five guesses an image, each a class and a box; the share of images that none of them gets.

Source: O. Russakovsky et al., "ImageNet Large Scale Visual Recognition Challenge" (arXiv 1409.0575), section 4.2: an image's error
is the least, over the guesses, of the least, over its objects, of max(wrong class, overlap under one half).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onelook.evaluation.bootstrap import Interval, image_weights, percentile_interval
from onelook.evaluation.problem import Flags, Reals
from onelook.structures.boxes import Boxes
from onelook.structures.detections import Detections
from onelook.structures.errors import UserError
from onelook.structures.truth import Truth

GUESSES = 5
"""Guesses of an image that count; those after them are not looked at."""

OVERLAP = 0.5
"""IoU from which a box is right."""

CHOICES = {
    "guesses": f"the first {GUESSES} of an image; with scores, the best {GUESSES}, one a class and box",
    "IoU": f">= {OVERLAP:g}, of continuous boxes or of pixels counted inclusively, as stated",
    "classification": "right when any guess has the image's class, whatever its box",
    "localisation": "right when one guess has the class and its box overlaps an object of that class",
    "several objects": "any one of them is enough",
    "images without truth": "left out",
    "images without a guess": "count as wrong",
    "ties": "in the order given",
}
"""What these rules decide, in words a report can print."""


@dataclass(frozen=True)
class Localisation:
    """Errors in 0..1; `top1_...` looks at the first guess alone. None where no image has truth."""

    images: int
    classification_error: float | None
    top1_classification_error: float | None
    localisation_error: float | None
    top1_localisation_error: float | None
    intervals: dict[str, Interval]
    without_guess: int

    def as_json(self) -> dict[str, Any]:
        """Return the errors, their 95 % intervals and the rules' choices."""
        words = {name: getattr(self, name) for name in _NAMES}
        ranges = {name: [interval.low, interval.high] for name, interval in self.intervals.items()}
        counts = {"images": self.images, "without_guess": self.without_guess}
        return {"rules": "ilsvrc", **words, **counts, "intervals": ranges, "choices": CHOICES}

    def lines(self) -> list[str]:
        """Return a line for each error, with its interval where there is one."""
        told = []
        for name, interval in self.intervals.items():
            value = getattr(self, name)
            spread = "" if interval.low is None else f"  [{interval.low:.4f}, {interval.high:.4f}]"
            told.append(f"{name.replace('_', ' '):28}{'-' if value is None else f'{value:.4f}'}{spread}")
        return told


_NAMES = ("classification_error", "top1_classification_error", "localisation_error", "top1_localisation_error")


def localisation(
    truths: Sequence[Truth],
    guesses: Sequence[Detections],
    inclusive: bool = False,
    resamples: int = 1000,
    seed: int = 0,
) -> Localisation:
    """Return the challenge's errors of `guesses`, one `Detections` an image, in the order in which they were guessed.

    `inclusive` counts a box's last pixel as its own, as whole-numbered boxes of the challenge mean it. Raises ValueError when the
    lengths differ, UserError for a box that is not finite or inverted.
    """
    if len(truths) != len(guesses):
        raise ValueError(f"expected as many truths as guesses, got {len(truths)} and {len(guesses)}")
    asked = [(true, guess) for true, guess in zip(truths, guesses, strict=True) if len(true)]
    wrong = np.ones((len(asked), len(_NAMES)), np.bool_)
    for row, (true, guess) in enumerate(asked):
        _check(guess, row)
        named, placed = _right(true, guess[:GUESSES], inclusive)
        wrong[row] = (not named.any(), not named[:1].any(), not placed.any(), not placed[:1].any())
    errors = dict(zip(_NAMES, wrong.mean(axis=0).tolist(), strict=True)) if asked else dict.fromkeys(_NAMES)
    weights = image_weights(len(asked), resamples, seed)
    ranges = {
        name: percentile_interval(weights @ wrong[:, column] / max(1, len(asked)) if len(asked) else np.zeros(0), 0.95)
        for column, name in enumerate(_NAMES)
    }
    empty = sum(not len(guess) for _, guess in asked)
    return Localisation(len(asked), **errors, intervals=ranges, without_guess=empty)


def best_guesses(found: Detections) -> Detections:
    """Return the best GUESSES detections, as a detector enters the challenge."""
    order = np.argsort(-found.scores, kind="stable")[:GUESSES]
    return found[order]


def _right(true: Truth, guess: Detections, inclusive: bool) -> tuple[Flags, Flags]:
    """Return of each guess (g,) whether it has a class of the image, and whether it also has an object of that class."""
    same = guess.classes[:, None] == true.classes[None]  # (g, m)
    if not len(guess):
        return np.zeros(0, np.bool_), np.zeros(0, np.bool_)
    return same.any(axis=1), (same & (_overlap(guess.boxes, true.boxes, inclusive) >= OVERLAP)).any(axis=1)


def _overlap(first: Boxes, second: Boxes, inclusive: bool) -> Reals:
    one, other = first.astype(np.float64), second.astype(np.float64)
    more = 1.0 if inclusive else 0.0
    sides = np.minimum(one[:, None, 2:], other[None, :, 2:]) - np.maximum(one[:, None, :2], other[None, :, :2]) + more
    shared = np.prod(np.maximum(sides, 0), axis=2)
    areas = (np.prod(boxes[:, 2:] - boxes[:, :2] + more, axis=1) for boxes in (one, other))
    union = next(areas)[:, None] + next(areas)[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-300))


def _check(guess: Detections, row: int) -> None:
    boxes = guess.boxes
    bad = ~np.isfinite(boxes).all(axis=1) | (boxes[:, 2:] < boxes[:, :2]).any(axis=1)
    if bad.any():
        place = int(np.argmax(bad))
        raise UserError(f"image {row}: guess {place}: expected a finite box, x1 <= x2, got {boxes[place].tolist()}")
