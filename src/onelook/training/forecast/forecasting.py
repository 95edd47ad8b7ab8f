"""From what the user named to a forecast, before anything starts."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelook.training.forecast.budget import parse_duration
from onelook.training.forecast.forecast import Forecast, told
from onelook.training.memory import keep_memory
from onelook.training.outset import checked, foreseen, set_out
from onelook.training.tasks.choosing import choose
from onelook.training.tasks.task import Say


@dataclass(frozen=True)
class Foresight:
    """A forecast, and the contradictions in the settings that it is of."""

    forecast: Forecast
    contradictions: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return every figure by its name, and `contradictions`."""
        return {**self.forecast.as_json(), "contradictions": list(self.contradictions)}


def forecast_training(
    network: str | Path,
    data: str | Path,
    weights: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    format: str | None = None,
    time_budget: str | None = None,
    began: float | None = None,
    say: Say = print,
) -> Foresight:
    """Return what training `network` on `data` will take; the arguments are those of `train`, and nothing is kept.

    `began` is when the process was started (time.time), if getting ready is to be counted from there. Raises UserError for
    every mistake that `train` would refuse.
    """
    began = began or time.time()
    keep_memory()
    budget = parse_duration(time_budget, "--time-budget") if time_budget else None
    choice = choose(str(network), settings or {})
    dataset = checked(choice, Path(data), format, say)
    outset = set_out(choice, dataset, Path(weights) if weights else None, say, began, budget, measuring=True)
    assert outset.measured is not None
    result = foreseen(outset.task, outset.measured)
    for line in told(result):
        say(line)
    return Foresight(result, outset.contradictions)
