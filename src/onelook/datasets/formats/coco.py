"""COCO: one JSON a split with `images`, `categories` and `annotations`, whose `bbox` is [x, y, width, height] in pixels.

Source: the data format page of cocodataset.org. Categories are met by name; their ids may have gaps.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onelook.datasets.collecting import Collector, split_of
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import inside, read_json
from onelook.datasets.files.layout import dump_json, json_files, numbers, place_pictures
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError

NAME = "coco"
HOLDS = frozenset({"boxes", "splits", "negatives", "crowd"})

_FIX = "write the annotation again"


def evidence(path: Path) -> str | None:
    """Return which JSON files speak for COCO: `path` itself, or those in it or in its annotations/."""
    files = _files(path)
    return f"{' and '.join(str(file) for file in files[:3])} hold images with a file_name" if files else None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the data set of a COCO file, or of the files of a folder, one a split as its name says.

    An image without an annotation is a negative, as everywhere with COCO. `iscrowd` is kept.
    """
    files = _files(path)
    if not files:
        raise FormatError(f"{path}: expected JSON with `images` and `annotations`, got none")
    folder = files[0].parent
    root = folder.parent if folder.name == "annotations" else folder
    documents = [_document(file) for file in files]
    own = dict.fromkeys(str(item.get("name")) for found in documents for item in found["categories"])
    collector = Collector(root, NAME, report, names, list(own))
    for file, found in zip(files, documents, strict=True):
        _read_one(file, found, collector)
    return collector.finish()


def _files(path: Path) -> list[Path]:
    files = json_files(path, b'"file_name"', b'"images"')
    if path.is_dir():
        files += json_files(path / "annotations", b'"file_name"', b'"images"')
    instances = [file for file in files if file.name.startswith("instances")]
    return instances or files


def _document(file: Path) -> dict[str, list[dict[str, Any]]]:
    value = read_json(file)
    parts = {}
    for word in ("images", "annotations", "categories"):
        items = value.get(word, []) if isinstance(value, dict) else None
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise FormatError(f"{file}: expected a list of objects `{word}`, got something else")
        parts[word] = items
    return parts


def _read_one(file: Path, found: dict[str, list[dict[str, Any]]], collector: Collector) -> None:
    names = {_key(item): str(item.get("name")) for item in found["categories"]}
    of_image: dict[Any, list[dict[str, Any]]] = {_key(item): [] for item in found["images"]}
    for item in found["annotations"]:
        boxes = of_image.get(_key(item, "image_id"))
        if boxes is None:
            what = f"expected an image with the id {item.get('image_id')!r}, got none"
            collector.tell(file, None, "orphan-label", what, "add the image or remove the annotation")
        else:
            boxes.append(item)
    split = split_of(file.stem)
    for item in found["images"]:
        name = str(item.get("file_name"))
        told = numbers([item.get("width"), item.get("height")], 2)
        size = (told[0], told[1]) if told and len(told) == 2 else None
        if collector.image(_picture(collector.root, name, file), file, None, split, True, size, name):
            for box in of_image[_key(item)]:
                _take(file, box, names, collector)


def _key(item: dict[str, Any], word: str = "id") -> Any:
    value = item.get(word)
    return value if isinstance(value, str | int | float) else str(value)


def _take(file: Path, item: dict[str, Any], names: dict[Any, str], collector: Collector) -> None:
    corners = numbers(item.get("bbox"), 4)
    if corners is None or len(corners) != 4:
        what = f"expected annotation {item.get('id')} to have a bbox [x, y, width, height], got {str(item.get('bbox'))[:60]}"
        collector.tell(file, None, "broken-annotation", what, _FIX)
        return
    name = names.get(_key(item, "category_id"))
    if name is None:
        what = f"expected annotation {item.get('id')} to have a category of the list, got {item.get('category_id')!r}"
        collector.tell(file, None, "unknown-class", what, "mend the number or the list of categories")
        return
    x, y, width, height = corners
    collector.box(name, (x, y, x + width, y + height), crowd=bool(item.get("iscrowd")))


def _picture(root: Path, name: str, file: Path) -> Path | None:
    """Return where a picture lies: below the root, its images/, or a folder named as the file's split."""
    year = file.stem.rpartition("_")[2]
    places = [inside(root / folder, name) for folder in (".", "images", f"images/{year}", year, "JPEGImages")]
    if places[0] is None:
        return None
    return next((place for place in places if place is not None and place.is_file()), places[1])


def write(dataset: Dataset, folder: Path) -> None:
    """Write images/ and annotations/instances_SPLIT.json (instances_all.json without splits) into an empty folder."""
    files = place_pictures(dataset, folder / "images")
    for split, indices in (dataset.splits or {"all": np.arange(len(dataset))}).items():
        chosen = [int(index) for index in indices]
        found = {
            "info": {"description": "written by onelook; boxes are continuous pixels [x, y, width, height]"},
            "images": [_image(dataset, index, files[index]) for index in chosen],
            "categories": [{"id": place + 1, "name": name} for place, name in enumerate(dataset.names)],
            "annotations": [item for index in chosen for item in _annotations(dataset, index)],
        }
        dump_json(found, folder / "annotations" / f"instances_{split}.json")


def _image(dataset: Dataset, index: int, file: str) -> dict[str, Any]:
    width, height = (int(side) for side in dataset.sizes[index])
    return {"id": index + 1, "file_name": file, "width": width, "height": height}


def _annotations(dataset: Dataset, index: int) -> list[dict[str, Any]]:
    items = []
    for row in range(int(dataset.offsets[index]), int(dataset.offsets[index + 1])):
        x1, y1, x2, y2 = (float(value) for value in dataset.boxes[row])
        box = [x1, y1, x2 - x1, y2 - y1]
        place, crowd = int(dataset.classes[row]) + 1, int(dataset.crowd[row])
        facts = {"id": row + 1, "image_id": index + 1, "category_id": place, "iscrowd": crowd}
        items.append({**facts, "bbox": box, "area": box[2] * box[3]})
    return items
