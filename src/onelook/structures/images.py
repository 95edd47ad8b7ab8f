"""Pictures in files: JPEG by simplejpeg (three times faster than Pillow), everything else by Pillow; EXIF turned upright.

The header is looked at before a pixel is decoded, so that a small file cannot ask for gigabytes.
"""

import ctypes
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg
from PIL import Image as Pillow
from PIL import ImageOps

from onelook.structures.errors import FormatError
from onelook.structures.files import write_bytes
from onelook.structures.image_header import UPRIGHT, read_header

if TYPE_CHECKING:  # reading headers needs no OpenCV
    from onelook.structures.letterbox import Image

MOST_PIXELS = 100_000_000
"""Largest picture that is decoded unless more is allowed: 300 MB as RGB, and a file of 0.4 MB may hold them."""

MOST_BYTES = 1_000_000_000
"""Largest file that is read as a picture."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
"""Endings, in lower case, by which a folder's pictures are known."""

_ORIENTATION = 0x0112
_SILENT = logging.NullHandler()
_SIDEWAYS = (5, 6, 7, 8)


def read_image(source: Path | bytes, where: str | None = None, most_pixels: int | None = None) -> "Image":
    """Return the picture as it is shown, (h, w, 3) uint8 RGB: EXIF rotation applied, grey, palette, CMYK and 16 bit converted.

    Grey of 16 bits and of floats becomes 8 bits as `as_rgb` does it. `source` is a path or the file's bytes; `where` names it
    in errors. Raises FormatError when it is missing, truncated, no picture, or larger than `most_pixels`, by default MOST_PIXELS.
    """
    return read_reduced(source, None, where, most_pixels)[0]


