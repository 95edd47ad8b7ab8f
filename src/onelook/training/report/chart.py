"""chart.png: how a run goes, redrawn while it goes. Loss on the left, precision or accuracy on the right, the rate below."""

import math
import statistics
from collections.abc import Mapping, Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onelook.structures.figures import blank_figure
from onelook.structures.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCORES = (
    ("ap50", "AP50", "#059669"),
    ("ap", "AP", "#d97706"),
    ("top1", "top-1", "#059669"),
    ("top5", "top-5", "#d97706"),
)
"""What an evaluation may say: its word, its name and its colour."""

Metrics = Sequence[Mapping[str, Any]]
Reals = NDArray[np.float64]

INK, GRID, QUIET = "#1f2937", "#e5e7eb", "#6b7280"
LOSS, SCORE, RATE = "#2563eb", "#059669", "#7c3aed"
SIZE, DOTS = (12.0, 6.75), 100
"""Inches and dots an inch: 1200 x 675 pixels."""

MOST_POINTS = 1500
"""Points of a line; more would not be seen."""

PAUSE = 600.0
"""Seconds between steps that are taken for a pause of the run, when they are also a hundred times the usual."""

WIDE = 8.0
"""Ratio of the highest to the lowest loss from which the loss is drawn on a logarithmic scale."""


def draw_chart(metrics: Metrics, path: Path, total_steps: int | None) -> None:
    """Write the chart of the lines of metrics.jsonl to `path` (PNG, 1200 x 675), whole or not at all.

    `total_steps` are those of the whole run, None when unknown. No lines give an empty chart that says so.
    """
    steps = [line for line in metrics if line["kind"] == "step"]
    evaluations = [line for line in metrics if line["kind"] == "eval"]
    figure = blank_figure(SIZE, DOTS)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[7, 1.3])
    figure.subplots_adjust(left=0.065, right=0.935, top=0.87, bottom=0.085, hspace=0.08)
    last = max([line["step"] for line in metrics], default=0)
    _draw_loss(upper, steps)
    _draw_precision(upper.twinx(), evaluations)
    _draw_rate(lower, steps, max(last, total_steps or 0, 1))
    figure.align_ylabels([upper, lower])
    figure.text(0.065, 0.945, path.resolve().parent.name, fontsize=15, fontweight="bold", color=INK)
    figure.text(0.065, 0.9, headline(metrics, total_steps), fontsize=11.5, color=QUIET)
    data = BytesIO()
    figure.savefig(data, format="png")
    write_bytes(path, data.getvalue())


def headline(metrics: Metrics, total_steps: int | None) -> str:
    """Return the run's last figures and the time left as one line of words."""
    steps = [line for line in metrics if line["kind"] == "step"]
    evaluations = [line for line in metrics if line["kind"] == "eval"]
    if not steps and not evaluations:
        return "no step yet"
    step = max(line["step"] for line in metrics)
    parts = [f"step {step:,}" + (f" of {total_steps:,} ({100 * step / total_steps:.0f} %)" if total_steps else "")]
    if steps:
        parts.append(f"loss {smoothed(_column(steps, 'loss'))[-1]:.3g}")
    if evaluations:
        last = evaluations[-1]
        parts += [f"{name} {_number(last, key):.3f}" for key, name, _ in SCORES if key in last]
    if steps:
        parts.append(f"{steps[-1]['images_per_second']:.1f} images/s")
    left = seconds_left(steps, total_steps)
    if left is not None:
        parts.append(f"{duration(left)} left" if left > 0 else "finished")
    return "   ·   ".join(parts)


def seconds_left(steps: Metrics, total_steps: int | None) -> float | None:
    """Return how long the run will still take at its recent pace, evaluations counted in; None when that can't be told."""
    if total_steps is None or not steps:
        return None
    remaining = total_steps - int(steps[-1]["step"])
    if remaining <= 0:
        return 0.0
    recent = steps[-300:]
    pace = [
        (after["time"] - before["time"]) / (after["step"] - before["step"])
        for before, after in pairwise(recent)
        if after["step"] > before["step"]
    ]
    if not pace:
        return None
    most = max(PAUSE, 100 * statistics.median(pace))
    return remaining * statistics.fmean([seconds for seconds in pace if seconds <= most])


