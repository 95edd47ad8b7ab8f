"""The report's plots of what a run took of the machine, from resources.jsonl."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from onelook.training.report.plots import Axes, Line, Plot, Reals, line_plot

BLUE, GREEN, ORANGE, VIOLET = "var(--blue)", "var(--green)", "var(--orange)", "var(--violet)"
QUIET = "var(--quiet)"

Samples = Sequence[Mapping[str, Any]]


def read_resources(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a resources.jsonl; one that a kill cut short, or without its time, is left out; no file gives none."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    parsed = []
    for line in lines:
        try:
            sample = dict(json.loads(line))
        except (ValueError, TypeError):
            continue
        if isinstance(sample.get("time"), int | float):
            parsed.append(sample)
    return parsed


def resource_plots(samples: Samples) -> list[Plot]:
    """Return what was taken of processor and memory and, where there are cards, of them; fewer than two samples give none.

    Pauses between a stop and its resume are left out of the axis of minutes.
    """
    if len(samples) < 2:
        return []
    minutes = _minutes(samples)
    axes = Axes((0.0, max(float(minutes[-1]), 1e-3)), (0, 100))
    lines = [
        Line("all cores", minutes, _column(samples, lambda line: np.mean(line["cpu"])), QUIET, "thin"),
        Line("cores, this run", minutes, _column(samples, lambda line: line["cpu_run"] / len(line["cpu"])), BLUE),
        Line("memory, this run", minutes, _column(samples, _memory_share), ORANGE),
    ]
    cards = range(len(samples[-1].get("gpu", [])))
    first = line_plot("Processor and memory", lines, ("minutes", "%"), axes)
    return [first, *(_card_plot(samples, card, minutes, axes) for card in cards)]


def _card_plot(samples: Samples, card: int, minutes: Reals, axes: Axes) -> Plot:
    def value(name: str) -> Callable[[Mapping[str, Any]], float]:
        return lambda line: line["gpu"][card][name]

    lines = [
        Line("utilisation (%)", minutes, _column(samples, value("utilisation")), BLUE),
        Line(
            "memory (%)",
            minutes,
            _column(samples, lambda line: 100 * line["gpu"][card]["memory"] / line["gpu"][card]["memory_total"]),
            ORANGE,
        ),
        Line("temperature (°C)", minutes, _column(samples, value("temperature")), GREEN, "thin"),
    ]
    watts = _column(samples, value("power"))
    if np.isfinite(watts).any():
        top = float(np.nanmax(watts)) or 1.0
        lines.append(Line(f"power (% of {top:.0f} W)", minutes, 100 * watts / top, VIOLET, "thin"))
    return line_plot(f"Graphics card {card}", lines, ("minutes", "%"), axes)


def _memory_share(line: Mapping[str, Any]) -> float:
    return float(100 * line["memory"] / max(1, line["memory"] + line["available"]))


PAUSE, PAUSED = 60.0, 1.0
"""Seconds from which a gap between two samples is a pause, and those that a pause counts as."""


def seconds_between(samples: Samples) -> list[float]:
    """Return for each sample but the first the seconds of the run's own time since the one before.

    A pause is one of over PAUSE, one in which the clock went back, and one behind which another process samples: it has taken
    less processor time (`sampling`) than the one before.
    """
    found = []
    for before, after in pairwise(samples):
        gap = float(after["time"]) - float(before["time"])
        resumed = float(after.get("sampling") or 0.0) < float(before.get("sampling") or 0.0)
        found.append(PAUSED if not 0 <= gap <= PAUSE or (resumed and gap > PAUSED) else gap)
    return found


def _minutes(samples: Samples) -> Reals:
    """Return when each sample was taken, in minutes of the run's own time."""
    return np.asarray(np.cumsum([0.0, *seconds_between(samples)]) / 60)


def _column(samples: Samples, value: Callable[[Mapping[str, Any]], Any]) -> Reals:
    """Return a value of every sample (n,); NaN where a sample lacks it."""
    found = []
    for line in samples:
        try:
            found.append(float(value(line)))
        except (KeyError, IndexError, TypeError, ZeroDivisionError):
            found.append(math.nan)
    return np.asarray(found, np.float64)
