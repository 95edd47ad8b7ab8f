"""The report's four plots: loss and average precision while training, precision and recall of the result."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from onelook.evaluation.curves import confidence_curve, precision_recall
from onelook.evaluation.evaluation import Evaluation
from onelook.evaluation.matching import Matches
from onelook.training.report.chart import WIDE, smoothed
from onelook.training.report.plots import Axes, Line, Plot, Reals, line_plot, rgb

MOST_CLASSES = 8
"""Classes that get a line of their own; of more, only the mean is drawn."""

MAIN, SECOND, THIRD, FOURTH = "var(--blue)", "var(--green)", "var(--orange)", "var(--violet)"
INK, QUIET = "var(--ink)", "var(--quiet)"


def loss_plot(metrics: Sequence[Mapping[str, Any]]) -> Plot | None:
    """Return the smoothed loss, its parts and the learning rate over steps; None when no step was logged."""
    steps = [line for line in metrics if line["kind"] == "step"]
    if not steps:
        return None
    step = _column(steps, "step")
    total = smoothed(_column(steps, "loss"))
    parts = [str(name) for name in steps[-1].get("losses", {})]
    colours = (SECOND, THIRD, FOURTH)
    lines = [Line("loss", step, total, MAIN)]
    if len(parts) > 1:
        lines += [
            Line(
                name,
                step,
                smoothed(np.asarray([_number(line.get("losses", {}), name) for line in steps])),
                colour,
                "thin",
            )
            for name, colour in zip(parts, colours, strict=False)
        ]
    rate = _column(steps, "learning_rate")
    highest = float(np.nanmax(rate, initial=0.0))
    axes = Axes((0, float(step.max())), *_loss_range(lines))
    if highest > 0:
        lines.append(Line(f"learning rate (up to {highest:.2g})", step, _across(rate / highest, axes), QUIET, "faint"))
    return line_plot("Loss", lines, ("step", "loss"), axes)


def score_plot(metrics: Sequence[Mapping[str, Any]]) -> Plot | None:
    """Return what the evaluations said over steps, precision or a classifier's accuracy; None when nothing was evaluated."""
    of_classes = any("top1" in line for line in metrics if line["kind"] == "eval")
    return accuracy_plot(metrics) if of_classes else precision_plot(metrics)


def gradient_plot(metrics: Sequence[Mapping[str, Any]]) -> Plot | None:
    """Return the gradient's norm of up to MOST_CLASSES layers, first to last, over steps; None where none was logged.

    Lines that fan out downwards from the last layer to the first are gradients that vanish on their way.
    """
    names: Sequence[str] = next((line["names"] for line in metrics if line["kind"] == "layers"), [])
    steps = [line for line in metrics if line["kind"] == "step" and len(line.get("layers", ())) == len(names)]
    if not steps or not names:
        return None
    norms = np.asarray([[math.nan if norm is None else norm for norm in line["layers"]] for line in steps], np.float64)
    chosen = np.unique(np.linspace(0, len(names) - 1, min(len(names), MOST_CLASSES)).round().astype(int))
    step = _column(steps, "step")
    lines = [
        Line(str(names[layer]), step, smoothed(norms[:, layer]), rgb(number), "thin")
        for number, layer in enumerate(chosen.tolist())
    ]
    seen = np.concatenate([line.y[np.isfinite(line.y) & (line.y > 0)] for line in lines])
    if not len(seen):
        return None
    low, high = float(max(seen.min(), seen.max() * 1e-9)), float(seen.max())
    axes = Axes((0, float(step.max())), (low, max(high, 2 * low)), log=True)
    return line_plot("Gradient flow: its norm in layers from first to last", lines, ("step", "norm"), axes)


def accuracy_plot(metrics: Sequence[Mapping[str, Any]]) -> Plot:
    """Return top-1, top-5 and the mean over classes over steps; at least one evaluation is asked for."""
    evaluations = [line for line in metrics if line["kind"] == "eval"]
    step, last = _column(evaluations, "step"), max(float(line["step"]) for line in metrics)
    lines = [
        Line("top-1", step, _column(evaluations, "top1"), INK, dots=True),
        Line("top-5", step, _column(evaluations, "top5"), MAIN, dots=True),
        Line("calibration error", step, _column(evaluations, "calibration_error"), THIRD, "thin"),
    ]
    title = f"Accuracy on the {evaluations[-1].get('split', 'val')} images while training"
    return line_plot(title, lines, ("step", "share of the images"), Axes((0, last), (0, 1)))


