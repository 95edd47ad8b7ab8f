"""predictions.json of a classifier: what a run's best model said of its held-out images, so that a report needs no model.

In the envelope of `predictions_file`, of kind `classes`, an image says {"class", "rank", "top": [[class, score], ...]}; `rank` is
how many classes were thought likelier than the true one.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.dataset import Dataset
from onelook.evaluation.classification import NO_CLASS, TOP, Guesses, guess
from onelook.structures.class_scores import softmax
from onelook.structures.errors import FormatError
from onelook.training.report.predictions_file import (
    Envelope,
    counts,
    facts_of,
    image_facts,
    is_of_kind,
    read_envelope,
    read_image_facts,
    write_envelope,
)

KIND = "classes"

Tops = tuple[tuple[tuple[int, float], ...], ...]


@dataclass(frozen=True)
class ClassSplit:
    """Truth and guesses of the n images of one split; `tops` are the likeliest classes of each with their scores."""

    paths: tuple[Path, ...]
    sizes: tuple[tuple[int, int], ...]
    guesses: Guesses
    tops: Tops


@dataclass(frozen=True)
class ClassPredictions:
    """Everything that a classifier's predictions.json holds."""

    names: tuple[str, ...]
    splits: Mapping[str, ClassSplit] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)


def class_split(dataset: Dataset, logits: NDArray[np.float32]) -> ClassSplit:
    """Return what `logits` (n, c) say of a split of n images, all with a class."""
    scores = softmax(logits)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :TOP]
    tops = tuple(
        tuple((int(index), float(row[index])) for index in best) for row, best in zip(scores, order, strict=True)
    )
    sizes = tuple((int(width), int(height)) for width, height in dataset.sizes)
    paths = tuple(path.absolute() for path in dataset.paths)
    return ClassSplit(paths, sizes, guess(logits, dataset.labels, logits=True), tops)


def class_facts(splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return path, format and, for every split, images, images by class and digest."""
    return facts_of(splits, lambda dataset: {"classes": counts(dataset.names, dataset.labels)})


def write_class_predictions(path: Path, predictions: ClassPredictions) -> None:
    """Write predictions.json, whole or not at all."""
    images = {name: _images(split) for name, split in predictions.splits.items()}
    write_envelope(path, Envelope(predictions.names, images, predictions.data, predictions.about, KIND))


def is_of_classes(path: Path) -> bool:
    """Return whether a file holds a classifier's predictions; what is broken is left to its reader to tell."""
    return is_of_kind(path, KIND)


def read_class_predictions(path: Path) -> ClassPredictions:
    """Return what a classifier's predictions.json holds. Raises FormatError naming the file, and the image where one is broken."""
    stored = read_envelope(path)
    read = {name: _split(images, f"{path}: {name}", len(stored.names)) for name, images in stored.splits.items()}
    return ClassPredictions(stored.names, read, stored.data, stored.about)


def _images(split: ClassSplit) -> list[dict[str, Any]]:
    columns = zip(
        split.paths, split.sizes, split.guesses.labels.tolist(), split.guesses.rank.tolist(), split.tops, strict=True
    )
    return [
        {
            **image_facts(path, size),
            "class": label,
            "rank": rank,
            "top": [[index, round(score, 6)] for index, score in top if not math.isnan(score)],
        }
        for path, size, label, rank, top in columns
    ]


def _split(images: Sequence[Any], where: str, classes: int) -> ClassSplit:
    paths, sizes, labels, ranks, tops = [], [], [], [], []
    for number, image in enumerate(images):
        try:
            path, size = read_image_facts(image)
            paths.append(path)
            sizes.append(size)
            labels.append(int(image["class"]))
            ranks.append(int(image["rank"]))
            tops.append(tuple((int(index), float(score)) for index, score in image["top"]))
            indices = [labels[-1], *(index for index, _ in tops[-1])]
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(
                f"{where}: image {number}: expected file, width, height, class, rank, top, got {error}"
            ) from None
        if not 0 <= min(indices) <= max(indices) < classes:
            raise FormatError(f"{where}: image {number}: expected classes from 0 to {classes - 1}, got {indices}")
    best = [top[0] if top else (NO_CLASS, 0.0) for top in tops]
    guesses = Guesses(
        np.asarray(labels, np.int64),
        np.asarray([index for index, _ in best], np.int64),
        np.asarray([score for _, score in best], np.float64),
        np.asarray(ranks, np.int64),
    )
    return ClassSplit(tuple(paths), tuple(sizes), guesses, tuple(tops))
