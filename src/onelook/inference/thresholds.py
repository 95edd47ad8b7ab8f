"""From which score on a detection counts: one number, or one for some classes."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from onelook.structures.errors import UserError, nearest

Score = float | Mapping[str, float]
"""A number for all classes, or numbers by class name; the others then keep the model's own."""


def thresholds(score: Score | None, default: float, names: Sequence[str]) -> NDArray[np.float32]:
    """Return the least score of each class, (c,). Raises UserError for an unknown class and for a number outside 0..1."""
    if not isinstance(score, Mapping):
        return np.full(len(names), share("score", score, default), np.float32)
    least = np.full(len(names), default, np.float32)
    for name, value in score.items():
        if name not in names:
            raise UserError(f"score: expected a class of the model, got {name!r}{nearest(name, names)}")
        least[[place for place, each in enumerate(names) if each == name]] = share(f"score of {name}", value, default)
    return least


def share(name: str, value: float | None, default: float) -> float:
    """Return `value`, or `default` for None. Raises UserError outside 0..1."""
    value = default if value is None else value
    if not 0 <= value <= 1:
        raise UserError(f"{name}: expected a number from 0 to 1, got {value}")
    return value


def read_score(text: str, default: float, names: Sequence[str]) -> Score:
    """Return what a user writes as `0.3`, `person=0.4,car=0.6` or `0.3,person=0.5`. Raises UserError for anything else."""
    least: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.rpartition("=")
        try:
            number = float(value)
        except ValueError:
            raise UserError(
                f"--score: expected a number, or CLASS=NUMBER, several joined by commas, got {part!r}"
            ) from None
        if not name:
            default = number
        else:
            least[name.strip()] = number
    return {**dict.fromkeys(names, default), **least} if least else default
