"""What a user may give to be looked at: files, folders and globs on the command line, pixels in many forms in Python."""

import re
from collections.abc import Sequence
from glob import glob, has_magic
from pathlib import Path

import numpy as np
from PIL import Image as Pillow
from PIL import ImageOps

from onelook.inference.fetching import fetch, is_address
from onelook.structures.errors import UserError
from onelook.structures.images import SUFFIXES, read_image
from onelook.structures.letterbox import Image

Picture = str | Path | bytes | Image | Pillow.Image
"""A path, an http or https address, a file's bytes, pixels (h, w, 3) uint8 RGB, or a PIL image."""

Pictures = list[str] | list[Path] | list[bytes] | list[Image] | list[Pillow.Image] | list[Picture]
"""Several of them."""

_VIDEO = frozenset({".mp4", ".avi", ".mov", ".mkv", ".webm", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv"})
_URL = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)


def find_images(sources: Sequence[str]) -> list[Path]:
    """Return the pictures that files, folders (not what lies deeper) and globs (`**` goes deeper) name, each once, in order.

    A file that is not there is kept, for the reader to tell of, as long as something else is there. Raises UserError for a
    folder or a glob without pictures, when nothing at all is there, and for videos, cameras and addresses.
    """
    found = [path for source in sources for path in _expand(source)]
    if not any(path.exists() for path in found):
        raise UserError(f"{', '.join(sources)}: expected pictures, folders of them or a glob, got nothing there")
    return list(dict.fromkeys(found))


def _expand(source: str) -> list[Path]:
    _refuse_streams(source)
    path = Path(source)
    if path.is_dir():
        found = [each for each in sorted(path.iterdir()) if _is_picture(each)]
    elif has_magic(source) and not path.exists():
        matches = sorted(glob(source, recursive=True))  # noqa: PTH207 - Path.glob takes no absolute pattern
        found = [each for each in map(Path, matches) if _is_picture(each)]
    else:
        return [path]
    if not found:
        raise UserError(f"{source}: expected pictures ({', '.join(sorted(SUFFIXES))}), got none; '**' looks deeper")
    return found


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.is_file() and not path.name.startswith(".")


def _refuse_streams(source: str) -> None:
    """Raise UserError for what is no file on this machine or holds more than one picture."""
    kind = None
    if _URL.match(source):
        kind = "an address"
    elif source == "-" or (source.isdigit() and not Path(source).exists()):
        kind = "standard input" if source == "-" else "a camera's number"
    elif Path(source).suffix.lower() in _VIDEO:
        kind = "a video"
    if kind:
        raise UserError(
            f"{source}: expected a picture, a folder or a glob, got {kind}, which cannot be read yet; save pictures first"
        )


def fetched(picture: Picture) -> Picture:
    """Return the bytes that lie at an address, and any other picture as it is. Raises FormatError when nothing lies there."""
    return fetch(picture) if isinstance(picture, str) and is_address(picture) else picture


def pixels_of(picture: Picture, where: str | None = None) -> Image:
    """Return a picture in any form as (h, w, 3) uint8 RGB, upright; `where` names it in errors.

    Raises FormatError for a file that is no picture, ValueError for an array of another shape or type.
    """
    picture = fetched(picture)
    if isinstance(picture, bytes):
        return read_image(picture, where)
    if isinstance(picture, str | Path):
        _refuse_streams(str(picture))
        return read_image(Path(picture), where)
    if isinstance(picture, Pillow.Image):
        return np.asarray(ImageOps.exif_transpose(picture).convert("RGB"), np.uint8)
    if not isinstance(picture, np.ndarray):
        raise TypeError(f"expected a path, bytes, a PIL image or an array, got {type(picture).__name__}")
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or not picture.size:
        raise ValueError(f"expected an image (h, w, 3) uint8 RGB, got {picture.shape} {picture.dtype}")
    return picture
