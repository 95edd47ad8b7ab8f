"""COCO: one JSON a split with `images`, `categories` and `annotations`, whose `bbox` is [x, y, width, height] in pixels.

Source: the data format page of cocodataset.org. Categories are met by name; their ids may have gaps.
"""

import json
from array import array
from collections.abc import Iterator, Sequence
from math import isnan, nan
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.collecting import Collector, split_of
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import inside
from onelook.datasets.files.json_stream import stream_objects
from onelook.datasets.files.layout import json_files, numbers, place_pictures
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError

NAME = "coco"
HOLDS = frozenset({"boxes", "splits", "negatives", "crowd"})

_AT_ONCE = 4096
"""Images whose annotations are made together."""

_FIX = "write the annotation again"


def evidence(path: Path) -> str | None:
    """Return which JSON files speak for COCO: `path` itself, or those in it or in its annotations/."""
    files = _files(path)
    return f"{' and '.join(str(file) for file in files[:3])} hold images with a file_name" if files else None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the data set of a COCO file, or of the files of a folder, one a split as its name says.

    An image without an annotation is a negative, as everywhere with COCO. `iscrowd` is kept. A file is read object by object,
    and what is needed of it is kept in columns.
    """
    files = _files(path)
    if not files:
        raise FormatError(f"{path}: expected JSON with `images` and `annotations`, got none")
    folder = files[0].parent
    root = folder.parent if folder.name == "annotations" else folder
    documents = [_document(file) for file in files]
    own = dict.fromkeys(name for found in documents for name in found.categories.values())
    collector = Collector(root, NAME, report, names, list(own))
    for file, found in zip(files, documents, strict=True):
        _read_one(file, found, collector)
    return collector.finish()


def ids_of(path: Path) -> tuple[dict[Any, str], dict[Any, str]]:
    """Return the file name of every image id and the name of every category id, as results that are judged name them."""
    images: dict[Any, str] = {}
    categories: dict[Any, str] = {}
    for file in _files(path):
        for word, item in stream_objects(file, ("images", "categories")):
            if word == "images":
                images[_key(item)] = str(item.get("file_name"))
            else:
                categories[_key(item)] = str(item.get("name"))
    return images, categories


def _files(path: Path) -> list[Path]:
    files = json_files(path, b'"file_name"', b'"images"')
    if path.is_dir():
        files += json_files(path / "annotations", b'"file_name"', b'"images"')
    instances = [file for file in files if file.name.startswith("instances")]
    return instances or files


class _Columns:
    """What a file says, a column each: of images and of annotations; ids, numbers or words, become numbers as they are met."""

    def __init__(self) -> None:
        self.images: dict[Any, int] = {}
        """Number of every image id, of images as of annotations."""
        self.categories: dict[Any, str] = {}
        self.names: list[str] = []
        self.sizes = array("d")
        self.ids = array("q")
        """Of each image, the number of its id."""
        self.of_image, self.category, self.boxes, self.crowd = array("q"), array("q"), array("d"), array("b")
        self.kinds: dict[Any, int] = {}
        """Number of every category id that an annotation has."""
        self.own_ids: list[Any] = []
        """The ids of annotations, for messages: small numbers, which take no memory of their own to speak of."""
        self.broken: dict[int, str] = {}
        """What stands in the place of the box, by the annotation's row."""

    def add(self, word: str, item: dict[str, Any]) -> None:
        """Take one object of the list `word`."""
        if word == "categories":
            self.categories[_key(item)] = str(item.get("name"))
        elif word == "images":
            self.names.append(str(item.get("file_name")))
            told = numbers([item.get("width"), item.get("height")], 2)
            self.sizes.extend(told if told and len(told) == 2 else (nan, nan))
            self.ids.append(self.images.setdefault(_key(item), len(self.images)))
        else:
            corners = numbers(item.get("bbox"), 4)
            if corners is None or len(corners) != 4:
                self.broken[len(self.crowd)] = str(item.get("bbox"))[:60]
                corners = (nan, nan, nan, nan)
            self.boxes.extend(corners)
            self.of_image.append(self.images.setdefault(_key(item, "image_id"), len(self.images)))
            self.category.append(self.kinds.setdefault(_key(item, "category_id"), len(self.kinds)))
            self.crowd.append(bool(item.get("iscrowd")))
            self.own_ids.append(item.get("id"))


def _document(file: Path) -> _Columns:
    columns = _Columns()
    for word, item in stream_objects(file, ("images", "annotations", "categories")):
        columns.add(word, item)
    return columns


