"""Files that are whole or absent: written beside their place, flushed to disk, then renamed."""

import errno
import json
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from onelook.structures.errors import UserError


class DiskFullError(UserError):
    """There is no room left on the disk; what was there before is whole."""


def unwritable(path: Path, error: OSError) -> UserError:
    """Return what to tell of a file that cannot be written: DiskFullError when there is no room."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DiskFullError(f"{path}: expected room on the disk, got {error.strerror}; make some")
    return UserError(f"{path}: cannot be written ({error.strerror}); choose another place")


def append_json(path: Path, value: Any) -> None:
    """Add `value` to `path` as one line of JSON. Raises UserError when it cannot; the file then ends as it did before."""
    end = path.stat().st_size if path.exists() else 0
    try:
        with path.open("ab", buffering=0) as file:
            line = json.dumps(value, ensure_ascii=False).encode() + b"\n"
            if file.write(line) != len(line):  # the disk took a part, and has no room for the rest
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    except OSError as error:
        with suppress(OSError):
            os.truncate(path, end)
        raise unwritable(path, error) from None


def write_bytes(path: Path, data: bytes) -> None:
    """Write `data` so that `path` holds either what it held before or all of it. Raises UserError when it cannot."""
    with new_file(path) as file:
        file.write(data)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Give a file to write; it becomes `path` when the block ends well, and is removed otherwise. Raises UserError."""
    beside = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise unwritable(path, error) from None
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8, whole or not at all."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """Write `value` as indented JSON, whole or not at all."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder to fill; it becomes `path` only when the block ends well.

    Raises UserError when `path` exists and is not an empty folder: nothing of the user's is overwritten.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path}: expected a new or empty folder, got one that holds something; choose another --out")
    beside = _beside(path)
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be made ({error.strerror}); choose another place") from None
    try:
        yield beside
        if path.exists():
            path.rmdir()
        beside.replace(path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a lock on the folder, which ends with the process however that ends. Raises UserError when another one holds it."""
    try:
        import fcntl
    except ImportError:  # a system without such locks
        yield
        return
    held = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UserError(f"{folder}: expected a folder to ourselves, got one that another onelook is writing") from None
    finally:
        with suppress(OSError):
            os.close(held)


@contextmanager
def in_turn(path: Path) -> Iterator[None]:
    """Hold the lock that the empty file `path` stands for, made when absent; others wait until the block or this process ends.

    Raises OSError where the file cannot be made.
    """
    try:
        import fcntl
    except ImportError:  # a system without such locks
        yield
        return
    with path.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _beside(path: Path) -> Path:
    """Return the hidden name under which this thread writes what becomes `path`."""
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.part")
