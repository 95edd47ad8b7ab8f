"""Open Images: SPLIT-annotations-bbox.csv with a row a box in fractions, class-descriptions-boxable.csv, and SPLIT/ID.jpg.

Source: the download page of Open Images V7. IsGroupOf is a crowd, IsTruncated is truncated.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

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


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    lines = bounded_lines(file)
    head = next(csv.reader([next(lines)[1]]))
    for number, text in lines:
        yield number, dict(zip(head, next(csv.reader([text])), strict=False))


def _read_one(
    file: Path, split: str | None, pictures: dict[str, Path], described: dict[str, str], collector: Collector
) -> None:
    of_image: dict[str, list[tuple[int, dict[str, str]]]] = {}
    for number, row in _rows(file):
        of_image.setdefault(row.get("ImageID", ""), []).append((number, row))
    for name, rows in of_image.items():
        picture = pictures.get(name) or inside(file.parent, f"{_FOLDERS.get(split or '', 'images')}/{name}.jpg")
        if not collector.image(picture, file, rows[0][0], split, True, None, name):
            continue
        for number, row in rows:
            try:
                corners = tuple(float(row[word]) for word in ("XMin", "YMin", "XMax", "YMax"))
            except (KeyError, ValueError):
                what = f"expected XMin, XMax, YMin, YMax as numbers for {name}"
                collector.tell(file, number, "broken-annotation", what, "write the row again")
                continue
            label = row.get("LabelName", "")
            marks = {"crowd": row.get("IsGroupOf") == "1", "truncated": row.get("IsTruncated") == "1"}
            collector.box(described.get(label, label), corners, number, fractions=True, **marks)


def write(dataset: Dataset, folder: Path) -> None:
    """Write SPLIT/ID.jpg, SPLIT-annotations-bbox.csv and the class descriptions into an empty folder."""
    with (folder / _DESCRIPTIONS).open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows((f"/onelook/{place}", name) for place, name in enumerate(dataset.names))
    files = new_names(dataset.paths)
    for split, indices in parts_of(dataset).items():
        place = folder / _FOLDERS[split]
        place.mkdir()
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
