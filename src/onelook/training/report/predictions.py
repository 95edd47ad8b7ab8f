"""predictions.json: what a run's best model said of its held-out images, so that a report needs neither model nor data set.

{"about": {...}, "data": {...}, "names": [...], "splits": {NAME: [{"file", "width", "height", "truth": [[class, x1, y1, x2, y2,
difficult, crowd], ...], "detections": [[class, score, x1, y1, x2, y2], ...]}, ...]}}; boxes in the image's own pixels.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from onelook.datasets.dataset import Dataset
from onelook.structures.detections import Detections
from onelook.structures.errors import FormatError
from onelook.structures.files import write_text
from onelook.structures.truth import Truth


@dataclass(frozen=True)
class SplitPredictions:
    """Truth and detections of the n images of one split; sizes are (width, height)."""

    paths: tuple[Path, ...]
    sizes: tuple[tuple[int, int], ...]
    truths: tuple[Truth, ...]
    detections: tuple[Detections, ...]

    def __post_init__(self) -> None:
        counts = (len(self.paths), len(self.sizes), len(self.truths), len(self.detections))
        if len(set(counts)) != 1:
            raise ValueError(f"expected as many paths, sizes, truths and detections, got {counts}")


@dataclass(frozen=True)
class Predictions:
    """Everything that predictions.json holds."""

    names: tuple[str, ...]
    splits: Mapping[str, SplitPredictions] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    """What `data_facts` tells of the data set."""
    about: Mapping[str, Any] = field(default_factory=dict)
    """Whatever else a reader of the report should know: the network, the weights it began with."""


def split_predictions(dataset: Dataset, detections: Sequence[Detections]) -> SplitPredictions:
    """Return the truth of `dataset` (one split) beside `detections`, one of each an image."""
    return SplitPredictions(
        paths=tuple(path.absolute() for path in dataset.paths),
        sizes=tuple((int(width), int(height)) for width, height in dataset.sizes),
        truths=tuple(dataset.truth(index) for index in range(len(dataset))),
        detections=tuple(detections),
    )


def data_facts(splits: Mapping[str, Dataset]) -> dict[str, Any]:
    """Return path, format and, for every split, images, boxes, negatives, boxes by class and digest."""
    facts: dict[str, Any] = {"splits": {}}
    for name, dataset in splits.items():
        facts["path"], facts["format"] = str(dataset.root.absolute()), dataset.format
        counts = np.bincount(dataset.classes, minlength=len(dataset.names))
        facts["splits"][name] = {
            "images": len(dataset),
            "boxes": len(dataset.boxes),
            "negatives": int((dataset.labelled & (np.diff(dataset.offsets) == 0)).sum()),
            "classes": dict(zip(dataset.names, counts.tolist(), strict=True)),
            "digest": dataset.digest(),
        }
    return facts


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions.json, whole or not at all; every float32 comes back bit for bit."""
    content = {
        "about": dict(predictions.about),
        "data": dict(predictions.data),
        "names": list(predictions.names),
        "splits": {name: _images(split) for name, split in predictions.splits.items()},
    }
    write_text(path, json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str) + "\n")


def read_predictions(path: Path) -> Predictions:
    """Return what predictions.json holds. Raises FormatError naming the file, and the image where one is broken."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"{path}: expected a run's predictions, got {error.strerror}") from None
    except ValueError as error:
        raise FormatError(f"{path}: expected JSON, got {error}") from None
    try:
        names, splits = tuple(map(str, content["names"])), dict(content["splits"])
        about, data = dict(content["about"]), dict(content["data"])
    except (KeyError, TypeError, ValueError):
        raise FormatError(f"{path}: expected about, data, names and splits, got another kind of JSON") from None
    read = {name: _split(images, f"{path}: {name}") for name, images in splits.items()}
    return Predictions(names, read, data, about)


def add_split(path: Path, name: str, split: SplitPredictions) -> None:
    """Put the predictions of one split into predictions.json, in the place of what was there of that split."""
    stored = read_predictions(path)
    write_predictions(path, replace(stored, splits={**stored.splits, name: split}))


def _images(split: SplitPredictions) -> list[dict[str, Any]]:
    columns = zip(split.paths, split.sizes, split.truths, split.detections, strict=True)
    return [
        {
            "file": str(path),
            "width": width,
            "height": height,
            "truth": _truth_rows(truth),
            "detections": [
                [label, _short(score), *map(_short, box)]
                for label, score, box in zip(found.classes.tolist(), found.scores, found.boxes, strict=True)
            ],
        }
        for path, (width, height), truth, found in columns
    ]


def _truth_rows(truth: Truth) -> list[list[float]]:
    assert truth.difficult is not None
    assert truth.crowd is not None
    flags = zip(truth.difficult.tolist(), truth.crowd.tolist(), strict=True)
    return [
        [label, *map(_short, box), int(difficult), int(crowd)]
        for label, box, (difficult, crowd) in zip(truth.classes.tolist(), truth.boxes, flags, strict=True)
    ]


def _short(value: np.float32) -> float:
    """Return the shortest decimal number that is this float32 and no other."""
    return float(str(value))


def _split(images: Any, where: str) -> SplitPredictions:
    paths, sizes, truths, detections = [], [], [], []
    for number, image in enumerate(images):
        try:
            true = np.asarray(image["truth"], np.float64).reshape(-1, 7)
            found = np.asarray(image["detections"], np.float64).reshape(-1, 6)
            paths.append(Path(image["file"]))
            sizes.append((int(image["width"]), int(image["height"])))
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(
                f"{where}: image {number}: expected file, width, height, truth, detections, got {error}"
            ) from None
        flags = true[:, 5:].astype(np.bool_)
        boxes = true[:, 1:5].astype(np.float32)
        truths.append(Truth(boxes, true[:, 0].astype(np.int64), flags[:, 0], flags[:, 1]))
        seen = (found[:, 2:].astype(np.float32), found[:, 1].astype(np.float32), found[:, 0].astype(np.int64))
        detections.append(Detections(*seen))
    return SplitPredictions(tuple(paths), tuple(sizes), tuple(truths), tuple(detections))
