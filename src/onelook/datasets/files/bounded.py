"""Reading of files that somebody else wrote, in bounded time and memory: no endless line, no entity bomb, no way out."""

import json
import os
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Any

from onelook.datasets.findings import Finding, Report
from onelook.structures.errors import FormatError

MOST_TEXT = 64 * 1024**2
"""Bytes of one label file of one image, or of one list."""

_FIRST = 16 * 1024
"""Bytes that are read at once: nearly always all there are."""

MOST_DOCUMENT = 2 * 1024**3
"""Bytes of one document that labels a whole data set, such as COCO's JSON."""

MOST_LINE = 16 * 1024**2
"""Bytes of one line."""

MOST_NAME = 255
"""Bytes of a file's name on the file systems there are."""

_MEND = "write the annotation again"


def read_limited(path: Path | str, most: int = MOST_TEXT) -> bytes:
    """Return a file's bytes. Raises FormatError when it cannot be read or has more than `most`."""
    try:
        with FileIO(path) as file:
            data = file.read(_FIRST)
            size = len(data)
            if size == _FIRST:
                size = os.fstat(file.fileno()).st_size
                data += file.readall() if size <= most else b""
    except OSError as error:
        raise FormatError(f"{path}: expected a file to read, got {error.strerror}") from None
    if size > most or len(data) > most:
        raise FormatError(f"{path}: expected at most {most} bytes, got {size}")
    return data


def is_there(path: Path) -> bool:
    """Return whether there is a file; False too for a name that none can have, however long."""
    try:
        return path.is_file()
    except OSError:
        return False


def start_of(path: Path, count: int) -> bytes:
    """Return the first `count` bytes of a file; none where it cannot be read, which whoever reads all of it will tell."""
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""


def bounded_lines(path: Path, most: int = MOST_LINE) -> Iterator[tuple[int, str]]:
    """Yield the number and the text of each line that is not blank; bytes that are no UTF-8 become surrogates.

    Raises FormatError when the file cannot be read, or a line has more than `most` bytes.
    """
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(most + 1):
                number += 1
                if len(line) > most:
                    raise FormatError(f"{path}:{number}: expected a line of at most {most} bytes, got a longer one")
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if text.strip():
                    yield number, text.decode("utf-8", "surrogateescape").rstrip("\r\n")
    except OSError as error:
        raise FormatError(f"{path}: expected a file to read, got {error.strerror}") from None


def told_lines(path: Path, report: Report) -> Iterator[tuple[int, str]]:
    """Yield the lines as `bounded_lines` does; where they cannot be read on, that is a finding, and the end."""
    try:
        yield from bounded_lines(path)
    except FormatError as error:
        what = re.sub(r"^\d+: ", "", str(error).removeprefix(f"{path}:").strip())
        report(Finding(path, None, "broken-annotation", what, "write the list again"))


def read_json(path: Path, most: int = MOST_DOCUMENT) -> Any:
    """Return what a JSON file holds. Raises FormatError naming the line."""
    data = read_limited(path, most)
    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}:{error.lineno}: expected JSON, got {error.msg}") from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{path}: expected JSON as UTF-8, got {type(error).__name__}") from None


def parse_xml(data: bytes, file: Path, report: Report, root: str) -> ET.Element | None:
    """Return the XML tree whose outermost element is `root`; None, with a finding, where there is no such tree.

    A document that declares a type or entities is refused before it is read.
    """

    def tell(line: int, what: str) -> None:
        report(Finding(file, line, "broken-annotation", what, _MEND))

    if b"<!" in data and (b"<!DOCTYPE" in data or b"<!ENTITY" in data):
        tell(1, "expected XML without <!DOCTYPE> and <!ENTITY>, got one that declares them")
        return None
    try:
        tree = ET.XML(data)
    except ET.ParseError as error:
        tell(error.position[0], f"expected XML, got {error.msg.split(':')[0]}")
        return None
    except (ValueError, LookupError) as error:  # an encoding that nobody knows
        tell(1, f"expected XML, got {error}")
        return None
    if tree.tag != root:
        tell(1, f"expected <{root}>, got <{tree.tag}>")
        return None
    return tree


def inside(root: Path, name: str) -> Path | None:
    """Return the path that `name` means in the folder `root`; None when it leads out of the folder or can be no path."""
    if not name or "\0" in name or any(len(os.fsencode(part)) > MOST_NAME for part in name.split("/")):
        return None
    folder = os.path.normpath(root)
    path = os.path.normpath(os.path.join(folder, name.replace("\\", "/")))  # noqa: PTH118 - lexical: `..` must be seen
    if folder == ".":
        return None if path.startswith(("/", "..")) else Path(path)
    return Path(path) if path.startswith(folder.rstrip("/") + "/") else None