def duration(seconds: float) -> str:
    """Return a time span in the two units that matter: 45 s, 2 min 05 s, 12 min, 3 h 05 min, 2 d 4 h."""
    minutes, hours = round(seconds / 60), int(seconds // 3600)
    if seconds < 90:
        return f"{seconds:.0f} s"
    if minutes < 10:
        return f"{int(seconds // 60)} min {int(seconds % 60):02d} s"
    if minutes < 90:
        return f"{minutes} min"
    if hours < 48:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{hours // 24} d {hours % 24} h"


def smoothed(values: Reals) -> Reals:
    """Return the centred moving mean (n,) over about a thirtieth of the values; what is not finite is left out."""
    reach = max(2, len(values) // 60)
    finite = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    first = np.maximum(np.arange(len(values)) - reach, 0)
    last = np.minimum(np.arange(len(values)) + reach + 1, len(values))
    return np.asarray((sums[last] - sums[first]) / np.maximum(counts[last] - counts[first], 1))


def thinned(*columns: Reals, most: int = MOST_POINTS) -> list[Reals]:
    """Return the columns cut to at most `most` evenly spaced rows, first and last among them."""
    if len(columns[0]) <= most:
        return list(columns)
    rows = np.unique(np.linspace(0, len(columns[0]) - 1, most).round().astype(int))
    return [column[rows] for column in columns]


def _draw_loss(axes: "Axes", steps: Metrics) -> None:
    _plain(axes)
    axes.set_ylabel("loss", color=LOSS, fontsize=11)
    axes.tick_params(axis="y", colors=LOSS)
    if not steps:
        return
    step, loss = _column(steps, "step"), _column(steps, "loss")
    mean = smoothed(loss)
    shown = mean[np.isfinite(mean) & (mean > 0)]
    if len(shown) and shown.max() > WIDE * shown.min():
        _logarithmic(axes, shown)
    elif len(shown):
        axes.set_ylim(0, 1.15 * float(np.percentile(np.append(loss[np.isfinite(loss)], shown.max()), 99.5)))
    axes.plot(*thinned(step, loss), color=LOSS, alpha=0.22, linewidth=0.8)
    axes.plot(*thinned(step, mean), color=LOSS, linewidth=2)


def _logarithmic(axes: "Axes", shown: Reals) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    axes.set_yscale("log")
    axes.set_ylim(0.8 * shown.min(), 1.1 * shown.max())
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _draw_precision(axes: "Axes", evaluations: Metrics) -> None:
    _plain(axes)
    axes.grid(visible=False)
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    of_classes = any("top1" in line for line in evaluations)
    axes.set_ylabel("accuracy" if of_classes else "average precision", color=SCORE, fontsize=11)
    axes.tick_params(axis="y", colors=SCORE)
    step = _column(evaluations, "step")
    for key, name, colour in SCORES[2:] if of_classes else SCORES[:2]:
        values = np.asarray([_number(line, key) for line in evaluations], np.float64)
        axes.plot(step, values, color=colour, linewidth=2, marker="o", markersize=4, label=name)
    axes.plot([], [], color=LOSS, linewidth=2, label="loss")
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.09), ncols=3, frameon=False, fontsize=10, labelcolor=INK)


def _draw_rate(axes: "Axes", steps: Metrics, last: int) -> None:
    _plain(axes)
    axes.set_xlim(0, last)
    axes.set_xlabel("step", color=QUIET, fontsize=10)
    axes.set_ylabel("rate", color=RATE, fontsize=11)
    axes.tick_params(axis="y", colors=RATE, labelsize=8)
    rate = _column(steps, "learning_rate")
    top = float(rate.max(initial=0.0))
    axes.set_ylim(0, 1.2 * top or 1)
    axes.set_yticks([0, top] if top else [])
    axes.set_yticklabels(["0", f"{top:.2g}"] if top else [])
    axes.plot(*thinned(_column(steps, "step"), rate), color=RATE, linewidth=1.2)


def _plain(axes: "Axes") -> None:
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9.5, colors=QUIET)
    for side in axes.spines.values():
        side.set_visible(False)


def _column(lines: Metrics, key: str) -> Reals:
    return np.asarray([_number(line, key) for line in lines], np.float64)


def _number(line: Mapping[str, Any], key: str) -> float:
    value = line.get(key)
    return math.nan if value is None else float(value)
