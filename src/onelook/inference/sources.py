"""What a user may give to be looked at: words on the command line, pixels in many forms in Python."""

import re
from collections.abc import Callable, Iterable, Sequence
from glob import glob
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from onelook.inference import films
from onelook.inference.addresses import is_address
from onelook.inference.items import STDIN, is_file, is_film, is_several, is_there, none_in
from onelook.structures.errors import UserError
from onelook.structures.images import SUFFIXES, as_rgb, read_image, read_reduced
from onelook.structures.letterbox import Image

Picture = str | Path | bytes | Image | Pillow.Image
"""A path, an http or https address, a file's bytes, pixels (h, w, 3) uint8 RGB, or a PIL image."""

Pictures = list[str] | list[Path] | list[bytes] | list[Image] | list[Pillow.Image] | list[Picture]
"""Several of them."""

_SCHEME = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def find_images(sources: Sequence[str]) -> list[Path]:
    """Return the pictures that files, folders (not what lies deeper) and globs (`**` goes deeper) name, each once, in order.

    As `find_sources`; raises UserError for films, cameras, addresses and standard input too.
    """
    for source in sources:
        if source == STDIN or is_address(source) or is_film(source):
            raise UserError(f"{source}: expected pictures in files, folders of them or a glob")
    return [Path(source) for source in find_sources(sources)]


def find_sources(sources: Sequence[str], listed: Sequence[str] = ()) -> list[str]:
    """Return what the words name, each once, in order: files, addresses, cameras, `-`; folders and globs by what is in them.

    Behind them come those of a list, as `listed_sources` gives them.

    A folder gives its pictures, not what lies deeper, and its films where it has no picture; a glob (`**` goes deeper) gives
    pictures, and films where it ends as they do. A file that is not there, and a folder or a glob with nothing in it, are
    kept, for the reader to tell of, as long as something else is there. Raises UserError when nothing at all is, and for addresses
    that are neither http nor https.
    """
    found = [*(each for source in sources for each in _expand(source)), *listed]
    if any(not is_file(each) or (is_there(each) and not is_several(each)) for each in found):
        return list(dict.fromkeys(found))
    if len(found) == 1 and is_several(found[0]):
        raise UserError(none_in(found[0]))
    told = ", ".join(sources) or f"{found[0]}{', ...' if len(found) > 1 else ''}"
    raise UserError(f"{told}: expected pictures, folders of them or a glob, got nothing there")


def listed_sources(lines: Iterable[str], where: str) -> list[str]:
    """Return the sources that a list names, one a line, as they stand, but of a folder what is in it.

    Raises UserError for a list without any.
    """
    named = [text for line in lines if (text := line.strip())]
    if not named:
        raise UserError(f"{where}: expected a path or an address on each line, got an empty list")
    for source in named:
        _refuse_other_schemes(source)
        if "\0" in source:
            raise UserError(f"{where}: expected a path or an address on each line, got a file that is no text")
    found = [each for source in named for each in (_expand(source) if is_there(source) else [source])]
    return list(dict.fromkeys(found))


def _expand(source: str) -> list[str]:
    """Return what a word names; the word itself where it names a single thing, or nothing that is there."""
    _refuse_other_schemes(source)
    path = Path(source)
    if not is_file(source) or not is_several(source):
        return [source]
    if is_there(source):
        inside = _inside(path)
        found = [each for each in inside if _is_taken(each, SUFFIXES)]
        found = found or [each for each in inside if _is_taken(each, films.SUFFIXES)]
    else:
        endings = films.SUFFIXES if path.suffix.lower() in films.SUFFIXES else SUFFIXES
        matches = sorted(glob(source, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        found = [each for each in matches if _is_taken(each, endings)]
    return found or [source]


def _inside(folder: Path) -> list[str]:
    try:
        return [str(each) for each in sorted(folder.iterdir())]
    except OSError as error:
        raise UserError(f"{folder}: expected a folder that can be read, got {error.strerror}") from None


def _is_taken(source: str, endings: frozenset[str]) -> bool:
    path = Path(source)
    return path.suffix.lower() in endings and path.is_file() and not path.name.startswith(".")


def _refuse_other_schemes(source: str) -> None:
    if _SCHEME.match(source) and not is_address(source):
        raise UserError(f"{source}: expected a file, or an address that begins with http:// or https://")


def fetched(picture: Picture) -> Picture:
    """Return the bytes that lie at an address, and any other picture as it is. Raises FormatError when nothing lies there."""
    if not (isinstance(picture, str) and is_address(picture)):
        return picture
    from onelook.inference.fetching import fetch

    return fetch(picture)


def reduced_pixels_of(
    picture: str | Path | bytes, least: Callable[[tuple[int, int]], tuple[int, int]], where: str | None = None
) -> tuple[Image, tuple[int, int]]:
    """Return a file's pixels as `read_reduced` decodes them, and the picture's own (width, height). Raises FormatError."""
    if not isinstance(picture, bytes):
        _refuse_other_schemes(str(picture))
    return read_reduced(picture if isinstance(picture, bytes) else Path(picture), least, where)


def pixels_of(picture: Picture, where: str | None = None) -> Image:
    """Return a picture in any form as (h, w, 3) uint8 RGB, upright; `where` names it in errors.

    Raises FormatError for a file that is no picture, ValueError for an array of another shape or type.
    """
    picture = fetched(picture)
    if isinstance(picture, bytes):
        return read_image(picture, where)
    if isinstance(picture, str | Path):
        _refuse_other_schemes(str(picture))
        return read_image(Path(picture), where)
    if isinstance(picture, Pillow.Image):
        return as_rgb(ImageOps.exif_transpose(picture))
    if not isinstance(picture, np.ndarray):
        raise TypeError(f"expected a path, bytes, a PIL image or an array, got {type(picture).__name__}")
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ValueError(f"expected an image (h, w, 3) uint8 RGB, got {picture.shape} {picture.dtype}")
    return picture
