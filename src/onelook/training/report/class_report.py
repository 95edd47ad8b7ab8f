"""What report.html shows of a classifier: accuracy in numbers and words, by class, confusions, calibration, pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onelook.evaluation.classification import BINS, ClassEvaluation, Guesses, judge_guesses, share_interval
from onelook.structures.errors import UserError
from onelook.structures.images import read_image
from onelook.training.report.class_predictions import ClassPredictions, ClassSplit
from onelook.training.report.judging import MOST_CLASSES, told_confusions
from onelook.training.report.plots import Axes, Line, Plot, line_plot, rgb
from onelook.training.report.run_plots import MAIN, QUIET, SECOND
from onelook.training.report.samples import embedded

EACH = 8
"""Pictures of a kind."""


@dataclass(frozen=True)
class ClassSample:
    """One picture: its bytes as a data: URI, its name, its class, and the guesses with their scores in words."""

    uri: str
    name: str
    truth: str
    guesses: str
    right: bool


def class_context(predictions: ClassPredictions, name: str) -> dict[str, Any]:
    """Return what the template names of one split."""
    split, names = predictions.splits[name], predictions.names
    evaluation = judge_guesses(split.guesses, names)
    pictures, lost = _pictures(split, names)
    return {
        "name": name,
        "evaluation": evaluation,
        "cards": _cards(evaluation),
        "words": _in_words(name, evaluation),
        "rows": [{"colour": rgb(index), "result": row} for index, row in enumerate(evaluation.per_class)],
        "matrix": _matrix(evaluation) if len(names) <= MOST_CLASSES else None,
        "confusions": _confusions(evaluation),
        "plots": [calibration_plot(evaluation)],
        "pictures": pictures,
        "lost": lost,
    }


def _cards(evaluation: ClassEvaluation) -> list[dict[str, Any]]:
    """Return the headline numbers, each with what it means and, where it is a share of the images, its interval."""
    images = evaluation.images
    right = sum(row.right for row in evaluation.per_class)
    top5 = share_interval(round((evaluation.top5 or 0) * images), images)
    told = (
        ("Top-1", evaluation.top1, "images whose likeliest class is the true one", share_interval(right, images)),
        ("Top-5", evaluation.top5, "images whose class is among the five likeliest", top5),
        ("Mean over classes", evaluation.mean_accuracy, "accuracy of each class that occurs, averaged", None),
        ("F1", evaluation.f1, "balance of precision and recall, averaged over classes", None),
        (
            "Calibration error",
            evaluation.calibration.error,
            "mean gap between how sure it is and how often right",
            None,
        ),
    )
    return [{"name": name, "value": value, "meaning": meaning, "interval": span} for name, value, meaning, span in told]


def _in_words(name: str, evaluation: ClassEvaluation) -> list[str]:
    """Return the result as sentences for someone who has never heard of top-1."""
    if evaluation.top1 is None:
        return [f"The {name} split has no image with a class, so nothing can be said of the model."]
    interval = evaluation.top1_interval()
    assert interval.low is not None
    assert interval.high is not None
    sentences = [
        (
            f"Of {evaluation.images} {name} images the model names the class of {100 * evaluation.top1:.1f} % correctly; always "
            f"guessing the commonest class would be right for {100 * evaluation.chance:.1f} %."
        ),
        (
            f"With other images of the same kind the share would, 19 times out of 20, lie between {100 * interval.low:.1f} and "
            f"{100 * interval.high:.1f} %."
        ),
    ]
    known = [row for row in evaluation.per_class if row.accuracy is not None]
    if len(known) > 1:
        weakest = min(known, key=lambda row: row.accuracy or 0.0)
        sentences.append(f"The weakest class is {weakest.name}: {weakest.right} of {weakest.images} recognised.")
    mistakes = _confusions(evaluation)
    if mistakes:
        sentences.append(f"The commonest mistake: {mistakes[0]['words']}, {mistakes[0]['count']} times.")
    return sentences


def _matrix(evaluation: ClassEvaluation) -> dict[str, Any]:
    """Return the confusion matrix as rows of counts and shares of the row; the last column is for answers that were NaN."""
    lost = evaluation.confusion[:, -1].any()
    columns = [*evaluation.names, "no answer"] if lost else list(evaluation.names)
    rows = []
    for row, counts in enumerate(evaluation.confusion[:, : len(columns)].tolist()):
        total = max(1, sum(counts))
        cells = [
            {"count": count, "share": count / total, "right": row == column, "percent": f"{100 * count / total:.0f} %"}
            for column, count in enumerate(counts)
        ]
        rows.append({"name": evaluation.names[row], "cells": cells})
    return {"columns": columns, "rows": rows}


def _confusions(evaluation: ClassEvaluation) -> list[dict[str, Any]]:
    """Return the commonest mistakes, most frequent first, in words; answers that were NaN are taken for nothing."""
    return told_confusions(evaluation.confusion[:, : len(evaluation.names)], evaluation.names)


def calibration_plot(evaluation: ClassEvaluation) -> Plot:
    """Return the share that is right against how sure the model was; on the grey line the two would be equal."""
    bins = evaluation.calibration
    used = bins.counts > 0
    ends = np.asarray([0.0, 1.0])
    lines = [
        Line("as sure as right", ends, ends, QUIET, "faint"),
        Line("share that is right", bins.confidence[used], bins.accuracy[used], MAIN, dots=True),
        Line("share of the images", bins.confidence[used], bins.counts[used] / bins.counts.sum(), SECOND, "thin"),
    ]
    title = f"How sure, and how often right, in {BINS} steps"
    return line_plot(title, lines, ("score of the likeliest class", "share"), Axes((0, 1), (0, 1)))


def _pictures(split: ClassSplit, names: Sequence[str]) -> tuple[dict[str, list[ClassSample]], list[str]]:
    """Return pictures by kind: the surest mistakes, and hits about as sure as usual; and a line for each that is lost."""
    lost: list[str] = []
    chosen = {"The surest mistakes": surest_mistakes(split.guesses)[:EACH], "Usual hits": _usual_hits(split.guesses)}
    shown = {
        kind: [sample for index in rows for sample in _sample(split, index, names, lost)]
        for kind, rows in chosen.items()
    }
    return {kind: samples for kind, samples in shown.items() if samples}, lost


def surest_mistakes(guesses: Guesses) -> list[int]:
    """Return the images, by place, whose class was taken for another, the surest first."""
    wrong = np.flatnonzero(guesses.rank > 0)
    return [int(row) for row in wrong[np.argsort(-guesses.confidence[wrong], kind="stable")]]


def _usual_hits(guesses: Guesses) -> list[int]:
    right = np.flatnonzero(guesses.rank == 0)
    order = right[np.argsort(guesses.confidence[right], kind="stable")]
    middle = max(0, (len(order) - EACH) // 2)
    return [int(row) for row in order[middle : middle + EACH]]


def _sample(split: ClassSplit, index: int, names: Sequence[str], lost: list[str]) -> list[ClassSample]:
    path: Path = split.paths[index]
    try:
        uri = embedded(read_image(path))
    except UserError as error:
        lost.append(str(error))
        return []
    told = ", ".join(f"{names[place]} {score:.2f}" for place, score in split.tops[index][:3])
    right = bool(split.guesses.rank[index] == 0)
    return [ClassSample(uri, path.name, names[split.guesses.labels[index]], told, right)]
