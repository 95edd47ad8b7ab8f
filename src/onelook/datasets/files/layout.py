"""What several formats share of how files lie in folders: pictures, their splits, safe names."""

import json
import os
from collections.abc import Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.dataset import Dataset
from onelook.datasets.files.bounded import start_of
from onelook.datasets.files.paths import Paths
from onelook.datasets.files.placing import new_names, place_file, stem_and_ending
from onelook.datasets.files.written import write_same
from onelook.structures.images import SUFFIXES
from onelook.structures.progress import track

_PEEK = 1024**2
_DEEPEST = 12
"""Folders below each other that are looked into; a link back up ends here at the latest."""


def is_picture(path: Path) -> bool:
    """Return whether the name is a picture's."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def ending(name: str) -> str:
    """Return the ending of a file's name in lower case, with its dot, as `Path.suffix` has it; "" where there is none."""
    return stem_and_ending(name)[1].lower()


def files_below(folder: Path, depth: int = _DEEPEST) -> Iterator[Path]:
    """Yield every file below a folder, in order, hidden ones left out; a folder that is a link is followed only once."""
    return map(Path, paths_below(folder, depth))


def paths_below(folder: Path, depth: int = _DEEPEST) -> Iterator[str]:
    """Yield what `files_below` yields, as text: of a million files, making a Path takes longer than finding it."""
    return _below(os.fspath(folder), depth, set())


def _below(folder: str, depth: int, seen: set[tuple[int, int]]) -> Iterator[str]:
    if depth < 0:
        return
    try:
        place = os.stat(folder)  # noqa: PTH116 - text, as `paths_below` says
        entries = _entries(folder)
    except OSError:
        return
    if (place.st_dev, place.st_ino) in seen:
        return
    seen.add((place.st_dev, place.st_ino))
    for entry in entries:
        if _leads(entry, to_folder=True):
            yield from _below(entry.path, depth - 1, seen)
        elif _leads(entry, to_folder=False):
            yield entry.path


def subfolders(folder: Path) -> list[Path]:
    """Return the folders in a folder, in order, hidden ones left out; [] where it cannot be read."""
    try:
        return [Path(entry.path) for entry in _entries(folder) if _leads(entry, to_folder=True)]
    except OSError:
        return []


def _entries(folder: str | Path) -> list[os.DirEntry[str]]:
    """Return what is in a folder, by name, hidden ones left out. Raises OSError."""
    with os.scandir(folder) as found:
        return sorted((entry for entry in found if not entry.name.startswith(".")), key=attrgetter("name"))


def _leads(entry: os.DirEntry[str], to_folder: bool) -> bool:
    """Return whether an entry is, or as a link leads to, a folder, or else a file; what cannot be looked at is neither."""
    try:
        return entry.is_dir() if to_folder else entry.is_file()
    except OSError:
        return False


def json_files(path: Path, *words: bytes) -> list[Path]:
    """Return `path` itself when it is a .json file that begins with all of `words` in it, else such files in that folder."""
    try:
        files = [path] if path.is_file() else sorted(path.iterdir())
        return [file for file in files if file.suffix.lower() == ".json" and file.is_file() and _has(file, words)]
    except OSError:
        return []


def _has(file: Path, words: tuple[bytes, ...]) -> bool:
    start = start_of(file, _PEEK)
    return all(word in start for word in words)


def parts_of(dataset: Dataset) -> Mapping[str, NDArray[np.int64]]:
    """Return the splits, or everything as `train` where there is none."""
    return dataset.splits or {"train": np.arange(len(dataset))}


def part_of_each(dataset: Dataset) -> list[str]:
    """Return the split of every image: the first that holds it, "" where none does."""
    parts = [""] * len(dataset)
    for name, indices in reversed(list(dataset.splits.items())):
        for index in indices:
            parts[int(index)] = name
    return parts


def place_pictures(dataset: Dataset, folder: Path, pictures: bool = True) -> list[str]:
    """Put every picture into a folder, linked or copied, and return their file names; without `pictures` only those."""
    files = new_names(dataset.paths)
    if pictures:
        folder.mkdir(parents=True, exist_ok=True)
        texts = Paths(dataset.paths).texts
        for path, file in track(zip(texts, files, strict=True), len(files), "pictures"):
            place_file(path, f"{folder}/{file}")
    return files


def write_class_list(dataset: Dataset, folder: Path) -> None:
    """Write labels.txt, one class name a line, for formats that have no list of their own."""
    (folder / "labels.txt").write_text("".join(f"{name}\n" for name in dataset.names), encoding="utf-8")


def dump_json(value: Any, file: Path) -> None:
    """Write JSON; names that are no UTF-8 are written as escapes and read back as they were."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_same(file, json.dumps(value).encode("ascii"))


def folder_name(name: str) -> str:
    """Return a class name as the name of a folder; `folder_class` turns it back."""
    return quote(name, safe=" ()[],;=+&'!@#$~") if name not in (".", "..") else name.replace(".", "%2E")


def folder_class(folder: str) -> str:
    """Return the class name that a folder's name stands for."""
    return unquote(folder, errors="surrogateescape")


def numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """Return `count` numbers from a JSON list; None when it is anything else."""
    if not isinstance(value, list) or len(value) != count:
        return None
    try:
        return tuple(float(item) for item in value if not isinstance(item, bool | str))
    except (TypeError, ValueError, OverflowError):
        return None