def read_reduced(
    source: Path | bytes,
    least: Callable[[tuple[int, int]], tuple[int, int]] | None,
    where: str | None = None,
    most_pixels: int | None = None,
) -> tuple["Image", tuple[int, int]]:
    """Return the picture as `read_image` does, a large JPEG at 1/2, 1/4 or 1/8 of its size, and its own (width, height).

    `least` gives, for the picture's own (width, height), the one that is enough: neither side is decoded below it. None decodes
    at full size. Raises FormatError as `read_image` does.
    """
    where = where or (str(source) if isinstance(source, Path) else "image")
    data = source if isinstance(source, bytes) else _bytes(source)
    width, height, orientation = _header(data, where)
    most_pixels = most_pixels or MOST_PIXELS
    if width * height > most_pixels:
        raise FormatError(f"{where}: expected at most {most_pixels} pixels, got {width} x {height}")
    if data[:2] == b"\xff\xd8" and orientation == UPRIGHT:
        factor = _factor((width, height), least((width, height))) if least else 1
        smallest = {"min_width": -(-width // factor), "min_height": -(-height // factor)} if factor > 1 else {}
        try:
            pixels = simplejpeg.decode_jpeg(data, colorspace="RGB", strict=True, **smallest)
            return np.asarray(pixels, np.uint8), (width, height)
        except ValueError:
            pass  # CMYK, or broken: Pillow converts the one and names the fault of the other
    return _by_pillow(data, where), shown(width, height, orientation)


def _factor(size: tuple[int, int], least: tuple[int, int]) -> int:
    """Return by how much a JPEG may be reduced; the others than these that libjpeg knows take longer than full size."""
    return next(
        (each for each in (8, 4, 2) if all(side >= each * end for side, end in zip(size, least, strict=True))), 1
    )


def image_size(source: Path | bytes, where: str | None = None) -> tuple[int, int]:
    """Return (width, height) as the picture is shown, from its header alone. Raises FormatError as `read_image` does."""
    where = where or (str(source) if isinstance(source, Path) else "image")
    data = source if isinstance(source, bytes) else _bytes(source)
    return shown(*_header(data, where))


def shown(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return (width, height) as a picture is shown that is stored so, turned by an EXIF orientation."""
    return (height, width) if orientation in _SIDEWAYS else (width, height)


def as_rgb(picture: Pillow.Image) -> "Image":
    """Return a picture of Pillow's as (h, w, 3) uint8 RGB; grey of more than 8 bits is brought to them.

    No file says what its white is, so the largest number tells it: up to 255 the numbers stand as they are, beyond it 65535 is
    white, and floats of at most 1 are shares of white. What lies outside is cut, what is no number is black.
    """
    if picture.mode.startswith(("I", "F")):  # I;16 and its kin too
        return _from_deep(np.asarray(picture))
    return np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"), np.uint8)


def write_jpeg(path: Path, image: "Image", quality: int = 92) -> None:
    """Write pixels (h, w, 3) uint8 RGB as a JPEG, whole or not at all. Raises UserError when it cannot be written."""
    write_bytes(path, simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=quality, colorspace="RGB"))


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END) if file.seekable() else 0  # 0 of a pipe or a device, which may have no end
            if file.seekable():
                file.seek(0)
            data = b"" if size > MOST_BYTES else file.read(-1 if size else MOST_BYTES + 1)
    except OSError as error:
        raise FormatError(f"{path}: expected an image, got {error.strerror}") from None
    except ValueError as error:  # a name with a zero in it
        raise FormatError(f"{path}: expected an image, got {error}") from None
    if max(size, len(data)) > MOST_BYTES:
        raise FormatError(f"{path}: expected at most {MOST_BYTES} bytes, got more")
    if not data:
        raise FormatError(f"{path}: expected an image, got an empty file")
    return data


def _header(data: bytes, where: str) -> tuple[int, int, int]:
    """Return the stored width and height and the EXIF orientation (1 when there is none)."""
    plain = read_header(BytesIO(data))
    if plain is not None:
        return plain
    try:
        with _opened(data) as image:
            return image.width, image.height, image.getexif().get(_ORIENTATION, UPRIGHT)
    except Exception as error:  # a broken file makes a decoder fail in as many ways as it can be broken
        raise FormatError(
            f"{where}: expected a picture, got a file that cannot be read as one ({_reason(error)})"
        ) from None


def _by_pillow(data: bytes, where: str) -> "Image":
    try:
        with _opened(data) as image:
            ImageOps.exif_transpose(image, in_place=True)  # a copy of a large picture costs as much as it does
            return as_rgb(image)
    except Exception as error:
        raise FormatError(f"{where}: expected a whole picture, got a broken one ({_reason(error)})") from None


@contextmanager
def _opened(data: bytes) -> Iterator[Pillow.Image]:
    """Give a picture that Pillow has opened, without warnings and, where nobody listens, log lines of its own."""
    logging.getLogger("PIL").addHandler(_SILENT)
    _silence_tiff()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Pillow.open(BytesIO(data)) as image:
            yield image


@cache
def _silence_tiff() -> None:
    """Keep the libtiff in Pillow's package from writing lines of its own on stderr, past Python, about files that are broken."""
    for library in (Path(Pillow.__file__).parents[1] / "pillow.libs").glob("libtiff-*"):
        ctypes.CDLL(str(library)).TIFFSetErrorHandler(None)


def _from_deep(grey: np.ndarray) -> "Image":
    """Return grey (h, w) of more than 8 bits as RGB, as `as_rgb` says."""
    if np.issubdtype(grey.dtype, np.floating):
        grey = np.nan_to_num(grey, nan=0, posinf=0, neginf=0)
        if 0 < grey.max(initial=0) <= 1:
            grey = np.rint(grey * 255)
    eight = grey // 257 if grey.max(initial=0) > 255 else grey
    return np.repeat(np.clip(eight, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _reason(error: Exception) -> str:
    """Return the first line of the decoder's words, without the memory address that Pillow names."""
    words = str(error).splitlines()[0] if str(error) else type(error).__name__
    return "unknown format" if "cannot identify" in words else words