def _read_one(file: Path, found: _Columns, collector: Collector) -> None:
    of_image = np.array(found.of_image, np.int64)
    known = np.zeros(len(found.images), np.bool_)
    known[np.array(found.ids, np.int64)] = True
    keys = list(found.images)
    for row in np.flatnonzero(~known[of_image]).tolist():
        what = f"expected an image with the id {keys[of_image[row]]!r}, got none"
        collector.tell(file, None, "orphan-label", what, "add the image or remove the annotation")
    rows = np.argsort(of_image, kind="stable")
    starts = np.searchsorted(of_image[rows], np.arange(len(keys) + 1))
    kinds = [(key, found.categories.get(key)) for key in found.kinds]
    split = split_of(file.stem)
    for index, (name, number) in enumerate(zip(found.names, found.ids, strict=True)):
        width, height = found.sizes[2 * index : 2 * index + 2]
        size = None if isnan(width) else (width, height)
        if collector.image(_picture(collector.root, name, file), file, None, split, True, size, name):
            for row in rows[starts[number] : starts[number + 1]].tolist():
                _take(file, found, row, kinds[found.category[row]], collector)


def _key(item: dict[str, Any], word: str = "id") -> Any:
    value = item.get(word)
    return value if isinstance(value, str | int | float) else str(value)


def _take(file: Path, found: _Columns, row: int, kind: tuple[Any, str | None], collector: Collector) -> None:
    if row in found.broken:
        told = f"expected annotation {found.own_ids[row]} to have a bbox [x, y, width, height], got {found.broken[row]}"
        collector.tell(file, None, "broken-annotation", told, _FIX)
        return
    if kind[1] is None:
        what = f"expected annotation {found.own_ids[row]} to have a category of the list, got {kind[0]!r}"
        collector.tell(file, None, "unknown-class", what, "mend the number or the list of categories")
        return
    x, y, width, height = found.boxes[4 * row : 4 * row + 4]
    collector.box(kind[1], (x, y, x + width, y + height), crowd=bool(found.crowd[row]))


def _picture(root: Path, name: str, file: Path) -> Path | None:
    """Return where a picture lies: below the root, its images/, or a folder named as the file's split."""
    year = file.stem.rpartition("_")[2]
    places = [inside(root / folder, name) for folder in (".", "images", f"images/{year}", year, "JPEGImages")]
    if places[0] is None:
        return None
    return next((place for place in places if place is not None and place.is_file()), places[1])


def write(dataset: Dataset, folder: Path, pictures: bool = True) -> None:
    """Write images/ and annotations/instances_SPLIT.json (instances_all.json without splits) into an empty folder.

    Without `pictures`, images/ is left to whoever has them.
    """
    files = place_pictures(dataset, folder / "images", pictures)
    (folder / "annotations").mkdir(exist_ok=True)
    for split, indices in (dataset.splits or {"all": np.arange(len(dataset))}).items():
        with (folder / "annotations" / f"instances_{split}.json").open("w", encoding="ascii") as out:
            out.writelines(_json(dataset, files, indices))


def _json(dataset: Dataset, files: Sequence[str], indices: NDArray[np.int64]) -> Iterator[str]:
    """Yield the document of one split, piece by piece, so that it never is in memory as a whole."""
    categories = [{"id": place + 1, "name": name} for place, name in enumerate(dataset.names)]
    info = {"description": "written by onelook; boxes are continuous pixels [x, y, width, height]"}
    yield f'{{"info": {json.dumps(info)}, "categories": {json.dumps(categories)}, "images": ['
    comma = ""
    for index, (width, height) in zip(indices.tolist(), dataset.sizes[indices].tolist(), strict=True):
        name = json.dumps(files[index])
        yield f'{comma}{{"id": {index + 1}, "file_name": {name}, "width": {width}, "height": {height}}}'
        comma = ",\n"
    yield '], "annotations": ['
    comma = ""
    for start in range(0, len(indices), _AT_ONCE):
        for text in _annotations(dataset, indices[start : start + _AT_ONCE]):
            yield comma + text
            comma = ",\n"
    yield "]}"


def _annotations(dataset: Dataset, indices: NDArray[np.int64]) -> Iterator[str]:
    """Yield the annotations of images as JSON."""
    starts, counts = dataset.offsets[indices], np.diff(dataset.offsets)[indices]
    rows = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())  # (m,)
    images = np.repeat(indices + 1, counts).tolist()
    facts = zip(rows.tolist(), images, dataset.classes[rows].tolist(), dataset.crowd[rows].tolist(), strict=True)
    for (row, image, place, crowd), (x1, y1, x2, y2) in zip(facts, dataset.boxes[rows].tolist(), strict=True):
        width, height = x2 - x1, y2 - y1
        yield (
            f'{{"id": {row + 1}, "image_id": {image}, "category_id": {place + 1}, "iscrowd": {crowd:d}, '
            f'"bbox": [{x1!r}, {y1!r}, {width!r}, {height!r}], "area": {width * height!r}}}'
        )
