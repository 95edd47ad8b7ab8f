"""A large JSON document read object by object: memory for one of them and a piece of the file, however long the file is.

The standard library's scanner takes each value out of a window that moves over the text. On COCO's annotations this is as fast
as json.loads on the whole.
"""

import codecs
import json
import re
from collections.abc import Collection, Iterator
from io import FileIO
from pathlib import Path
from typing import Any

from onelook.structures.errors import FormatError

MOST_VALUE = 16 * 1024**2
"""Characters of one object, such as one annotation with its polygon."""

_CHUNK = 1024**2
_AHEAD = 64 * 1024
"""Characters that are there, if the file has them, before a value is scanned: nearly every value is whole then."""

_NUMBER = frozenset("0123456789.eE+-")
_SPACE = re.compile(r"[ \t\r\n]*")


def stream_objects(path: Path, words: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield, in the file's order, each object of the lists `words` of the outermost object, with its list's word.

    What else the document holds is passed over. Raises FormatError naming the line where it is no JSON, where one of `words` is
    no list of objects, and where one value has more than MOST_VALUE characters.
    """
    try:
        with FileIO(path) as file:
            yield from _members(_Window(file, path), words)
    except OSError as error:
        raise FormatError(f"{path}: expected a file to read, got {error.strerror}") from None
    except (UnicodeDecodeError, RecursionError) as error:
        raise FormatError(f"{path}: expected JSON as UTF-8, got {type(error).__name__}") from None


def _members(window: "_Window", words: Collection[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    window.take("{")
    more = window.peek() != "}"
    while more:
        word = window.value()
        if not isinstance(word, str):
            raise window.wrong("a name in quotes")
        window.take(":")
        if window.peek() == "[":
            for item in _items(window):
                if word in words:
                    if not isinstance(item, dict):
                        raise window.wrong(f"a list of objects `{word}`")
                    yield word, item
        elif word in words:
            raise window.wrong(f"a list of objects `{word}`")
        else:
            window.value()
        more = window.peek() == ","
        if more:
            window.take(",")
    window.take("}")
    if window.peek():
        raise window.wrong("the end of the file")


def _items(window: "_Window") -> Iterator[Any]:
    window.take("[")
    if window.peek() == "]":
        window.take("]")
        return
    while True:
        yield window.value()
        if window.peek() == "]":
            window.take("]")
            return
        window.take(",")


class _Window:
    """The piece of the text that is in memory, and the place in it."""

    def __init__(self, file: FileIO, path: Path) -> None:
        self.file, self.path = file, path
        self.text, self.at, self.lines, self.ended = "", 0, 0, False
        start = file.read(4)
        name = json.detect_encoding(start)
        self.decoder = codecs.getincrementaldecoder(name)("surrogatepass" if name != "utf-8-sig" else "strict")
        self.text = self.decoder.decode(start)
        self.scan = json.JSONDecoder().raw_decode

    def read(self) -> None:
        """Read on, and forget what is behind."""
        data = self.file.read(_CHUNK)
        self.ended = not data
        self.lines += self.text.count("\n", 0, self.at)
        self.text = self.text[self.at :] + self.decoder.decode(data, self.ended)
        self.at = 0

    def peek(self) -> str:
        """Return the next character that is no space, and go there; "" at the end of the file."""
        while True:
            self.at = _SPACE.match(self.text, self.at).end()  # type: ignore[union-attr]  # it matches nothing too
            if self.at < len(self.text) or self.ended:
                return self.text[self.at : self.at + 1]
            self.read()

    def take(self, wanted: str) -> None:
        """Go past a character that must come next."""
        if self.peek() != wanted:
            raise self.wrong(f"`{wanted}`")
        self.at += 1

    def value(self) -> Any:
        """Return the value that comes next, and go past it."""
        self.peek()
        if len(self.text) - self.at < _AHEAD and not self.ended:
            self.read()
        while True:
            try:
                value, end = self.scan(self.text, self.at)
            except json.JSONDecodeError as error:
                if self.ended:
                    self.at = min(error.pos, len(self.text))
                    raise self.wrong(f"JSON ({error.msg})") from None
            else:
                if self.ended or (end < len(self.text) and self.text[end] not in _NUMBER):  # or else a number may go on
                    self.at = end
                    return value
            if len(self.text) - self.at > MOST_VALUE:
                raise self.wrong(f"JSON with values of at most {MOST_VALUE} characters")
            self.read()

    def wrong(self, wanted: str) -> FormatError:
        """Return the error that tells what was expected at this place."""
        line = self.lines + self.text.count("\n", 0, self.at) + 1
        got = repr(self.text[self.at : self.at + 40]) if self.at < len(self.text) else "the end of the file"
        return FormatError(f"{self.path}:{line}: expected {wanted}, got {got}")
