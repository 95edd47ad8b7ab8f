"""JSON lines, as an image archive (a DAM) exports them: a line an image, with its id, its client, its path or URL, and its boxes.

    {"image": "77", "client": "acme", "path": "a/77.jpg", "split": "train", "boxes": [{"class": "cup", "box": [x1, y1, x2, y2]}]}

Every client is a data set of its own: DATA is EXPORT.jsonl/CLIENT where the export has several.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from onelook.datasets.class_places import names_beside
from onelook.datasets.collecting import SPLIT_NAMES, Collector
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import bounded_lines, inside
from onelook.datasets.files.layout import numbers, part_of_each, place_pictures, write_class_list
from onelook.datasets.files.objects import objects_of, take_objects
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError

NAME = "jsonlines"
HOLDS = frozenset({"boxes", "labels", "splits", "negatives", "unlabelled", "difficult", "crowd", "truncated"})

_ENDINGS = (".jsonl", ".ndjson")
_FIX = "write the line again"


def evidence(path: Path) -> str | None:
    """Return which .jsonl file speaks for JSON lines: `path`, the one in that folder, or the one that a client is of."""
    file, client = export_of(path)
    if file is None:
        return None
    return f"{file} holds an image a line" + (f"; client {client}" if client else "")


def export_of(path: Path) -> tuple[Path | None, str | None]:
    """Return the export and the client that a path names: FILE, FILE/CLIENT, or a folder with one export."""
    if path.parent.suffix in _ENDINGS and path.parent.is_file():
        return path.parent, path.name
    if path.is_file():
        return (path, None) if path.suffix in _ENDINGS else (None, None)
    files = [file for ending in _ENDINGS for file in sorted(path.glob(f"*{ending}"))] if path.is_dir() else []
    return (files[0] if len(files) == 1 else None), None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the images of one client. `boxes` absent or null is unlabelled, [] a negative; a URL's last part names the file.

    Raises FormatError when the export has several clients and none is named, or not the one that is.
    """
    file, client = export_of(path)
    if file is None:
        raise FormatError(f"{path}: expected a .jsonl file, or a folder with one, got none")
    _check_client(file, client, clients(file))
    collector = Collector(file.parent, NAME, report, names, names_beside(file.parent))
    for number, line in _lines(file, collector):
        if client is None or _client(line) == client:
            _take(line, number, file, collector)
    return collector.finish()


def clients(file: Path) -> Counter[str]:
    """Return how many images every client has, "" standing for none; lines that cannot be read are passed over."""
    return Counter(_client(line) for _, line in _lines(file, None))


def _check_client(file: Path, client: str | None, found: Counter[str]) -> None:
    told = ", ".join(sorted(found)[:10]) + (f" and {len(found) - 10} more" if len(found) > 10 else "")
    if client is None and len(found) > 1:
        raise FormatError(f"{file}: expected one client, got {len(found)}; name one: {file}/CLIENT, of {told}")
    if client is not None and client not in found:
        raise FormatError(f"{file}: expected a client {client!r}, got {told or 'none'}")


def _lines(file: Path, collector: Collector | None) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, text in bounded_lines(file):
        try:
            line = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            line, what = None, f"expected JSON, got {type(error).__name__}"
        else:
            what = f"expected an object, got {text[:60]!r}"
        if isinstance(line, dict):
            yield number, line
        elif collector is not None:
            collector.tell(file, number, "broken-annotation", what, _FIX)


def _client(line: dict[str, Any]) -> str:
    return str(line.get("client", line.get("client_id", "")))


def _take(line: dict[str, Any], number: int, file: Path, collector: Collector) -> None:
    name = _file_name(line)
    found = inside(file.parent, name)
    told = numbers([line.get("width"), line.get("height")], 2)
    size = (told[0], told[1]) if told and len(told) == 2 else None
    boxes, label = line.get("boxes", line.get("objects")), line.get("label")
    split = SPLIT_NAMES.get(str(line.get("split")))
    picture = _where(file.parent, name, found)
    if not collector.image(picture, file, number, split, boxes is not None, size, name):
        return
    if boxes is not None:
        take_objects(collector, boxes, file, number)
    if isinstance(label, str):
        collector.label(label, number)
    elif boxes is None and picture is not None:
        collector.unlabelled(picture, f"`boxes` on line {number} of {file}")


def _file_name(line: dict[str, Any]) -> str:
    """Return the path that a line tells, or the last part of its URL, or its id."""
    for word in ("path", "file", "file_name"):
        if isinstance(line.get(word), str):
            return str(line[word])
    if isinstance(line.get("url"), str):
        return unquote(urlsplit(line["url"]).path.rpartition("/")[2])
    return str(line.get("image", line.get("image_id", "")))


def _where(root: Path, name: str, found: Path | None) -> Path | None:
    """Return the picture beside the export or in its images/."""
    if found is None or found.is_file():
        return found
    return inside(root / "images", name) or found


def write(dataset: Dataset, folder: Path) -> None:
    """Write images/, labels.txt and data.jsonl into an empty folder."""
    files, parts = place_pictures(dataset, folder / "images"), part_of_each(dataset)
    write_class_list(dataset, folder)
    with (folder / "data.jsonl").open("w", encoding="ascii") as out:
        for index, file in enumerate(files):
            width, height = (int(side) for side in dataset.sizes[index])
            line: dict[str, Any] = {
                "image": Path(file).stem,
                "path": f"images/{file}",
                "width": width,
                "height": height,
            }
            line |= {"split": parts[index]} if parts[index] else {}
            line |= {"label": dataset.names[dataset.labels[index]]} if dataset.labels[index] >= 0 else {}
            out.write(json.dumps({**line, "boxes": objects_of(dataset, index)}) + "\n")
