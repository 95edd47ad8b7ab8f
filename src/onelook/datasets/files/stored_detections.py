"""Detections that were stored in a file, brought to the images of a data set, so that any program's output can be judged.

Read are COCO results ([{image_id, category_id, bbox: [x, y, width, height], score}]), what `onelook predict --json` prints, what
Darknet's `detector test -out` writes, and a folder of Darknet's `valid` results (`..._CLASS.txt`: image, score, x1, y1, x2, y2).
"""

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from onelook.datasets.dataset import Dataset
from onelook.datasets.formats.coco import ids_of
from onelook.structures.classes import canonical
from onelook.structures.detections import Detections
from onelook.structures.errors import FormatError, UserError

COCO_ID_GAPS = frozenset({12, 26, 29, 30, 45, 66, 68, 69, 71, 83})
"""Numbers from 1 to 90 that none of COCO's 80 categories has."""


@dataclass(frozen=True)
class Stored:
    """One `Detections` an image of the data set, what the file is, and how many records were left out, by reason."""

    found: list[Detections]
    form: str
    excluded: Mapping[str, int]


@dataclass(frozen=True)
class Record:
    """One detection: where it stands, its image and class as the file names them, its box (xyxy in pixels) and score."""

    where: str
    image: Any
    label: Any
    box: tuple[float, ...]
    score: float
    fractions: bool = False


def is_stored(path: Path) -> bool:
    """Return whether `path` looks like stored detections: a JSON file, or a folder of Darknet's results and nothing else."""
    if path.is_file():
        return path.suffix == ".json"
    return path.is_dir() and not any(path.glob("*.cfg")) and not (path / "model").is_dir() and bool(_results(path))


def read_stored(path: Path, dataset: Dataset, data: Path) -> Stored:
    """Return the detections of `path` under the classes and images of `dataset`, which was read from `data`.

    Detections on images that the data set does not have, and of classes that it does not know, are counted and left out.
    Raises FormatError naming file and record for a box that is not finite or inverted, a score outside 0..1, and a file of
    another form or without a record; UserError when not one record belongs to the data set.
    """
    form, records = _records(path)
    images, classes = _places(dataset), {canonical(name): k for k, name in enumerate(dataset.names)}
    image_ids, category_ids = ids_of(data) if dataset.format == "coco" and form == "COCO results" else ({}, {})
    rows: list[list[tuple[Record, int]]] = [[] for _ in range(len(dataset))]
    left_out: Counter[str] = Counter()
    total = 0
    for record in records:
        total += 1
        _check(record)
        image = images.get(_word(image_ids.get(record.image, record.image)))
        label = _class(record.label, form, category_ids, classes, dataset)
        if image is None:
            left_out["on images that the data set does not have"] += 1
        elif label is None:
            left_out["of classes that the data set does not have"] += 1
        else:
            rows[image].append((record, label))
    if not total:
        raise FormatError(f"{path}: expected detections, got none; a model that sees nothing has an AP of 0")
    if sum(left_out.values()) == total:
        told = "; ".join(f"{count} {reason}" for reason, count in left_out.items())
        raise UserError(f"{path}: expected detections on the images of {data}, got {told}; are these its detections?")
    return Stored([_joined(each, dataset, k) for k, each in enumerate(rows)], form, dict(left_out))


def _records(path: Path) -> tuple[str, Iterator[Record]]:
    if path.is_dir():
        return "Darknet's results", _darknet_results(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"{path}: expected stored detections, got {error.strerror}") from None
    except ValueError as error:
        raise FormatError(f"{path}: expected JSON, got {error}") from None
    if isinstance(content, dict) and isinstance(content.get("images"), list):
        return "onelook predict", _predicted(path, content["images"])
    if isinstance(content, list) and content and isinstance(content[0], dict) and "objects" in content[0]:
        return "Darknet's JSON", _darknet_json(path, content)
    if isinstance(content, list):
        return "COCO results", _coco(path, content)
    raise FormatError(
        f"{path}: expected COCO results, or what predict --json or Darknet's -out writes, got another JSON"
    )


def _coco(path: Path, content: list[Any]) -> Iterator[Record]:
    for number, item in enumerate(content):
        where = f"{path}: record {number}"
        try:
            x, y, width, height = map(float, item["bbox"])
            yield Record(
                where, item["image_id"], item["category_id"], (x, y, x + width, y + height), float(item["score"])
            )
        except (KeyError, TypeError, ValueError):
            words = "image_id, category_id, bbox [x, y, width, height], score"
            raise FormatError(f"{where}: expected {words}, got {str(item)[:80]}") from None


