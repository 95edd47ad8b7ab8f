"""Labelled images that clients upload: unpacked, read once, and refused when they say nothing or lead out of their folder."""

import json
import os
import secrets
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from onelook.service.unpacking import only_folder, remove, unpack
from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import new_folder, write_json

_FILES = "files"
_FACTS = "data.json"


@dataclass(frozen=True)
class Data:
    """Labelled images of a client: what was uploaded, and what was found in it."""

    id: str
    name: str
    created_at: float
    bytes: int
    files: int
    images: int
    boxes: int
    classes: tuple[str, ...]
    format: str


def add_data(root: Path, client_id: str, name: str, archive: BinaryIO, most_bytes: int) -> Data:
    """Unpack a zip and keep it. Raises UserError, and keeps nothing, for what is no zip or no labelled images."""
    id_ = f"d{secrets.token_hex(8)}"
    with new_folder(_folder(root, client_id, id_)) as folder:
        count = unpack(archive, folder / _FILES, most_bytes, "data")
        images, boxes, classes, format = _look(only_folder(folder / _FILES))
        size = sum(path.stat().st_size for path in (folder / _FILES).rglob("*") if path.is_file())
        data = Data(id_, name, time.time(), size, count, images, boxes, classes, format)
        write_json(folder / _FACTS, asdict(data))
    return data


def _look(top: Path) -> tuple[int, int, tuple[str, ...], str]:
    """Return the numbers of images and boxes, the classes and the format. Raises UserError, with paths as they were packed."""
    from onelook.datasets.reading import read

    try:
        dataset = read(top, report=lambda finding: None)
    except UserError as error:
        told = (
            str(error)
            .replace(f"{top}/", "")
            .replace(str(top), "the archive")
            .replace(str(top.resolve()), "the archive")
        )
        raise FormatError(f"data: {told.removeprefix('the archive: ')}") from None
    inside = str(top.resolve()) + os.sep
    for path in dataset.paths:
        if not str(Path(path).resolve()).startswith(inside):
            raise FormatError(f"data: expected images inside the archive, got {str(path)[:200]!r}")
    if not len(dataset.paths) or not dataset.labelled.any():
        raise FormatError("data: expected labelled images, got none")
    return len(dataset.paths), len(dataset.boxes), dataset.names, dataset.format


def data_path(root: Path, client_id: str, id_: str) -> Path:
    """Return the folder to train on."""
    return only_folder(_folder(root, client_id, id_) / _FILES)


def find_data(root: Path, client_id: str, id_: str) -> Data | None:
    """Return a client's data; None when it is absent or another's."""
    try:
        values = json.loads((_folder(root, client_id, id_) / _FACTS).read_text())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Data(**{**values, "classes": tuple(values["classes"])})


def list_data(root: Path, client_id: str) -> list[Data]:
    """Return a client's data, newest first."""
    folder = root / client_id / "data"
    ids = [path.name for path in folder.iterdir() if not path.name.startswith(".")] if folder.is_dir() else []
    found = [data for id_ in ids if (data := find_data(root, client_id, id_)) is not None]
    return sorted(found, key=lambda data: (-data.created_at, data.id))


def remove_data(root: Path, client_id: str, id_: str) -> bool:
    """Remove a client's data and return whether it was there."""
    if find_data(root, client_id, id_) is None:
        return False
    folder = _folder(root, client_id, id_)
    gone = folder.with_name(f".{id_}.gone")
    shutil.move(folder, gone)
    remove(gone)
    return True


def _folder(root: Path, client_id: str, id_: str) -> Path:
    return root / client_id / "data" / id_
