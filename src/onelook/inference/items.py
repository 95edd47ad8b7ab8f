"""What a user names, one picture after the other: files, addresses, standard input, films and cameras."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from glob import has_magic
from pathlib import Path
from typing import Any

from onelook.inference.addresses import address_suffix, is_address
from onelook.inference.films import SUFFIXES, Film, film_length, is_camera
from onelook.structures.errors import FormatError
from onelook.structures.images import MOST_BYTES, read_image
from onelook.structures.images import SUFFIXES as IMAGE_SUFFIXES
from onelook.structures.letterbox import Image

STDIN = "-"
"""One picture's bytes on standard input."""

Failed = Callable[[str, FormatError], None]
"""Told of a source that cannot be read, and why."""


@dataclass(frozen=True)
class Item:
    """One picture to look at; in a film also which it is, from 0, when it is shown, and the film's pictures a second."""

    source: str
    read: Callable[[], Image]
    """Gives the pixels; raises FormatError."""
    frame: int | None = None
    seconds: float | None = None
    rate: float | None = None
    most_pixels: int | None = None
    """That the picture may have, where it is not the usual number."""

    @property
    def path(self) -> Path | None:
        """The picture's own file, None for one that has none."""
        own = is_file(self.source) and not is_film(self.source) and not is_several(self.source)
        return Path(self.source) if own else None

    def picture(self) -> Path | Image:
        """Return what a model is given: the picture's file, of which it may decode less, else the pixels. Raises FormatError."""
        return self.path if self.path and self.most_pixels is None else self.read()


def picture_words(file: str | None, frame: int | None, seconds: float | None) -> dict[str, Any]:
    """Return the words under which scripts find which picture it is."""
    return {"file": file, **({} if frame is None else {"frame": frame, "seconds": seconds})}


def is_film(source: str) -> bool:
    """Return whether a source is a film or a camera: more than one picture."""
    suffix = address_suffix(source) if is_address(source) else Path(source).suffix.lower()
    return suffix in SUFFIXES or is_camera(source)


def is_file(source: str) -> bool:
    """Return whether a source is a file on this machine."""
    return source != STDIN and not is_address(source) and not is_camera(source)


def is_several(source: str) -> bool:
    """Return whether a source is a folder or a glob: what it names is found before anything is read."""
    return os.path.isdir(source) or (has_magic(source) and not is_there(source))  # noqa: PTH112 - as `is_there`


def is_there(source: str) -> bool:
    """Return whether there is a file or folder of that name; False for a name that cannot be one."""
    return os.path.exists(source)  # noqa: PTH110 - Path.exists raises for names that are too long


def items_of(sources: Sequence[str], most_pixels: int | None = None) -> Iterator[Item]:
    """Yield the pictures of the sources in order; a film that cannot be opened or breaks off ends in an item that says why."""
    for source in sources:
        if is_film(source):
            yield from _frames(source)
        else:
            yield Item(source, partial(read_source, source, most_pixels), most_pixels=most_pixels)


def read_source(source: str, most_pixels: int | None = None) -> Image:
    """Return the pixels (h, w, 3) uint8 RGB, upright, of a file, an address or standard input. Raises FormatError.

    More than `most_pixels`, by default those of `read_image`, are refused by the header. A folder or a glob that is still there
    as a source has no picture.
    """
    if source == STDIN:
        return read_image(_stdin(), "standard input", most_pixels)
    if is_address(source):
        from onelook.inference.fetching import fetch

        return read_image(fetch(source), source, most_pixels)
    if is_several(source):
        raise FormatError(none_in(source))
    return read_image(Path(source), source, most_pixels)


def none_in(source: str) -> str:
    """Return what to say of a folder or a glob that names no picture."""
    return f"{source}: expected pictures ({', '.join(sorted(IMAGE_SUFFIXES))}), got none; '**' looks deeper"


def has_camera(sources: Sequence[str]) -> bool:
    """Return whether a camera is among the sources: pictures without end, each wanted at once."""
    return any(is_camera(source) for source in sources)


def count_of(sources: Sequence[str]) -> int | None:
    """Return how many pictures the sources announce; None with a camera among them, or a film that does not say, or not yet."""
    lengths = [film_length(source) if is_film(source) else 1 for source in sources]
    return None if None in lengths else sum(filter(None, lengths))


def _frames(source: str) -> Iterator[Item]:
    seen = 0
    try:
        with _film(source) as film:
            for picture in film:
                yield Item(source, partial(_same, picture), seen, round(seen / film.rate, 3), film.rate)
                seen += 1
    except FormatError as error:
        yield Item(source, partial(_fail, error), seen or None)


@contextmanager
def _film(source: str) -> Iterator[Film]:
    """Give an open film, which is fetched first where it lies at an address. Raises FormatError."""
    with ExitStack() as stack:
        file = source
        if is_address(source):
            from onelook.inference.fetching import fetched_film

            file = stack.enter_context(fetched_film(source))
        film = Film(source, file)
        stack.callback(film.close)
        yield film


def _same(picture: Image) -> Image:
    return picture


def _fail(error: FormatError) -> Image:
    raise error


def _stdin() -> bytes:
    data = sys.stdin.buffer.read(MOST_BYTES + 1)
    if not data:
        raise FormatError("standard input: expected a picture, got nothing")
    return data
