"""A time budget: read from words, and a run's schedule fitted to it."""

import dataclasses
import re
from collections.abc import Callable

from onelook.structures.errors import UserError
from onelook.training.report.chart import duration
from onelook.training.settings import TrainSettings

_UNITS = {"d": 86400, "h": 3600, "m": 60, "min": 60, "s": 1}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(d|h|min|m|s)\s*")

_SIZES = {"k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt])b?")

MARGIN = 0.03
"""Share of the budget that is left free: the machine is not always as fast as it was measured."""


def parse_duration(text: str, where: str) -> float:
    """Return the seconds of 2h, 90m, 1h30m, 45s or 1d; parts are added. Raises UserError naming `where` for other words, and 0."""
    parts = _PART.findall(text.strip().lower())
    whole = "".join(re.sub(r"\s", "", part) for pair in parts for part in pair)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if whole != re.sub(r"\s", "", text.lower()) or seconds <= 0:
        raise UserError(f"{where}: expected a time such as 2h, 90m, 1h30m or 45s, got {text!r}")
    return seconds


def parse_size(text: str, where: str) -> int:
    """Return the bytes of 4GB, 500 MB or 1.5G, in powers of ten. Raises UserError naming `where` for other words, and 0."""
    found = _SIZE.fullmatch(text.strip().lower())
    count = int(float(found[1]) * _SIZES[found[2]]) if found else 0
    if count <= 0:
        raise UserError(f"{where}: expected a size such as 4GB or 500MB, got {text!r}")
    return count


def fitting_steps(seconds_of: Callable[[int], float], total: int, budget: float) -> int:
    """Return the most steps, up to `total`, whose run takes at most `budget` seconds.

    `seconds_of` tells what a run of so many steps takes, more for more steps. Raises UserError when not even one step fits.
    """
    if seconds_of(total) <= budget:
        return total
    least = seconds_of(1)
    if least > budget:
        raise UserError(
            f"--time-budget: expected at least {duration(1.1 * least)} from here for a step, an evaluation and the report, "
            f"got {duration(max(0.0, budget))}; give more time, or fewer validation images"
        )
    low, high = 1, total
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if seconds_of(middle) <= budget else (low, middle)
    return low


def shortened(given: TrainSettings, total: int, steps: int) -> TrainSettings:
    """Return the user's settings for a run of `steps` instead of `total` steps; steps and burn-in that were given are scaled."""
    scale = steps / total
    return dataclasses.replace(
        given,
        epochs=None,
        max_batches=steps,
        steps=tuple(max(1, round(step * scale)) for step in given.steps) if given.steps else None,
        burn_in=round(given.burn_in * scale) if given.burn_in else given.burn_in,
    )
