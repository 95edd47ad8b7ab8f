"""The pictures of a report on many runs: accuracy against time with its front, and the runs' learning curves."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from onelook.experiments.report.figures import ACCURACY, WALL
from onelook.experiments.report.front import pareto_front
from onelook.experiments.report.rows import Row, as_key, axes_of, levels_of
from onelook.experiments.report.tables import in_words
from onelook.training.report.chart import smoothed
from onelook.training.report.plots import Axes, Line, Plot, Reals, line_plot, rgb
from onelook.training.report.run_plots import FOURTH, MAIN, QUIET, SECOND, THIRD

Curves = Mapping[str, Sequence[Mapping[str, Any]]]
"""The lines of metrics.jsonl by the row's name."""

MOST_LEVELS = 8
"""Levels of an axis that get colours of their own."""

PALETTE = (MAIN, THIRD, SECOND, FOURTH, "var(--red)")
"""Colours that read well in light and dark; more levels get those of classes."""


def front_plot(rows: Sequence[Row]) -> Plot | None:
    """Return accuracy against time, a dot a run that is done, coloured by the first axis, the front joined; None without two dots.

    Time has a logarithmic scale where the slowest run took over ten times as long as the quickest.
    """
    shown = [row for row in rows if row.done and None not in _point(row)]
    if len(shown) < 2:
        return None
    minutes, scores = (np.asarray(values, np.float64) for values in zip(*map(_known_point, shown), strict=True))
    axes = _front_axes(minutes, scores)
    steps = Line("the front", *_columns(_stairs([_known_point(row) for row in pareto_front(shown)])), QUIET, "faint")
    lines = [steps, *(_dots(name, group, colour) for name, group, colour in _groups(shown, _coloured(shown)[0]))]
    return line_plot(
        "Accuracy against time: the front is what no other run beats in both", lines, ("minutes", "accuracy"), axes
    )


def curve_plots(rows: Sequence[Row], curves: Curves) -> list[Plot]:
    """Return for every axis how accuracy and loss went over the epochs, a line a run, coloured by the axis's level."""
    plots: list[Plot | None] = []
    for axis in _coloured(rows):
        by = f", by {axis}" if axis else ""
        plots.append(_curves(rows, curves, axis, f"Accuracy over epochs{by}", "accuracy", _score_curve))
        plots.append(_curves(rows, curves, axis, f"Loss over epochs{by}", "loss", _loss_curve))
    return [plot for plot in plots if plot]


def _point(row: Row) -> tuple[float | None, float | None]:
    return WALL.of(row.outcome), ACCURACY.of(row.outcome)


def _known_point(row: Row) -> tuple[float, float]:
    """Return minutes and accuracy of a row that has both."""
    seconds, score = _point(row)
    return (seconds or 0.0) / 60, score or 0.0


def _columns(points: Sequence[tuple[float, float]]) -> tuple[Reals, Reals]:
    return np.asarray([x for x, _ in points], np.float64), np.asarray([y for _, y in points], np.float64)


def _stairs(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return what is reached at any time: level up to the next run of the front, then up."""
    corners = [(after[0], before[1]) for before, after in pairwise(points)]
    return [*points[:1], *(place for pair in zip(corners, points[1:], strict=True) for place in pair)]


def _front_axes(minutes: Reals, scores: Reals) -> Axes:
    wide = bool(minutes.min() > 0 and minutes.max() > 10 * minutes.min())
    margin = 0.08 * (float(scores.max() - scores.min()) or 0.1)
    low, high = max(0.0, float(scores.min()) - margin), min(1.0, float(scores.max()) + margin)
    ends = (0.8 * float(minutes.min()), 1.25 * float(minutes.max())) if wide else (0.0, 1.08 * float(minutes.max()))
    return Axes(ends, (low, high), log_x=wide)


def _dots(name: str, group: Sequence[Row], colour: str) -> Line:
    points = [_known_point(row) for row in group]
    told = [
        f"{row.name}: {score:.3f}, {WALL.told(60 * minutes)}"
        for row, (minutes, score) in zip(group, points, strict=True)
    ]
    return Line(name, *_columns(points), colour, "none", dots=True, told=told)


def _coloured(rows: Sequence[Row]) -> list[str]:
    """Return the axes whose levels can be told apart by colours; an empty name where there is none."""
    return [axis for axis in axes_of(rows) if len(levels_of(rows, axis)) <= MOST_LEVELS] or [""]


def _groups(rows: Sequence[Row], axis: str) -> list[tuple[str, list[Row], str]]:
    """Return the rows by level of `axis`, each level with its words and colour; without an axis all together."""
    if not axis:
        return [("runs", list(rows), MAIN)]
    groups: dict[str, tuple[str, list[Row], str]] = {
        as_key(level): (f"{axis} {in_words(level)}", [], _colour(number))
        for number, level in enumerate(levels_of(rows, axis))
    }
    for row in rows:
        groups.get(as_key(row.levels.get(axis)), ("", [], ""))[1].append(row)
    return list(groups.values())


def _colour(number: int) -> str:
    return PALETTE[number] if number < len(PALETTE) else rgb(number)


def _curves(
    rows: Sequence[Row],
    curves: Curves,
    axis: str,
    title: str,
    label: str,
    curve: Callable[[Sequence[Mapping[str, Any]]], tuple[Reals, Reals]],
) -> Plot | None:
    """Return one plot of all runs that have such a curve; None where none has."""
    lines: list[Line] = []
    legend: list[tuple[str, str]] = []
    for name, group, colour in _groups(rows, axis):
        drawn = [Line(row.name, *curve(curves.get(row.name, ())), colour, "thin") for row in group]
        lines += [line for line in drawn if len(line.x) > 1]
        legend.append((name, colour))
    if not lines:
        return None
    x, y = (np.concatenate([getattr(line, side) for line in lines]) for side in ("x", "y"))
    plot = line_plot(title, lines, ("epoch", label), _curve_axes(x, y[np.isfinite(y)], label == "loss"))
    return Plot(plot.title, plot.svg, legend)


def _curve_axes(x: Reals, y: Reals, wide: bool) -> Axes:
    top = float(y.max(initial=0.0)) or 1.0
    low = float(y.min(initial=top))
    wide = wide and low > 0 and top > 20 * low
    return Axes((0.0, float(x.max())), (low, top) if wide else (0.0, 1.05 * top), log=wide)


def _score_curve(lines: Sequence[Mapping[str, Any]]) -> tuple[Reals, Reals]:
    judged = [line for line in lines if line.get("kind") == "eval"]
    scores = [line.get("ap50", line.get("top1")) for line in judged]
    return _columns(
        [
            (_epoch(line), math.nan if score is None else float(score))
            for line, score in zip(judged, scores, strict=True)
        ]
    )


def _loss_curve(lines: Sequence[Mapping[str, Any]]) -> tuple[Reals, Reals]:
    steps = [line for line in lines if line.get("kind") == "step" and line.get("loss") is not None]
    epochs, losses = _columns([(_epoch(line), float(line["loss"])) for line in steps])
    return epochs, smoothed(losses)


def _epoch(line: Mapping[str, Any]) -> float:
    return float(line.get("epoch") or 0.0)
