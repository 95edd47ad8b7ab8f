"""report.html: one page that holds everything there is to know of a run, and needs nothing beside itself."""

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onelook.evaluation.bootstrap import Interval, resample_count
from onelook.evaluation.evaluation import Evaluation, headline_intervals
from onelook.evaluation.problem import Integers
from onelook.evaluation.rules import RULES, Rules
from onelook.structures.files import write_text
from onelook.training.report.chart import duration
from onelook.training.report.class_predictions import ClassPredictions
from onelook.training.report.class_report import class_context
from onelook.training.report.facts import ReportFacts, read_report_facts
from onelook.training.report.flow_map import flow_map
from onelook.training.report.judging import MOST_CLASSES, judge_split, ordered, told_confusions
from onelook.training.report.mistakes import mistakes_context
from onelook.training.report.page import percent, render_page
from onelook.training.report.plots import rgb
from onelook.training.report.predictions import Predictions, SplitPredictions
from onelook.training.report.resource_plots import resource_plots
from onelook.training.report.run_plots import confidence_plot, gradient_plot, loss_plot, recall_plot, score_plot
from onelook.training.report.samples import make_samples

TEMPLATE, CLASS_TEMPLATE = "report.html.jinja", "class_report.html.jinja"
FEW_IMAGES = 50
"""Images below which the report says that its numbers rest on little."""

CAVEATS = {
    "val": "The best weights of the run were chosen by these images, so their numbers flatter a little; a test split would not.",
    "train": "The model was trained on these images: this tells what it has memorised, not how it does on new ones.",
}


def rebuild_report(run: Path) -> Path:
    """Write the report of a run from what its folder stores and return its path.

    Raises UserError when `run` is no run, for a file of it that is broken, and for a record that cannot be judged.
    """
    return write_report(run, read_report_facts(run))


def write_report(run: Path, facts: ReportFacts) -> Path:
    """Write `run`/report.html, whole or not at all, and return its path. Raises UserError for a record that can't be judged."""
    path = run / "report.html"
    template = CLASS_TEMPLATE if isinstance(facts.predictions, ClassPredictions) else TEMPLATE
    write_text(path, render_page(template, _context(run, facts)))
    return path


def write_page(path: Path, title: str, predictions: Predictions, rules: Rules, score: float | None) -> None:
    """Write the page of an evaluation that belongs to no run: the same result, without training, settings and commands."""
    splits = [_split_context(predictions, name, rules, score) for name in predictions.splits]
    empty: dict[str, Any] = {"plots": [], "data": {}, "settings": {}, "environment": {}, "commands": []}
    context = {**_classes(predictions), "run": title, "subtitle": [f"rules: {rules.name}"], "splits": splits}
    write_text(path, render_page(TEMPLATE, {**empty, **context, "about": _flat(predictions.about)}))


def _classes(predictions: Predictions | ClassPredictions) -> dict[str, Any]:
    return {"names": predictions.names, "colours": [rgb(index) for index in range(len(predictions.names))]}


def _context(run: Path, facts: ReportFacts) -> dict[str, Any]:
    """Return what the template names."""
    predictions = facts.predictions
    of_split = _split_context if isinstance(predictions, Predictions) else class_context
    splits = {name: of_split(predictions, name) for name in ordered(predictions.splits)}  # type: ignore[arg-type]  # its own
    flow = (gradient_plot(facts.metrics), flow_map(facts.metrics))
    drawn = (loss_plot(facts.metrics), score_plot(facts.metrics), *flow, *resource_plots(facts.resources))
    plots = [plot for plot in drawn if plot]
    return {
        "run": run.resolve().name,
        "subtitle": _subtitle(facts),
        "splits": list(splits.values()),
        "plots": plots,
        "data": predictions.data,
        **_classes(predictions),
        "about": {key: value for key, value in _flat(predictions.about).items() if key != "seconds"},
        "settings": _flat(facts.settings),
        "environment": _flat(facts.environment),
        "commands": _commands(run, predictions),
    }


def _split_context(
    predictions: Predictions, name: str, rules: Rules = RULES["coco"], score: float | None = None
) -> dict[str, Any]:
    """Return the numbers, curves, confusions and pictures of one split."""
    split, names = predictions.splits[name], predictions.names
    judged = judge_split(predictions, name, rules, score)
    problem, evaluation, matches, matrix = judged.problem, judged.evaluation, judged.matches, judged.matrix
    samples, lost = make_samples(split, names, judged)
    ranges = headline_intervals(problem, matches, evaluation.score)
    return {
        "name": name,
        "evaluation": evaluation,
        "cards": _cards(evaluation, ranges),
        "words": _in_words(name, split, evaluation, ranges["ap50"], matrix, names),
        "plots": [confidence_plot(matches, evaluation), recall_plot(matches)],
        "rows": _class_rows(evaluation),
        "matrix": _matrix(matrix, names) if len(names) <= MOST_CLASSES else None,
        "confusions": told_confusions(matrix, names),
        "samples": samples,
        "lost": lost,
        "choices": matches.rules.choices(),
        "resamples": resample_count(len(problem.score)),
        **mistakes_context(problem, matches, evaluation.score),
        "caveat": CAVEATS.get(name),
    }


