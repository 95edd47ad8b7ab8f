"""`onelook eval`: a model's detections on labelled images, judged by stated rules."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from onelook.cli.darknet_files import let_unlabelled_pass
from onelook.cli.output import print_json
from onelook.structures.classes import class_map
from onelook.structures.detections import Detections
from onelook.structures.errors import UserError

LEAST_SCORE = 0.001
"""Detections below it are not asked for: AP changes by less than it prints."""


def evaluate(
    model: Annotated[Path, typer.Argument(help="A run, a bundle, or a .cfg with its .weights beside it.")],
    data: Annotated[Path, typer.Argument(help="The labelled images; the format is found by looking.")],
    split: Annotated[
        str | None, typer.Option(help="train, val or test; by default val, or all where there is none.")
    ] = None,
    rules: Annotated[str, typer.Option(help="coco, voc07, voc10 or darknet.")] = "coco",
    score: Annotated[
        float | None, typer.Option(help="Threshold of precision and recall; by default the one with the best F1.")
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="The .weights of a .cfg that has none beside it.")] = None,
    names: Annotated[Path | None, typer.Option(help="The class names of a .cfg, one a line.")] = None,
    format: Annotated[str | None, typer.Option(help="The data's format, if looking gets it wrong.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with every number.")] = False,
) -> None:
    """Judge MODEL on DATA and print AP, precision, recall and F1, for all classes and each.

    --rules darknet does all that Darknet's `detector map` does: its resizing, thresholds 0.005 and 0.45, boxes not clipped.
    """
    from onelook.datasets.findings import strict
    from onelook.datasets.reading import read
    from onelook.evaluation.evaluation import evaluate as judge
    from onelook.evaluation.rules import find_rules
    from onelook.inference.model import load
    from onelook.structures.bundle import find_model
    from onelook.structures.progress import track
    from onelook.structures.truth import Truth

    chosen = find_rules(rules)
    as_darknet = chosen.name == "darknet"
    detector = load(find_model(model, weights, names, exact=as_darknet))
    dataset = read(data, format, report=let_unlabelled_pass if as_darknet else strict)
    split = split or ("val" if "val" in dataset.splits else None)
    dataset = dataset.split(split) if split else dataset
    if not len(dataset):
        raise UserError(f"{data}: expected labelled images in the {split or 'whole'} set, got none")
    places = class_places(detector.names, dataset.names, str(model))
    paths = track(dataset.paths, len(dataset), "evaluating")
    seen = (
        detector.list_as_darknet(path) if as_darknet else detector.predict(path, score=LEAST_SCORE) for path in paths
    )
    found = [renamed(each, places) for each in seen]
    truths: list[Truth] = [dataset.truth(index) for index in range(len(dataset))]
    result = judge(truths, found, dataset.names, chosen, score, [str(path) for path in dataset.paths]).as_json()
    if as_json:
        print_json({"model": str(model), "data": str(data), "split": split, **result})
    else:
        typer.echo(table(result, split))


def class_places(model: Sequence[str], data: Sequence[str], where: str) -> list[int | None]:
    """Return for every class of the model its index in the data's, by name; None for one that the data does not have.

    Raises UserError when no class is shared; a class of the data that the model does not know is told on stderr.
    """
    places = class_map(model, data)
    if all(place is None for place in places):
        raise UserError(f"{where}: expected classes of the data ({', '.join(data[:6])}), got {', '.join(model[:6])}")
    unknown = [name for index, name in enumerate(data) if index not in places]
    if unknown:
        typer.echo(f"{where}: does not know {', '.join(unknown)}; what it misses of them counts against it", err=True)
    return places


def renamed(found: Detections, places: Sequence[int | None]) -> Detections:
    """Return the detections under the data's class indices; those of classes that the data does not have are left out."""
    table = np.asarray([-1 if place is None else place for place in places], np.int64)
    classes = table[found.classes]
    kept = classes >= 0
    return Detections(found.boxes[kept], found.scores[kept], classes[kept])


def table(result: dict[str, Any], split: str | None) -> str:
    """Return the numbers as lines for a reader."""
    head = f"{result['images']} images ({split or 'all'}), {result['truths']} boxes, rules {result['rules']}"
    rows: list[tuple[str, ...]] = [("class", "boxes", "AP50", "AP", "precision", "recall", "F1")]
    rows += [(row["class"], str(row["truths"]), *map(_cell, _numbers(row))) for row in result["per_class"]]
    rows.append(("all", str(result["truths"]), *map(_cell, _numbers(result))))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    foot = f"precision, recall and F1 at score {result['score']:.3f} ({result['score_from']}), IoU 0.5"
    return "\n".join([head, *lines, foot])


def _numbers(row: dict[str, Any]) -> list[float | None]:
    return [row[word] for word in ("ap50", "ap", "precision", "recall", "f1")]


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
