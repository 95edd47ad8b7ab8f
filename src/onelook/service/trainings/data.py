"""Labelled images to train on: uploaded and unpacked, or on the server already; refused when they say nothing or lead outside."""

import json
import os
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from onelook.datasets.reading import read
from onelook.service.trainings.record import changing, list_trainings
from onelook.service.unpacking import clear, only_folder, set_aside, unpack
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
    path: str | None = None
    """Where it lies on the server, when it was not uploaded."""


Allow = Callable[[int], None]
"""Called with the bytes of new data while nobody else changes the client's; raises what refuses them."""


class DataGoneError(UserError):
    """The data that a training needs was removed."""


class DataUsedError(UserError):
    """A training that has not ended needs the data."""


def add_data(root: Path, client_id: str, name: str, archive: BinaryIO, most_bytes: int, allow: Allow) -> Data:
    """Unpack a zip and keep it. Raises UserError, and keeps nothing, for what is no zip or no labelled images."""
    id_ = _new_id()
    with _to_keep(root, client_id, id_, allow) as folder:
        count = unpack(archive, folder / _FILES, most_bytes, "data")
        images, boxes, classes, format = _look(only_folder(folder / _FILES))
        data = Data(id_, name, time.time(), _bytes_of(folder / _FILES), count, images, boxes, classes, format)
        write_json(folder / _FACTS, asdict(data))
    return data


def add_path(root: Path, client_id: str, name: str, path: str, roots: Sequence[str]) -> Data:
    """Let a client train on what lies on the server, below one of `roots`; nothing of it is copied or changed.

    Raises UserError for another place and for no labelled images; which files there are elsewhere is not told.
    """
    top = Path(path).resolve()
    if not any(top.is_relative_to(Path(each).resolve()) for each in roots):
        told = ", ".join(roots) or "nothing: http.data_roots names no folder, upload a zip"
        raise UserError(f"path: expected one below {told}, got {path!r}")
    id_ = _new_id()
    with _to_keep(root, client_id, id_, allow=lambda _: None) as folder:
        images, boxes, classes, format = _look(top, "path")
        data = Data(id_, name, time.time(), 0, 0, images, boxes, classes, format, str(top))
        write_json(folder / _FACTS, asdict(data))
    return data


def divide_data(root: Path, client_id: str, data: Data, ratios: Sequence[float], seed: int, allow: Allow) -> Data:
    """Keep the same pictures once more, divided anew into train, val and, with a third ratio, test.

    Raises UserError for ratios that are none and for data that cannot be read, and what `allow` does.
    """
    from onelook.datasets.changes.splitting import split_dataset
    from onelook.datasets.converting import convert

    id_, top = _new_id(), data_path(root, client_id, data.id)
    divided = split_dataset(read(top, report=lambda finding: None), ratios, seed)
    with _to_keep(root, client_id, id_, allow) as folder:
        convert(divided, "darknet" if len(divided.boxes) else "folders", folder / _FILES)
        size, count = _bytes_of(folder / _FILES), sum(path.is_file() for path in (folder / _FILES).rglob("*"))
        images, boxes, classes, format = _look(folder / _FILES)
        made = Data(id_, data.name, time.time(), size, count, images, boxes, classes, format)
        write_json(folder / _FACTS, asdict(made))
    return made


@contextmanager
def _to_keep(root: Path, client_id: str, id_: str, allow: Allow) -> Iterator[Path]:
    """Give a folder to fill, which is kept at the block's end if `allow` lets it."""
    with ExitStack() as held, new_folder(_folder(root, client_id, id_)) as folder:
        yield folder
        size = _bytes_of(folder / _FILES)
        held.enter_context(changing(root, client_id))
        allow(size)


def _new_id() -> str:
    return f"d{secrets.token_hex(8)}"


def _bytes_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _look(top: Path, field: str = "data") -> tuple[int, int, tuple[str, ...], str]:
    """Return the numbers of images and boxes, the classes and the format. Raises UserError, with paths as they were packed."""
    try:
        dataset = read(top, report=lambda finding: None)
    except UserError as error:
        raise FormatError(f"{field}: {without_folder(str(error), top).removeprefix('the data: ')}") from None
    inside = str(top.resolve()) + os.sep
    for path in dataset.paths:
        if not str(Path(path).resolve()).startswith(inside):
            raise FormatError(f"{field}: expected images inside the data's folder, got {str(path)[:200]!r}")
    if not len(dataset.paths) or not dataset.labelled.any():
        raise FormatError(f"{field}: expected labelled images, got none")
    return len(dataset.paths), len(dataset.boxes), dataset.names, dataset.format


def without_folder(words: str, top: Path) -> str:
    """Return words with paths as the client knows them, from the data's folder on."""
    for place in (str(top), str(top.resolve())):
        words = words.replace(f"{place}/", "").replace(place, "the data")
    return words


def data_path(root: Path, client_id: str, id_: str) -> Path:
    """Return the folder to train on."""
    data = find_data(root, client_id, id_)
    if data is not None and data.path is not None:
        return Path(data.path)
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
    """Remove a client's data and return whether it was there. Raises DataUsedError for what a training needs that has not ended."""
    with changing(root, client_id):
        if find_data(root, client_id, id_) is None:
            return False
        used = [each.id for each in list_trainings(root, client_id) if each.data == id_ and not each.has_ended]
        if used:
            raise DataUsedError(f"data: expected none that a training needs, got one that {used[0]} does")
        aside = set_aside(_folder(root, client_id, id_))
    clear(aside)
    return True


def _folder(root: Path, client_id: str, id_: str) -> Path:
    return root / client_id / "data" / id_
