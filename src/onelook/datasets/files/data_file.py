"""Darknet's .data file, `key = value` a line, and the lists of pictures that it names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from onelook.datasets.files.bounded import is_there, read_limited, told_lines
from onelook.datasets.findings import Report
from onelook.structures.classes import read_names
from onelook.structures.errors import FormatError

LISTS = {"train": ("train",), "val": ("valid", "val"), "test": ("test",)}
"""Keys of the .data file that make a split, the first that is there."""


def read_data_file(file: Path) -> dict[str, tuple[str, int]]:
    """Return the settings of a .data file: key to value and line number. Raises FormatError naming the line."""
    try:
        lines = read_limited(file).decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise FormatError(f"{file}: expected `key = value` as UTF-8 text, got other bytes") from None
    settings = {}
    for number, line in enumerate(lines, start=1):
        text = line.split("#")[0].strip()
        if not text:
            continue
        key, equals, value = (part.strip() for part in text.partition("="))
        if not (key and equals and value):
            raise FormatError(f"{file}:{number}: expected `key = value`, got {line.strip()!r}")
        settings[key] = (value, number)
    return settings


def data_files(path: Path) -> list[Path]:
    """Return the .data file that `path` is, or those in the folder, sorted; [] for neither."""
    if path.suffix == ".data" and path.is_file():
        return [path]
    return sorted(path.glob("*.data")) if path.is_dir() else []


def data_file(path: Path) -> Path:
    """Return the one .data file that `path` is or holds. Raises FormatError for none, and for several."""
    files = data_files(path)
    if len(files) != 1:
        got = f"{len(files)} ({', '.join(file.name for file in files)}); name one" if files else "none"
        raise FormatError(f"{path}: expected one .data file, got {got}")
    return files[0]


def names_of(file: Path, settings: Mapping[str, tuple[str, int]], names: Sequence[str] | None) -> tuple[str, ...]:
    """Return the data set's own class names; `names` where the .data file has no list."""
    if "names" not in settings:
        if names is None:
            raise FormatError(
                f"{file}: expected a line `names = FILE`, got none; write one class name a line into a file"
            )
        return tuple(names)
    value, number = settings["names"]
    own = read_names(found_file(value, file, number))
    text, line = settings.get("classes", (str(len(own)), 0))
    if text != str(len(own)):
        raise FormatError(f"{file}:{line}: expected classes = {len(own)}, as {value} has names, got {text}")
    return own


def lists_of(file: Path, settings: Mapping[str, tuple[str, int]]) -> dict[str, tuple[Path, int]]:
    """Return the list file of each split, and the line that names it."""
    lists = {}
    for split, keys in LISTS.items():
        key = next((key for key in keys if key in settings), None)
        if key is not None:
            value, number = settings[key]
            lists[split] = (found_file(value, file, number), number)
    if not lists:
        raise FormatError(f"{file}: expected a line `train = FILE` or `valid = FILE`, got neither")
    return lists


def found_file(value: str, file: Path, number: int) -> Path:
    """Return the file that a .data file means. Raises FormatError naming the line."""
    path = _resolve(value, (file.parent, Path(), file.parent.parent))
    if path is None:
        places = "the working folder, beside the .data file and one folder above it"
        raise FormatError(f"{file}:{number}: expected a file {value}, got none; looked in {places}")
    return path


def _resolve(value: str, bases: Sequence[Path]) -> Path | None:
    """Return the file that `value` names, absolute or relative to the first of `bases` that has it."""
    return next((base / value for base in bases if is_there(base / value)), None)


def listed(list_file: Path, file: Path, report: Report) -> list[tuple[int, str, Path | None]]:
    """Return number, text and picture of every line that is not blank; None for a picture that isn't there."""
    bases = (file.parent, list_file.parent, Path(), file.parent.parent)
    lines = ((number, line.strip()) for number, line in told_lines(list_file, report))
    return [(number, line, _resolve(line, bases)) for number, line in lines]