def _predicted(path: Path, images: list[Any]) -> Iterator[Record]:
    for image in images:
        try:
            file, detections = str(image["file"]), list(image["detections"])
        except (KeyError, TypeError):
            raise FormatError(f"{path}: expected images with file and detections, got {str(image)[:80]}") from None
        for number, item in enumerate(detections):
            where = f"{path}: {file}: detection {number}"
            try:
                yield Record(where, file, item["class"], tuple(map(float, item["box"])), float(item["score"]))
            except (KeyError, TypeError, ValueError):
                raise FormatError(f"{where}: expected class, score, box, got {str(item)[:80]}") from None


def _darknet_json(path: Path, frames: list[Any]) -> Iterator[Record]:
    for frame in frames:
        for number, item in enumerate(frame.get("objects", [])):
            where = f"{path}: {frame.get('filename')}: object {number}"
            try:
                place = item["relative_coordinates"]
                x, y, width, height = (float(place[key]) for key in ("center_x", "center_y", "width", "height"))
                box = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
                yield Record(where, frame["filename"], item["name"], box, float(item["confidence"]), fractions=True)
            except (KeyError, TypeError, ValueError):
                words = "name, relative_coordinates, confidence"
                raise FormatError(f"{where}: expected {words}, got {str(item)[:80]}") from None


def _results(folder: Path) -> list[Path]:
    return sorted(file for file in folder.glob("*.txt") if "_" in file.stem)


def _darknet_results(folder: Path) -> Iterator[Record]:
    for file in _results(folder):
        label = (
            file.stem.removeprefix("comp4_det_test_") if file.stem.startswith("comp4") else file.stem.rpartition("_")[2]
        )
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
            try:
                image, score, *box = line.split()
                x1, y1, x2, y2 = map(float, box)
                yield Record(f"{file}:{number}", image, label, (x1, y1, x2, y2), float(score))
            except ValueError:
                raise FormatError(f"{file}:{number}: expected `image score x1 y1 x2 y2`, got {line[:80]!r}") from None


def _check(record: Record) -> None:
    if len(record.box) != 4 or not all(map(math.isfinite, record.box)):
        raise FormatError(f"{record.where}: expected a finite box, got {list(record.box)}")
    if record.box[2] < record.box[0] or record.box[3] < record.box[1]:
        raise FormatError(f"{record.where}: expected x1 <= x2 and y1 <= y2, got {list(record.box)}")
    if not 0 <= record.score <= 1:
        raise FormatError(f"{record.where}: expected a score from 0 to 1, got {record.score}")


def _places(dataset: Dataset) -> dict[str, int]:
    """Return the index of every image by its path, its name and its stem; a word that means two images means none."""
    words: dict[str, set[int]] = {}
    for index, path in enumerate(dataset.paths):
        for word in {str(path), str(path.absolute()), path.name, path.stem, path.stem.lstrip("0")}:
            words.setdefault(word, set()).add(index)
    return {word: indices.pop() for word, indices in words.items() if len(indices) == 1}


def _word(image: Any) -> str:
    """Return what `_places` may know an image by: a number as it is written, a path's name where the path is elsewhere."""
    text = str(image)
    return text if "/" not in text or Path(text).is_file() else Path(text).name


def _class(label: Any, form: str, ids: Mapping[Any, str], classes: Mapping[str, int], dataset: Dataset) -> int | None:
    if form != "COCO results" or isinstance(label, str):
        return classes.get(canonical(str(label)))
    if ids:
        return classes.get(canonical(ids[label])) if label in ids else None
    count = len(dataset.names)
    place = _coco_place(label) if count == 80 else label - 1
    return place if isinstance(place, int) and 0 <= place < count else None


def _coco_place(category: int) -> int | None:
    """Return which of COCO's 80 classes has this category id of 1 to 90."""
    if category in COCO_ID_GAPS:
        return None
    return category - 1 - sum(gap < category for gap in COCO_ID_GAPS)


def _joined(rows: list[tuple[Record, int]], dataset: Dataset, index: int) -> Detections:
    if not rows:
        return Detections.none()
    whole = np.tile(dataset.sizes[index], 2)
    boxes = np.asarray([np.asarray(record.box) * (whole if record.fractions else 1) for record, _ in rows], np.float32)
    scores = np.asarray([record.score for record, _ in rows], np.float32)
    return Detections(boxes, scores, np.asarray([label for _, label in rows], np.int64))