def precision_plot(metrics: Sequence[Mapping[str, Any]]) -> Plot | None:
    """Return AP50, AP and every class's AP50 over steps; None when nothing was evaluated."""
    evaluations = [line for line in metrics if line["kind"] == "eval"]
    if not evaluations:
        return None
    step = _column(evaluations, "step")
    last = max(float(line["step"]) for line in metrics)
    lines = [
        Line("AP50", step, _column(evaluations, "ap50"), INK, dots=True),
        Line("AP", step, _column(evaluations, "ap"), MAIN, dots=True),
    ]
    names = [str(row["class"]) for row in evaluations[-1].get("per_class", [])]
    if 1 < len(names) <= MOST_CLASSES:
        for index, name in enumerate(names):
            rows: list[Mapping[str, Any]] = [
                next((row for row in line["per_class"] if row["class"] == name), {}) for line in evaluations
            ]
            lines.append(Line(f"AP50 of {name}", step, _column(rows, "ap50"), rgb(index), "thin"))
    title = f"Average precision on the {evaluations[-1].get('split', 'val')} images while training"
    return line_plot(title, lines, ("step", "average precision"), Axes((0, last), (0, 1)))


def confidence_plot(matches: Matches, evaluation: Evaluation) -> Plot:
    """Return precision, recall and F1 against the score threshold, the one in use marked."""
    curve = confidence_curve(matches)
    lines = [
        Line(name, curve.score, values, colour)
        for name, values, colour in (
            ("precision", curve.precision, MAIN),
            ("recall", curve.recall, SECOND),
            ("F1", curve.f1, THIRD),
        )
    ]
    mark = (evaluation.score, f"{evaluation.score:.2f}: {evaluation.score_from}") if len(curve.score) else None
    title = "Precision, recall and F1 against the score threshold"
    return line_plot(title, lines, ("score threshold", "share"), Axes((0, 1), (0, 1)), mark)


def recall_plot(matches: Matches) -> Plot:
    """Return precision against recall at the rules' IoU, a line a class (all pooled where there are many)."""
    if len(matches.names) > MOST_CLASSES:
        curve = confidence_curve(matches)
        lines = [Line("all classes", curve.recall, curve.precision, MAIN)]
    else:
        lines = []
        for index, name in enumerate(matches.names):
            recall, precision = precision_recall(matches, index)
            lines.append(Line(name, recall, precision, rgb(index)))
    title = f"Precision against recall at IoU {matches.rules.iou:g}"
    return line_plot(title, lines, ("recall", "precision"), Axes((0, 1), (0, 1)))


def _loss_range(lines: Sequence[Line]) -> tuple[tuple[float, float], bool]:
    """Return the range of y and whether it is logarithmic, by the first line: the whole loss."""
    total = lines[0].y[np.isfinite(lines[0].y) & (lines[0].y > 0)]
    if not len(total):
        return (0.0, 1.0), False
    parts = np.concatenate([line.y[np.isfinite(line.y) & (line.y > 0)] for line in lines])
    if total.max() > WIDE * total.min():
        return (max(float(parts.min()), float(total.max()) / 1000), float(total.max())), True
    return (0.0, 1.05 * float(total.max())), False


def _across(share: Reals, axes: Axes) -> Reals:
    """Return values that lie at `share` (0..1) of the height of these axes."""
    low, high = axes.y
    return np.asarray(low * (high / low) ** share if axes.log else low + share * (high - low))


def _column(lines: Sequence[Mapping[str, Any]], key: str) -> Reals:
    return np.asarray([_number(line, key) for line in lines], np.float64)


def _number(line: Mapping[str, Any], key: str) -> float:
    value = line.get(key)
    return math.nan if value is None else float(value)
