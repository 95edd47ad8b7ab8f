"""What a model, or a file in which its detections were stored, sees on labelled images; for the commands that judge it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from onelook.cli.darknet_files import let_unlabelled_pass
from onelook.cli.oddities import tell_oddities
from onelook.structures.classes import class_map
from onelook.structures.detections import Detections
from onelook.structures.errors import UserError

if TYPE_CHECKING:
    from onelook.datasets.dataset import Dataset

LEAST_SCORE = 0.001
"""Detections below it are not asked for: AP changes by less than it prints."""


@dataclass(frozen=True)
class Seen:
    """One `Detections` an image under the data's classes, and how many stored records were left out, by reason."""

    found: list[Detections]
    excluded: Mapping[str, int] = field(default_factory=dict)


def labelled_images(
    data: Path, split: str | None, format: str | None, as_darknet: bool = False
) -> "tuple[Dataset, str | None]":
    """Return the split asked for, or val, or all where there is none, and its name. Raises UserError when it is empty.

    `as_darknet` lets images without a label file pass, as Darknet does.
    """
    from onelook.datasets.findings import strict
    from onelook.datasets.reading import read

    dataset = read(data, format, report=let_unlabelled_pass if as_darknet else strict)
    split = split or ("val" if "val" in dataset.splits else None)
    dataset = dataset.split(split) if split else dataset
    if not len(dataset):
        raise UserError(f"{data}: expected labelled images in the {split or 'whole'} set, got none")
    return dataset, split


def look_at(
    model: Path,
    dataset: "Dataset",
    data: Path,
    weights: Path | None = None,
    names: Path | None = None,
    as_darknet: bool = False,
) -> Seen:
    """Return what `model` sees on the images of `dataset`, which was read from `data`.

    `as_darknet` does all that Darknet's `detector map` does: its resizing, thresholds 0.005 and 0.45, boxes not clipped.
    """
    from onelook.datasets.files.stored_detections import is_stored, read_stored

    if is_stored(model):
        stored = read_stored(model, dataset, data)
        for reason, count in stored.excluded.items():
            typer.echo(f"{model}: {count} detections {reason} are left out", err=True)
        return Seen(stored.found, stored.excluded)
    from onelook.inference.model import find_detector, load
    from onelook.inference.throughput import in_order
    from onelook.structures.bundle import find_model
    from onelook.structures.progress import track
    from onelook.structures.renaming import renamed

    bundle = find_model(model, weights, names, exact=True) if as_darknet else find_detector(model, weights, names)
    tell_oddities(bundle.cfg)
    detector = load(bundle, threads=1)
    places = class_places(detector.names, dataset.names, str(model))
    paths = track(dataset.paths, len(dataset), "evaluating")
    look: Callable[[Path], Detections] = partial(detector.predict, score=LEAST_SCORE)
    look = detector.list_as_darknet if as_darknet else look
    return Seen([renamed(each, places) for each in in_order(look, paths, detector.runtime.at_once)])


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
