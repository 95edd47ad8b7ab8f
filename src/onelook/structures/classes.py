"""Class names: read from a list file, compared by name, never by position."""

from collections.abc import Sequence
from pathlib import Path

from onelook.structures.errors import FormatError

COCO_ALIASES = {
    "motorbike": "motorcycle",
    "aeroplane": "airplane",
    "sofa": "couch",
    "pottedplant": "potted plant",
    "diningtable": "dining table",
    "tvmonitor": "tv",
}
"""Darknet's coco.names and VOC spell six classes otherwise than COCO's own annotations do."""


MOST_BYTES = 4 * 1024**2
"""Of a list of class names: a hundred thousand of them."""


def read_names(path: Path) -> tuple[str, ...]:
    """Return the class names of a file with one name a line; blank lines at its end are dropped.

    Raises FormatError for a missing, empty or endless file, a name that occurs twice, and a blank line between names.
    """
    try:
        if (size := path.stat().st_size) > MOST_BYTES:
            raise FormatError(f"{path}: expected class names, at most {MOST_BYTES} bytes of them, got {size}")
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except OSError as error:
        raise FormatError(f"{path}: expected a file of class names, got {error.strerror}") from None
    except UnicodeDecodeError:
        raise FormatError(f"{path}: expected class names as UTF-8 text, got other bytes") from None
    while lines and not lines[-1]:
        lines.pop()
    if not lines:
        raise FormatError(f"{path}: expected one class name a line, got an empty file")
    for number, name in enumerate(lines, start=1):
        if not name:
            raise FormatError(f"{path}:{number}: expected a class name, got a blank line")
        if name in lines[: number - 1]:
            raise FormatError(f"{path}:{number}: class {name!r} is already on line {lines.index(name) + 1}")
    return tuple(lines)


def canonical(name: str) -> str:
    """Return the name under which spellings of one class meet: lower case, known aliases resolved."""
    plain = name.strip().lower()
    return COCO_ALIASES.get(plain, plain)


def class_map(source: Sequence[str], target: Sequence[str]) -> list[int | None]:
    """Return for every source class its index in `target` by name (aliases and case ignored), None where it has none."""
    places = {canonical(name): index for index, name in reversed(list(enumerate(target)))}
    return [places.get(canonical(name)) for name in source]
