"""One look at each picture's file: its bytes, whether it decodes, its EXIF, its kind, and a hash of what it shows."""

import hashlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

from onelook.structures.errors import FormatError
from onelook.structures.images import read_image
from onelook.structures.letterbox import Image

_ORIENTATION = 0x0112
_STARTS = {
    b"\xff\xd8\xff": (".jpg", ".jpeg"),
    b"\x89PNG": (".png",),
    b"GIF8": (".gif",),
    b"BM": (".bmp",),
    b"RIFF": (".webp",),
    b"II*\0": (".tif", ".tiff"),
    b"MM\0*": (".tif", ".tiff"),
}
"""How files begin, and what their names end in."""


@dataclass(frozen=True)
class Look:
    """What one look told: sha256 of the bytes, the fault (or None), EXIF orientation, endings that fit, perceptual hash."""

    digest: str
    fault: str | None
    orientation: int = 1
    endings: tuple[str, ...] = ()
    print: int | None = None
    """64 bits; None for a picture that shows too little to be told from another."""


def look(path: Path) -> Look:
    """Return what the file of a picture tells; it is read and decoded once."""
    try:
        data = path.read_bytes()
        image = read_image(data, str(path))
    except (OSError, FormatError) as error:
        return Look("", str(error).removeprefix(f"{path}: "))
    endings = next((endings for start, endings in _STARTS.items() if data.startswith(start)), ())
    return Look(hashlib.sha256(data).hexdigest(), None, _orientation(data), endings, perceptual_hash(image))


def perceptual_hash(image: Image) -> int | None:
    """Return 64 bits that hardly change when a picture is scaled or compressed anew; None where there is hardly any contrast.

    The signs, against their median, of the 64 lowest frequencies of the picture as 32x32 grey.
    """
    grey = cv2.cvtColor(cv2.resize(image, (32, 32), interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    if grey.std() < 4:
        return None
    low = cv2.dct(grey.astype(np.float32))[:8, :8].ravel()
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _orientation(data: bytes) -> int:
    with Pillow.open(BytesIO(data)) as image:
        return int(image.getexif().get(_ORIENTATION, 1))
