"""What `onelook predict` and `onelook eval` do with a classifier."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import typer

from onelook.cli.output import print_json
from onelook.cli.predict_boxes import computing_for, drawn_into, finished
from onelook.cli.predict_outputs import Drawings
from onelook.cli.telling import Teller, place_of
from onelook.structures.errors import UserError

if TYPE_CHECKING:
    from onelook.inference.classifier import Classifying


def refuse_box_options(model: Path, given: Mapping[str, Any]) -> None:
    """Raise UserError for the first option that was given a value and is about boxes."""
    for flag, value in given.items():
        if value is not None:
            raise UserError(f"{flag}: expected a detector; {model} is a classifier and finds no boxes")


def predict_classes(
    model: Path,
    bundle: "Classifying",
    sources: Sequence[str],
    out: Path | None,
    computing: tuple[int | None, str | None],
    most_pixels: int | None,
    way: str,
) -> None:
    """Print the likeliest classes of each picture; one that cannot be read is one line on stderr, and the exit code is 1.

    With `out` the pictures are drawn into it with their classes. `computing` are the threads and the runtime.
    """
    from onelook.inference.classification import Classification
    from onelook.inference.classifier import load_classifier
    from onelook.inference.items import count_of, items_of
    from onelook.inference.predicting import drawing_paths, look_in_order
    from onelook.structures.progress import track

    announced = count_of(sources)
    classifier = load_classifier(bundle, *computing_for(model, sources, announced, computing))
    width, height = classifier.settings.size
    runtime = classifier.runtime.description
    teller, drawings = Teller(model, way), None
    if out:
        drawings = Drawings(Classification.draw, drawing_paths(sources, out))
    teller.head(f"a classifier of {len(classifier.names)} classes, {width} x {height}, {runtime}")
    items = track(items_of(sources, most_pixels), announced, "predicting", "pictures")
    with finished([drawings] if drawings else [], sources, way):
        for item, found in look_in_order(classifier.predict, items, teller.fail, classifier.runtime.at_once):
            row = found.as_json()
            teller.row(row, f"{place_of(row)}: {_words(row)}")
            if drawings:
                drawings.take(item, found)
    teller.end({}, runtime, f"{{seconds}}{drawn_into(out, teller)}")


def _words(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{each['class']} {each['score']:.3f}" for each in row["classes"])


def judged_as_classifier(
    model: Path,
    data: Path,
    split: str | None,
    format: str | None,
    beside: tuple[Path | None, Path | None],
    as_json: bool,
) -> bool:
    """Return whether the model is a classifier, whose numbers are then printed; `beside` are its weights and names."""
    from onelook.datasets.files.stored_detections import is_stored
    from onelook.inference.classifier import find_classifier

    bundle = None if is_stored(model) else find_classifier(model, *beside)
    if bundle:
        evaluate_classifier(model, bundle, data, split, format, as_json)
    return bundle is not None


def evaluate_classifier(
    model: Path, bundle: "Classifying", data: Path, split: str | None, format: str | None, as_json: bool
) -> None:
    """Print top-1, top-5, the mean over classes and each class of a classifier's answers on labelled images."""
    from onelook.cli.seeing import class_places
    from onelook.datasets.reading import read
    from onelook.evaluation.classification import evaluate_classes
    from onelook.inference.classifier import load_classifier
    from onelook.inference.throughput import in_order
    from onelook.structures.progress import track

    dataset = read(data, format)
    split = split or ("val" if "val" in dataset.splits else None)
    dataset = dataset.split(split) if split else dataset
    dataset = dataset.select(np.flatnonzero(dataset.labels >= 0))
    if not len(dataset):
        raise UserError(f"{data}: expected images with a class each in the {split or 'whole'} set, got none")
    classifier = load_classifier(bundle, threads=1)
    places = class_places(classifier.names, dataset.names, str(model))
    scores = np.zeros((len(dataset), len(dataset.names)), np.float32)
    own = [(index, place) for index, place in enumerate(places) if place is not None]
    columns, targets = [index for index, _ in own], [place for _, place in own]
    paths = track(dataset.paths, len(dataset), "evaluating")
    for row, found in enumerate(in_order(classifier.predict, paths, classifier.runtime.at_once)):
        scores[row, targets] = found.scores[columns]
    result = evaluate_classes(scores, dataset.labels, dataset.names).as_json()
    if as_json:
        print_json({"model": str(model), "data": str(data), "split": split, **result})
    else:
        typer.echo(_table(result, split))


def _table(result: dict[str, Any], split: str | None) -> str:
    """Return the numbers as lines for a reader."""
    low, high = result["top1_interval"]
    words = (
        f"{result['images']} images ({split or 'all'}): top-1 {result['top1']:.3f} ({low:.3f} to {high:.3f}), "
        f"top-5 {result['top5']:.3f}, mean over classes {result['mean_accuracy']:.3f}, F1 {result['f1']:.3f}, "
        f"calibration error {result['calibration_error']:.3f}; the commonest class alone {result['chance']:.3f}"
    )
    rows: list[tuple[str, ...]] = [("class", "images", "right", "accuracy", "precision", "F1")]
    for row in result["per_class"]:
        shares = (_cell(row[word]) for word in ("accuracy", "precision", "f1"))
        rows.append((row["class"], str(row["images"]), str(row["right"]), *shares))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([words, *lines])


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
