"""Size and orientation of a JPEG or PNG from its first bytes, without decoding: some microseconds a file.

Sources: ITU-T T.81 annex B (JPEG's segments), the EXIF 2.3 standard (orientation, tag 0x0112), the PNG specification (chunks).
Whatever is not plain in these is left to Pillow: then there is no answer here.
"""

import re
import struct
from typing import BinaryIO

UPRIGHT = 1

_START = 4096
"""Bytes that are read first; the frame header of most JPEGs is in them."""

_MOST = 1024**2
"""Bytes in which the header must come, thumbnails and colour profiles included."""

_MOST_CHUNKS = 100_000

_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_APP1 = 0xE1
_ENDS = frozenset({0xD8, 0xD9, 0xDA})
_PNG = b"\x89PNG\r\n\x1a\n"
_TEXTS = (b"iTXt", b"tEXt", b"zTXt")
_EXIF_TEXT = re.compile(rb"Raw profile type|XML:com\.adobe\.xmp")
_ORIENTATION = 0x0112

_two = struct.Struct(">H").unpack_from
_sides = struct.Struct(">HH").unpack_from


def read_header(file: BinaryIO) -> tuple[int, int, int] | None:
    """Return the stored width and height and the EXIF orientation of the picture in an open file, 1 where there is none.

    None means that Pillow is to be asked: another kind of file, a broken one, or one that tells its orientation otherwise.
    """
    start = file.read(_START)
    if start[:2] == b"\xff\xd8":
        header, needed = jpeg_header(start)
        if needed and len(start) == _START:
            header, _ = jpeg_header(start + file.read(_MOST))
        return header
    return _png_header(start, file) if start[:8] == _PNG else None


def jpeg_header(start: bytes) -> tuple[tuple[int, int, int] | None, bool]:
    """Return what the beginning of a JPEG tells, or None; and whether more of the file may tell it."""
    at, turned = 2, UPRIGHT
    while at + 9 <= len(start):
        marker = start[at + 1]
        if start[at] != 0xFF or marker in _ENDS:
            return None, False
        if marker in _FRAMES:
            height, width = _sides(start, at + 5)
            return ((width, height, turned) if width and height else None), False
        length = _two(start, at + 2)[0]
        if marker == _APP1:
            if at + 2 + length > len(start):
                return None, True
            found = _app1_orientation(start[at + 4 : at + 2 + length])
            if found is None or turned != UPRIGHT:
                return None, False
            turned = found
        at += 2 + length
    return None, True


def _app1_orientation(segment: bytes) -> int | None:
    """Return the orientation that an APP1 segment tells, 1 where it tells none, None where Pillow must look."""
    if segment[:6] == b"Exif\0\0":
        return _exif_orientation(segment[6:])
    return None if b"Orientation" in segment else UPRIGHT


def _exif_orientation(exif: bytes) -> int | None:
    """Return the orientation in the first directory of a TIFF block; None for one that cannot be followed."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(exif[:4])
    try:
        if order is None:
            return None
        place = struct.unpack_from(order + "L", exif, 4)[0]
        for number in range(struct.unpack_from(order + "H", exif, place)[0]):
            tag, kind, count, value = struct.unpack_from(order + "HHLH", exif, place + 2 + 12 * number)
            if tag == _ORIENTATION:
                return int(value) if kind == 3 and count == 1 else None
    except struct.error:
        return None
    return UPRIGHT


def _png_header(start: bytes, file: BinaryIO) -> tuple[int, int, int] | None:
    """Return what a PNG tells, going from chunk to chunk: an eXIf chunk may stand behind the pixels."""
    if start[12:16] != b"IHDR" or len(start) < 24:
        return None
    width, height = struct.unpack_from(">LL", start, 16)
    at = 8
    for _ in range(_MOST_CHUNKS):
        head = start[at : at + 8]
        if len(head) < 8:
            file.seek(at)
            head = file.read(8)
        if len(head) < 8:
            return None
        length, kind = struct.unpack(">L4s", head)
        if kind == b"IEND":
            return width, height, UPRIGHT
        if kind == b"eXIf" or kind in _TEXTS:
            file.seek(at + 8)
            chunk = file.read(min(length, _MOST))
            if kind == b"eXIf":
                turned = _exif_orientation(chunk)
                return None if turned is None else (width, height, turned)
            if _EXIF_TEXT.match(chunk):
                return None
        at += 12 + length
    return None
