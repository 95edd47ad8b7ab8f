"""evaluation.png: one sheet with the curves, the confusions, every class's AP, and what the mistakes cost."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from onelook.evaluation.bootstrap import Interval
from onelook.evaluation.breakdown import costs
from onelook.evaluation.confusion import confusion_matrix
from onelook.evaluation.curves import confidence_curve, precision_recall
from onelook.evaluation.evaluation import Evaluation
from onelook.evaluation.groups import groups
from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import Problem
from onelook.structures.figures import blank_figure
from onelook.structures.files import write_bytes
from onelook.training.report.plots import rgb

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, QUIET, GRID = "#1f2937", "#6b7280", "#e5e7eb"
BLUE, GREEN, ORANGE, RED = "#2563eb", "#059669", "#d97706", "#dc2626"
SIZE, DOTS = (16.0, 9.6), 100
"""Inches and dots an inch: 1600 x 960 pixels."""

MOST_CLASSES = 25
"""Classes, the commonest, that are drawn."""
MOST_CELLS = 12
"""Classes, the commonest, of the confusion matrix."""


def draw_evaluation(
    path: Path, title: str, problem: Problem, evaluation: Evaluation, matches: Matches, ranges: Mapping[str, Interval]
) -> None:
    """Write the sheet (PNG, 1600 x 960), whole or not at all. Without truth its panels are empty."""
    figure = blank_figure(SIZE, DOTS)
    panels = figure.subplots(2, 3)
    figure.subplots_adjust(left=0.085, right=0.985, top=0.86, bottom=0.07, wspace=0.5, hspace=0.36)
    order = np.argsort([-result.truths for result in evaluation.per_class], kind="stable").tolist()
    _draw_precision(panels[0, 0], matches, order[:MOST_CELLS])
    _draw_confidence(panels[0, 1], matches, evaluation)
    _draw_confusion(panels[0, 2], problem, matches, evaluation.score, order[:MOST_CELLS])
    _draw_classes(panels[1, 0], evaluation, order[:MOST_CLASSES])
    _draw_costs(panels[1, 1], problem, matches, evaluation.score)
    _draw_groups(panels[1, 2], problem, matches, evaluation.score)
    figure.text(0.02, 0.95, title, fontsize=16, fontweight="bold", color=INK)
    figure.text(0.02, 0.915, headline(evaluation, ranges), fontsize=11, color=QUIET)
    data = BytesIO()
    figure.savefig(data, format="png")
    write_bytes(path, data.getvalue())


def headline(evaluation: Evaluation, ranges: Mapping[str, Interval]) -> str:
    """Return the headline numbers, each with its interval, the images and the rules as one line."""
    parts = []
    for name, word in (("AP50", "ap50"), ("AP", "ap"), ("precision", "precision"), ("recall", "recall"), ("F1", "f1")):
        value, interval = getattr(evaluation, word), ranges.get(word)
        if value is not None:
            known = interval is not None and interval.low is not None
            parts.append(
                f"{name} {value:.3f}" + (f" [{interval.low:.3f}, {interval.high:.3f}]" if known and interval else "")
            )
    return "   ·   ".join(
        [*parts, f"{evaluation.images} images", f"{evaluation.truths} objects", f"rules: {evaluation.rules.name}"]
    )


def _draw_precision(axes: "Axes", matches: Matches, order: Sequence[int]) -> None:
    _plain(axes, f"Precision against recall at IoU {matches.rules.iou:g}", "recall", "precision")
    for index in order:
        recall, precision = precision_recall(matches, index)
        if len(recall) and not np.isnan(recall).all():
            axes.plot(recall, precision, color=rgb(index), linewidth=1.6, label=matches.names[index])
    _unit(axes)
    if axes.lines:
        axes.legend(loc="lower left", frameon=False, fontsize=8.5, ncols=1 if len(order) < 7 else 2, labelcolor=INK)


def _draw_confidence(axes: "Axes", matches: Matches, evaluation: Evaluation) -> None:
    _plain(axes, "Precision, recall and F1 against the score threshold", "score threshold", "")
    curve = confidence_curve(matches)
    for name, values, colour in (
        ("precision", curve.precision, BLUE),
        ("recall", curve.recall, GREEN),
        ("F1", curve.f1, ORANGE),
    ):
        axes.plot(curve.score, values, color=colour, linewidth=1.8, label=name)
    _unit(axes)
    if evaluation.best_score is not None:
        best = evaluation.best_score
        axes.axvline(best, color=QUIET, linestyle="--", linewidth=1.1)
        side = "right" if best > 0.6 else "left"
        axes.text(
            best + (-0.015 if best > 0.6 else 0.015), 0.02, f"best F1 at {best:.2f}", ha=side, fontsize=9.5, color=INK
        )
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 0.06), frameon=False, fontsize=9, labelcolor=INK)


def _draw_confusion(axes: "Axes", problem: Problem, matches: Matches, score: float, order: Sequence[int]) -> None:
    _plain(axes, f"What is taken for what, at score {score:.2f}", "seen as", "true")
    axes.grid(visible=False)
    matrix = confusion_matrix(problem, matches, score)
    rows = [*order, len(matches.names)]
    part = matrix[np.ix_(rows, rows)]
    shares = part / np.maximum(part.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    names = [_short(matches.names[index]) for index in order]
    axes.set_xticks(range(len(rows)), [*names, "missed"], rotation=0 if len(rows) < 6 else 60)
    axes.set_yticks(range(len(rows)), [*names, "background"])
    for row, column in zip(*np.nonzero(part), strict=True):
        ink = "white" if shares[row, column] > 0.55 else INK
        axes.text(column, row, f"{part[row, column]}", ha="center", va="center", fontsize=8.5, color=ink)


def _draw_classes(axes: "Axes", evaluation: Evaluation, order: Sequence[int]) -> None:
    known = [index for index in order if evaluation.per_class[index].ap50 is not None]
    known = sorted(known, key=lambda index: evaluation.per_class[index].ap50 or 0.0)
    _plain(
        axes,
        "AP50 of every class (lines: AP)" if len(known) == len(evaluation.per_class) else "AP50 by class (lines: AP)",
        "",
        "",
    )
    values = [evaluation.per_class[index].ap50 or 0.0 for index in known]
    axes.barh(range(len(known)), values, color=[rgb(index) for index in known], height=0.7)
    for row, index in enumerate(known):
        result = evaluation.per_class[index]
        axes.plot([result.ap or 0.0] * 2, [row - 0.35, row + 0.35], color=INK, linewidth=2)
        if len(known) <= 15:
            axes.text(0.01, row, f"{result.ap50:.3f}", va="center", fontsize=9, color=INK)
    axes.set_yticks(
        range(len(known)), [f"{_short(evaluation.per_class[k].name)} ({evaluation.per_class[k].truths})" for k in known]
    )
    axes.set_xlim(0, 1)


def _draw_costs(axes: "Axes", problem: Problem, matches: Matches, score: float) -> None:
    _plain(axes, "What each kind of mistake costs in AP50", "", "")
    prices = costs(problem, matches, score)[::-1]
    values = [cost.ap or 0.0 for cost in prices]
    axes.barh(range(len(prices)), values, color=RED, alpha=0.8, height=0.65)
    top = max([*values, 0.01])
    for row, cost in enumerate(prices):
        axes.text(
            values[row] + top * 0.02, row, f"{values[row]:.3f}  ({cost.at_score}x)", va="center", fontsize=9, color=INK
        )
    axes.set_yticks(range(len(prices)), [cost.kind for cost in prices])
    axes.set_xlim(0, top * 1.6)


def _draw_groups(axes: "Axes", problem: Problem, matches: Matches, score: float) -> None:
    _plain(axes, "Found by size and crowding", f"share found at score {score:.2f} (pale: at any score)", "")
    shown = [group for part in groups(problem, matches, score).values() for group in part if group.truths][::-1]
    rows = range(len(shown))
    axes.barh(rows, [group.recall_at_any_score or 0.0 for group in shown], color=GREEN, alpha=0.3, height=0.65)
    axes.barh(rows, [group.recall or 0.0 for group in shown], color=GREEN, height=0.65)
    axes.set_yticks(rows, [f"{group.name.partition(',')[0]} ({group.truths})" for group in shown])
    for row, group in zip(rows, shown, strict=True):
        axes.text(
            0.01,
            row,
            f"{group.recall or 0.0:.2f}",
            va="center",
            fontsize=9,
            color="white" if (group.recall or 0) > 0.15 else INK,
        )
    axes.set_xlim(0, 1)


def _plain(axes: "Axes", title: str, across: str, up: str) -> None:
    axes.set_title(title, fontsize=11.5, color=INK, loc="left")
    axes.set_xlabel(across, fontsize=10, color=QUIET)
    axes.set_ylabel(up, fontsize=10, color=QUIET)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(length=0, labelsize=9.5, colors=QUIET)
    for side in axes.spines.values():
        side.set_visible(False)


def _unit(axes: "Axes") -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)


def _short(name: str, most: int = 16) -> str:
    return name if len(name) <= most else name[: most - 1] + "…"
