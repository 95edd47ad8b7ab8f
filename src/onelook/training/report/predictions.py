"""predictions.json: what a run's best model said of its held-out images, so that a report needs neither model nor data set.

In the envelope of `predictions_file`, an image says {"truth": [[class, x1, y1, x2, y2, difficult, crowd], ...], "detections":
[[class, score, x1, y1, x2, y2], ...]}; boxes in the image's own pixels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from onelook.datasets.dataset import Dataset
from onelook.structures.detections import Detections
from onelook.structures.errors import FormatError
from onelook.structures.truth import Truth
from onelook.training.report.predictions_file import (
    Envelope,
    counts,
    facts_of,
    image_facts,
    read_envelope,
    read_image_facts,
    write_envelope,
)


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
    return facts_of(splits, _facts)


def _facts(dataset: Dataset) -> dict[str, Any]:
    negatives = int((dataset.labelled & (np.diff(dataset.offsets) == 0)).sum())
    return {"boxes": len(dataset.boxes), "negatives": negatives, "classes": counts(dataset.names, dataset.classes)}


def write_predictions(path: Path, predictions: Predictions) -> None:
    """Write predictions.json, whole or not at all; every float32 comes back bit for bit."""
    images = {name: _images(split) for name, split in predictions.splits.items()}
    write_envelope(path, Envelope(predictions.names, images, predictions.data, predictions.about))


def read_predictions(path: Path) -> Predictions:
    """Return what predictions.json holds. Raises FormatError naming the file, and the image where one is broken."""
    stored = read_envelope(path)
    read = {name: _split(images, f"{path}: {name}") for name, images in stored.splits.items()}
    return Predictions(stored.names, read, stored.data, stored.about)


def add_split(path: Path, name: str, split: SplitPredictions) -> None:
    """Put the predictions of one split into predictions.json, in the place of what was there of that split."""
    stored = read_predictions(path)
    write_predictions(path, replace(stored, splits={**stored.splits, name: split}))


def _images(split: SplitPredictions) -> list[dict[str, Any]]:
    columns = zip(split.paths, split.sizes, split.truths, split.detections, strict=True)
    return [
        {
            **image_facts(path, size),
            "truth": _truth_rows(truth),
            "detections": [
                [label, _short(score), *map(_short, box)]
                for label, score, box in zip(found.classes.tolist(), found.scores, found.boxes, strict=True)
            ],
        }
        for path, size, truth, found in columns
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
            path, size = read_image_facts(image)
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(
                f"{where}: image {number}: expected file, width, height, truth, detections, got {error}"
            ) from None
        paths.append(path)
        sizes.append(size)
        flags = true[:, 5:].astype(np.bool_)
        boxes = true[:, 1:5].astype(np.float32)
        truths.append(Truth(boxes, true[:, 0].astype(np.int64), flags[:, 0], flags[:, 1]))
        seen = (found[:, 2:].astype(np.float32), found[:, 1].astype(np.float32), found[:, 0].astype(np.int64))
        detections.append(Detections(*seen))
    return SplitPredictions(tuple(paths), tuple(sizes), tuple(truths), tuple(detections))
