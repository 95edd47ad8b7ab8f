"""predictions.json of a classifier: what a run's best model said of its held-out images, so that a report needs no model.

{"kind": "classes", "about": {...}, "data": {...}, "names": [...], "splits": {NAME: [{"file", "width", "height", "class",
"rank", "top": [[class, score], ...]}, ...]}}; `rank` is how many classes were thought likelier than the true one.
"""

import json
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
from onelook.structures.files import write_text

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
    facts: dict[str, Any] = {"splits": {}}
    for name, dataset in splits.items():
        facts["path"], facts["format"] = str(dataset.root.absolute()), dataset.format
        counts = np.bincount(dataset.labels, minlength=len(dataset.names))
        facts["splits"][name] = {
            "images": len(dataset),
            "classes": dict(zip(dataset.names, counts.tolist(), strict=True)),
            "digest": dataset.digest(),
        }
    return facts


def write_class_predictions(path: Path, predictions: ClassPredictions) -> None:
    """Write predictions.json, whole or not at all."""
    content = {
        "kind": KIND,
        "about": dict(predictions.about),
        "data": dict(predictions.data),
        "names": list(predictions.names),
        "splits": {name: _images(split) for name, split in predictions.splits.items()},
    }
    write_text(path, json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str) + "\n")


def is_of_classes(path: Path) -> bool:
    """Return whether a file holds a classifier's predictions; what is broken is left to its reader to tell."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(64).startswith(f'{{"kind":"{KIND}"')
    except (OSError, UnicodeDecodeError):
        return False


def read_class_predictions(path: Path) -> ClassPredictions:
    """Return what a classifier's predictions.json holds. Raises FormatError naming the file, and the image where one is broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        names, splits = tuple(map(str, content["names"])), dict(content["splits"])
        about, data = dict(content["about"]), dict(content["data"])
    except OSError as error:
        raise FormatError(f"{path}: expected a run's predictions, got {error.strerror}") from None
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: expected about, data, names and splits as JSON, got {error}") from None
    return ClassPredictions(
        names, {name: _split(images, f"{path}: {name}", len(names)) for name, images in splits.items()}, data, about
    )


def _images(split: ClassSplit) -> list[dict[str, Any]]:
    columns = zip(
        split.paths, split.sizes, split.guesses.labels.tolist(), split.guesses.rank.tolist(), split.tops, strict=True
    )
    return [
        {
            "file": str(path),
            "width": width,
            "height": height,
            "class": label,
            "rank": rank,
            "top": [[index, round(score, 6)] for index, score in top if not math.isnan(score)],
        }
        for path, (width, height), label, rank, top in columns
    ]


def _split(images: Sequence[Any], where: str, classes: int) -> ClassSplit:
    paths, sizes, labels, ranks, tops = [], [], [], [], []
    for number, image in enumerate(images):
        try:
            paths.append(Path(image["file"]))
            sizes.append((int(image["width"]), int(image["height"])))
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