def _cards(evaluation: Evaluation, ranges: Mapping[str, Interval]) -> list[dict[str, Any]]:
    """Return the headline numbers, each with what it means and the interval that was resampled."""
    score = f"{evaluation.score:.2f}"
    told = (
        ("AP50", evaluation.ap50, "average precision; a box counts when it overlaps by half", ranges["ap50"]),
        ("AP", evaluation.ap, "the same, averaged over overlaps from 50 to 95 %", ranges["ap"]),
        ("Precision", evaluation.precision, f"boxes that are right, at score ≥ {score}", ranges["precision"]),
        ("Recall", evaluation.recall, f"objects that are found, at score ≥ {score}", ranges["recall"]),
        ("F1", evaluation.f1, "balance of the two; the score is where it is best", ranges["f1"]),
    )
    return [{"name": name, "value": value, "meaning": meaning, "interval": span} for name, value, meaning, span in told]


def _in_words(
    name: str, split: SplitPredictions, evaluation: Evaluation, ap50: Interval, matrix: Integers, names: Sequence[str]
) -> list[str]:
    """Return the result as sentences for someone who has never heard of average precision."""
    images = len(split.paths)
    if evaluation.recall is None:
        return [f"The {images} {name} images hold no labelled object, so nothing can be said of the model."]
    result = (
        f"On {images} {name} images the model finds {percent(evaluation.recall)} of the {evaluation.truths:,} objects, and "
        f"{percent(evaluation.precision)} of the boxes that it draws are right, when it is asked for those with a score of "
        f"at least {evaluation.score:.2f}."
    )
    sentences = [result]
    if ap50.low is not None and ap50.high is not None:
        sentences.append(
            f"With other images of the same kind AP50 would, 19 times out of 20, lie between {ap50.low:.3f} and {ap50.high:.3f}."
        )
    if images < FEW_IMAGES:
        sentences.append(f"{images} images are few: a difference smaller than that range means nothing.")
    known = [result for result in evaluation.per_class if result.ap50 is not None]
    if len(known) > 1:
        weakest = min(known, key=lambda result: result.ap50 or 0.0)
        sentences.append(f"The weakest class is {weakest.name}, with an AP50 of {weakest.ap50:.3f}.")
    mistakes = told_confusions(matrix, names)
    return sentences + (
        [f"The commonest mistake: {mistakes[0]['words']}, {mistakes[0]['count']} times."] if mistakes else []
    )


def _class_rows(evaluation: Evaluation) -> list[dict[str, Any]]:
    return [{"colour": rgb(index), "result": result} for index, result in enumerate(evaluation.per_class)]


def _matrix(matrix: Integers, names: Sequence[str]) -> dict[str, Any]:
    """Return the confusion matrix as rows of counts and shares of the row; the last row and column are the background."""
    totals = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.maximum(totals, 1)
    rows = [
        {
            "name": name,
            "cells": [
                {
                    "count": int(count),
                    "share": float(share),
                    "right": row == column < len(names),
                    "percent": percent(float(share)) if row < len(names) else "",
                }
                for column, (count, share) in enumerate(zip(counts, part, strict=True))
            ],
        }
        for row, (name, counts, part) in enumerate(zip([*names, "background"], matrix, shares, strict=True))
    ]
    return {"columns": [*names, "missed"], "rows": rows}


def _subtitle(facts: ReportFacts) -> list[str]:
    """Return the run in a few short phrases: steps, time, when and on what."""
    steps = [line for line in facts.metrics if line["kind"] == "step"]
    phrases = [str(facts.predictions.about["network"])] if "network" in facts.predictions.about else []
    if steps:
        phrases.append(f"{max(line['step'] for line in steps):,} steps")
        phrases.append(f"{steps[-1].get('epoch', 0):.1f} epochs")
    if "seconds" in facts.predictions.about:
        phrases.append(f"{duration(float(facts.predictions.about['seconds']))} of training")
    started = facts.environment.get("started")
    return phrases + ([f"begun {str(started)[:16].replace('T', ' ')}"] if started else [])


def _commands(run: Path, predictions: Predictions | ClassPredictions) -> list[dict[str, str]]:
    """Return what to type next, each with what it does."""
    where, data = shlex.quote(str(run)), shlex.quote(str(predictions.data.get("path", "DATA")))
    return [
        {
            "does": "Find objects in your own images and draw them"
            if isinstance(predictions, Predictions)
            else "Name the class of your own images",
            "line": f"onelook predict {where} IMAGES" + (" --out found" * isinstance(predictions, Predictions)),
        },
        {
            "does": "Judge it again, by other rules or on another split",
            "line": f"onelook eval {where} {data} --split test",
        },
        {"does": "Make an ONNX file of it", "line": f"onelook export {where} --to onnx"},
        {"does": "Write this page again", "line": f"onelook report {where}"},
    ]


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return nested mappings as one, keys joined by dots."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat.update({f"{key}.{inner}": item for inner, item in _flat(value).items()})
        else:
            flat[str(key)] = value
    return flat
