"""The size of a picture from the first kilobytes of its file."""

import os
from io import FileIO
from pathlib import Path

from onelook.datasets.files.packed import Packed
from onelook.structures.errors import FormatError
from onelook.structures.image_header import read_header
from onelook.structures.images import image_size, shown

MOST_BYTES = 2 * 1024**3
"""A larger file is no picture that anyone can use."""

MOST_PIXELS = 2**32
"""A header that promises more is not believed."""


def picture_size(path: Path | str) -> tuple[int, int]:
    """Return (width, height) of a picture as it is shown. Raises FormatError naming the file and what it is instead.

    A JPEG is told by its first kilobytes and a PNG by the heads of its chunks; anything else by Pillow.
    """
    if isinstance(path, Packed):
        return image_size(path)
    try:
        with FileIO(path) as file:
            header = read_header(file)
            length = 0 if header else os.fstat(file.fileno()).st_size
    except OSError as error:
        raise FormatError(f"{path}: expected an image, got {error.strerror}") from None
    if length > MOST_BYTES:
        raise FormatError(f"{path}: expected a picture, got a file of {length} bytes")
    width, height = shown(*header) if header else image_size(Path(path))
    if width * height > MOST_PIXELS:
        raise FormatError(f"{path}: expected a picture, got a header that promises {width} x {height} pixels")
    return width, height
