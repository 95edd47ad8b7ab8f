"""The size of a picture from the first kilobytes of its file."""

import struct
from pathlib import Path

from onelook.structures.errors import FormatError
from onelook.structures.images import image_size

MOST_BYTES = 2 * 1024**3
"""A larger file is no picture that anyone can use."""

MOST_PIXELS = 2**32
"""A header that promises more is not believed."""

_START = 4096
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})


def picture_size(path: Path) -> tuple[int, int]:
    """Return (width, height) of a picture as it is shown. Raises FormatError naming the file and what it is instead.

    A JPEG without EXIF is told by the first 4 KiB; anything else by its whole header.
    """
    if type(path) is not type(Path()):  # a picture inside an archive
        return image_size(path)
    try:
        with path.open("rb", buffering=0) as file:
            start = file.read(_START)
            size = jpeg_size(start)
            length = 0 if size else file.seek(0, 2)
    except OSError as error:
        raise FormatError(f"{path}: expected an image, got {error.strerror}") from None
    if length > MOST_BYTES:
        raise FormatError(f"{path}: expected a picture, got a file of {length} bytes")
    width, height = size or image_size(path)
    if width * height > MOST_PIXELS:
        raise FormatError(f"{path}: expected a picture, got a header that promises {width} x {height} pixels")
    return width, height


def jpeg_size(start: bytes) -> tuple[int, int] | None:
    """Return the size that the beginning of a JPEG tells; None when it is no JPEG, has EXIF, or the frame comes later."""
    if start[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(start) and start[at] == 0xFF:
        marker = start[at + 1]
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", start, at + 5)
            return (width, height) if width and height else None
        if marker == 0xE1 or marker in (0xD8, 0xD9, 0xDA):
            return None
        at += 2 + struct.unpack_from(">H", start, at + 2)[0]
    return None
