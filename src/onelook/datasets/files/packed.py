"""Pictures that lie inside a larger file: a tar archive, a RecordIO file, a CIFAR batch.

Such a picture has a path as every other, ARCHIVE/OFFSET+LENGTH/NAME, and is read from that place of the archive; so it needs no
unpacking, and reading one touches nothing but its own bytes.
"""

import sys
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

if sys.platform == "win32":
    from pathlib import WindowsPath as OwnPath
else:
    from pathlib import PosixPath as OwnPath

_PLANAR = "planar"


class Packed(OwnPath):
    """The path of a picture inside an archive; `read_bytes` gives the picture's own bytes, `archive` the file it lies in."""

    @property
    def archive(self) -> Path:
        """Return the file that holds the picture."""
        return Path(*self.parts[:-2])

    def read_bytes(self) -> bytes:
        """Return the bytes of the picture. Raises OSError when the archive is gone or breaks off."""
        offset, length, *kind = self.parts[-2].split("+")
        with self.archive.open("rb") as file:
            file.seek(int(offset))
            data = file.read(int(length))
        if len(data) != int(length):
            raise OSError(5, f"{self.archive.name} breaks off", str(self))
        return _as_ppm(data) if kind else data

    def open(self, *_: Any, **__: Any) -> BytesIO:  # type: ignore[override]  # only ever read, as bytes
        """Return the picture as a file opened for reading. Raises OSError as `read_bytes` does."""
        return BytesIO(self.read_bytes())

    def is_file(self) -> bool:
        """Return whether the archive is there."""
        return self.archive.is_file()


def packed(archive: Path, offset: int, length: int, name: str, planar: bool = False) -> Packed:
    """Return the path of the picture of `length` bytes at `offset`; of `name` only the last part is used.

    `planar` pixels are three square planes red, green, blue, as CIFAR keeps them; they are read as a PPM file.
    """
    place = f"{offset}+{length}" + (f"+{_PLANAR}" if planar else "")
    return Packed(archive, place, name.replace("\\", "/").rsplit("/", 1)[-1])


def _as_ppm(data: bytes) -> bytes:
    side = round((len(data) / 3) ** 0.5)
    pixels = np.frombuffer(data, np.uint8).reshape(3, side, side).transpose(1, 2, 0)  # (h, w, 3)
    return b"P6 %d %d 255\n" % (side, side) + pixels.tobytes()
