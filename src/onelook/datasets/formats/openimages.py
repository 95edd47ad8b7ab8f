"""Open Images: SPLIT-annotations-bbox.csv with a row a box in fractions, class-descriptions-boxable.csv, and SPLIT/ID.jpg.

Source: the download page of Open Images V7. IsGroupOf is a crowd, IsTruncated is truncated.
"""

import csv
from array import array
from collections.abc import Iterator, Sequence
from math import isnan, nan
from pathlib import Path

import numpy as np

from onelook.datasets.collecting import Collector, split_of
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import bounded_lines, inside, start_of
from onelook.datasets.files.layout import is_picture, parts_of
from onelook.datasets.files.placing import new_names, place_file
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError

NAME = "openimages"
HOLDS = frozenset({"boxes", "splits", "unlabelled", "crowd", "truncated"})

_FOLDERS = {"train": "train", "val": "validation", "test": "test"}
_DESCRIPTIONS = "class-descriptions-boxable.csv"
_COLUMNS = ("ImageID", "LabelName", "XMin", "XMax", "YMin", "YMax")


def evidence(path: Path) -> str | None:
    """Return which csv with ImageID and XMin speaks for Open Images: `path`, or those in the folder."""
    files = _files(path)
    return f"{' and '.join(str(file) for file in files)} hold a box a row" if files else None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the data set of one csv, or of a folder's; a picture in a split's folder that no row names is unlabelled."""
    files = _files(path)
    if not files:
        raise FormatError(f"{path}: expected a csv with {', '.join(_COLUMNS)}, got none")
    root = files[0].parent
    described = _descriptions(root)
    collector = Collector(root, NAME, report, names, list(described.values()) or None)
    for file in files:
        split = split_of(file.stem.replace("-", "_"))
        folders = [root / folder for folder in (_FOLDERS.get(split or "", "images"), split or "images", "images")]
        pictures = {file.stem: file for folder in reversed(folders) for file in _pictures(folder)}
        _read_one(file, split, pictures, described, collector)
        alone = [file for stem, file in pictures.items() if split and file.parent.name != "images"]
        for picture in alone:
            if collector.image(picture, picture, None, None, labelled=False):
                collector.splits.setdefault(split or "train", []).append(len(collector.builder.paths) - 1)
                collector.unlabelled(picture, f"a row of {file.name}")
    return collector.finish()


def _files(path: Path) -> list[Path]:
    files = [path] if path.is_file() else sorted(path.glob("*.csv")) if path.is_dir() else []
    return [file for file in files if file.suffix == ".csv" and _speaks(file)]


def _speaks(file: Path) -> bool:
    head = start_of(file, 4096).partition(b"\n")[0]
    return b"ImageID" in head and b"XMin" in head


def _pictures(folder: Path) -> list[Path]:
    return sorted(file for file in folder.iterdir() if is_picture(file)) if folder.is_dir() else []


def _descriptions(root: Path) -> dict[str, str]:
    """Return the class name of every label, in the list's order; {} without a list."""
    file = root / _DESCRIPTIONS
    rows = csv.reader(text for _, text in bounded_lines(file)) if file.is_file() else ()
    return {row[0]: row[1] for row in rows if len(row) >= 2 and row[0] != "LabelName"}


class _Rows:
    """The rows of one csv as columns, in which every image and every label is a number."""

    def __init__(self, file: Path) -> None:
        self.images: dict[str, int] = {}
        self.labels: dict[str, int] = {}
        self.of_image, self.label, self.lines = array("q"), array("q"), array("q")
        self.boxes, self.marks = array("d"), array("b")
        lines = bounded_lines(file)
        head = next(csv.reader([next(lines)[1]]))
        places = [head.index(word) if word in head else len(head) for word in (*_COLUMNS, "IsGroupOf", "IsTruncated")]
        for number, text in lines:
            row = text.split(",") if '"' not in text else next(csv.reader([text]))
            row += [""] * (len(head) + 1 - len(row))
            image, label, x1, x2, y1, y2, group, cut = (row[place] for place in places)
            try:
                self.boxes.extend((float(x1), float(y1), float(x2), float(y2)))
            except ValueError:
                self.boxes.extend((nan, nan, nan, nan))
            self.of_image.append(self.images.setdefault(image, len(self.images)))
            self.label.append(self.labels.setdefault(label, len(self.labels)))
            self.lines.append(number)
            self.marks.append((group == "1") + 2 * (cut == "1"))


def _read_one(
    file: Path, split: str | None, pictures: dict[str, Path], described: dict[str, str], collector: Collector
) -> None:
    found = _Rows(file)
    of_image = np.array(found.of_image, np.int64)
    rows = np.argsort(of_image, kind="stable")
    starts = np.searchsorted(of_image[rows], np.arange(len(found.images) + 1))
    labels = list(found.labels)
    for number, name in enumerate(found.images):
        picture = pictures.get(name) or inside(file.parent, f"{_FOLDERS.get(split or '', 'images')}/{name}.jpg")
        own = rows[starts[number] : starts[number + 1]].tolist()
        if not collector.image(picture, file, found.lines[own[0]], split, True, None, name):
            continue
        for row in own:
            corners, line, marks = found.boxes[4 * row : 4 * row + 4], found.lines[row], found.marks[row]
            if isnan(sum(corners)):
                what = f"expected XMin, XMax, YMin, YMax as numbers for {name}"
                collector.tell(file, line, "broken-annotation", what, "write the row again")
                continue
            label = labels[found.label[row]]
            flags = {"crowd": bool(marks & 1), "truncated": bool(marks & 2)}
            collector.box(described.get(label, label), corners, line, fractions=True, **flags)


def write(dataset: Dataset, folder: Path) -> None:
    """Write SPLIT/ID.jpg, SPLIT-annotations-bbox.csv and the class descriptions into an empty folder."""
    with (folder / _DESCRIPTIONS).open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows((f"/onelook/{place}", name) for place, name in enumerate(dataset.names))
    files = new_names(dataset.paths)
    for split, indices in parts_of(dataset).items():
        place = folder / _FOLDERS[split]
        place.mkdir(exist_ok=True)
        name = f"{_FOLDERS[split]}-annotations-bbox.csv"
        with (folder / name).open("w", encoding="utf-8", errors="surrogateescape", newline="") as out:
            table = csv.writer(out)
            table.writerow((*_COLUMNS, "IsTruncated", "IsGroupOf", "Source", "Confidence"))
            for index in indices:
                place_file(dataset.paths[index], place / files[index])
                table.writerows(_rows_of(dataset, int(index), Path(files[index]).stem))


def _rows_of(dataset: Dataset, index: int, stem: str) -> Iterator[tuple[object, ...]]:
    width, height = (float(side) for side in dataset.sizes[index])
    for row in range(int(dataset.offsets[index]), int(dataset.offsets[index + 1])):
        x1, y1, x2, y2 = (float(value) for value in dataset.boxes[row])
        sides = (f"{value:.10g}" for value in (x1 / width, x2 / width, y1 / height, y2 / height))
        marks = int(dataset.truncated[row]), int(dataset.crowd[row])
        yield (stem, f"/onelook/{dataset.classes[row]}", *sides, *marks, "onelook", 1)
