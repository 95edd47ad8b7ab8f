"""Archives that strangers send: unpacked into an empty folder, in bounds, nothing outside it, no links."""

import shutil
import stat
import struct
import zipfile
import zlib
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from onelook.structures.errors import FormatError

MOST_FILES = 2_000_000
_CHUNK = 1024**2
_LONGEST = 1000
"""Bytes of a name."""
_ENTRY = 128
"""Bytes of an entry in the archive's directory, on average; what the directory may take is known before it is read."""
_KINDS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


def unpack(archive: BinaryIO, folder: Path, most_bytes: int, where: str, most_files: int = MOST_FILES) -> int:
    """Unpack a zip into the empty `folder`, made when absent, and return the number of its files.

    Raises FormatError, which names the entry, for what is no zip, an entry that leads out of the folder, a link, encryption,
    and more bytes or files than allowed; bytes are counted as they come, whatever the archive says of itself.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(_InPieces(archive, max(_CHUNK, most_files * _ENTRY), where)) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir()]
            if len(entries) > most_files:
                raise FormatError(f"{where}: expected at most {most_files} files, got {len(entries)}")
            left = most_bytes
            for entry in entries:
                left -= _unpack_one(opened, entry, folder, left, where)
                if left < 0:
                    raise FormatError(f"{where}: expected at most {most_bytes} bytes unpacked, got more")
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
    ) as error:
        raise FormatError(f"{where}: expected a whole zip archive, got {str(error)[:100] or 'a broken one'}") from None
    return len(entries)


def _unpack_one(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path, left: int, where: str) -> int:
    """Write one entry and return its bytes; one that has more than `left` breaks off, with more than that."""
    parts = entry.filename.replace("\\", "/").split("/")
    if entry.compress_type not in _KINDS:
        raise FormatError(f"{where}: expected entries stored or deflated, got {entry.filename[:80]!r} packed otherwise")
    if len(entry.filename.encode()) > _LONGEST or "\0" in entry.filename or entry.filename.startswith("/"):
        raise FormatError(f"{where}: expected names inside the archive, got {entry.filename[:80]!r}")
    if any(part in ("", ".", "..") or len(part.encode()) > 255 for part in parts) or ":" in parts[0]:
        raise FormatError(f"{where}: expected names inside the archive, got {entry.filename[:80]!r}")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise FormatError(f"{where}: expected files, got the link {entry.filename[:80]!r}")
    target = folder.joinpath(*parts)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with opened.open(entry) as source, target.open("xb") as out:
            written = 0
            while written <= left and (chunk := source.read(_CHUNK)):
                written += out.write(chunk)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise FormatError(f"{where}: expected every name once, got {entry.filename[:80]!r} again") from None
    return written


class _InPieces:
    """A file of which never more is read at once than `most` bytes: an archive's directory is read whole, and made into objects."""

    def __init__(self, file: BinaryIO, most: int, where: str) -> None:
        self._file, self._most, self._where = file, most, where
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int | None = -1) -> bytes:
        """Read on. Raises FormatError for too much."""
        data = self._file.read(self._most + 1 if size is None or size < 0 else min(size, self._most + 1))
        if len(data) > self._most:
            raise FormatError(
                f"{self._where}: expected a directory of at most {self._most} bytes in the archive, got more"
            )
        return data


def only_folder(folder: Path) -> Path:
    """Return the folder in `folder` when that holds nothing else: archives are often made of a folder; else `folder`."""
    inside = [path for path in folder.iterdir() if path.name != "__MACOSX"]
    return only_folder(inside[0]) if len(inside) == 1 and inside[0].is_dir() else folder


def remove(folder: Path) -> None:
    """Remove a folder and all in it, gone at once for whoever looks; one that is not there is fine."""
    clear(set_aside(folder))


def set_aside(folder: Path) -> Path:
    """Rename a folder, so that it is gone for whoever looks, and return where it is; one that is not there is fine."""
    gone = folder.with_name(f".{folder.name}.gone")
    with suppress(FileNotFoundError):
        folder.rename(gone)
    return gone


def clear(aside: Path) -> None:
    """Remove what `set_aside` put aside, which may take a while."""
    shutil.rmtree(aside, ignore_errors=True)
