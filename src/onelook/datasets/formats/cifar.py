"""CIFAR-10 and CIFAR-100 as pickles: data_batch_1... and test_batch, or train and test; read without executing anything.

Source: the page of the CIFAR data sets, cs.toronto.edu/~kriz/cifar.html. A row is three planes of 32x32: red, green, blue.
"""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from onelook.datasets.collecting import Collector
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.cache_folder import cache_folder
from onelook.datasets.files.packed import packed
from onelook.datasets.files.unpickling import read_pickle
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import write_bytes

NAME = "cifar"
HOLDS: frozenset[str] = frozenset()
"""Nothing can be written as CIFAR's pickles."""

_ROW = 3 * 32 * 32
_BATCH = re.compile(r"data_batch_\d+|test_batch|train|test")
_METAS = ("batches.meta", "meta")


def evidence(path: Path) -> str | None:
    """Return which meta file beside batches speaks for CIFAR, in `path` or one folder below it."""
    root = _root(path)
    return f"{root} holds {_meta(root).name} and {len(_batches(root))} batches" if root else None


def read(path: Path, report: Report, names: Sequence[str] | None = None) -> Dataset:
    """Return the pictures with their classes as a whole, CIFAR-100's fine ones; there are no boxes.

    Pixels are put as they are into the cache folder, one file a batch. Raises FormatError for a pickle that needs execution.
    """
    root = _root(path)
    if root is None:
        raise FormatError(f"{path}: expected batches.meta and data_batch_1..., or meta and train, got neither")
    meta = _words(read_pickle(_meta(root)), _meta(root))
    own = [_text(name) for name in meta.get("label_names") or meta.get("fine_label_names") or ()]
    collector = Collector(root, NAME, report, names, own)
    for file in _batches(root):
        _read_batch(file, own, collector)
    return collector.finish()


def _root(path: Path) -> Path | None:
    if not path.is_dir():
        return None
    folders = [path, *sorted(path.glob("cifar-*"))]
    return next((folder for folder in folders if _meta(folder).is_file() and _batches(folder)), None)


def _meta(root: Path) -> Path:
    return next((root / name for name in _METAS if (root / name).is_file()), root / _METAS[0])


def _batches(root: Path) -> list[Path]:
    return (
        sorted(file for file in root.iterdir() if _BATCH.fullmatch(file.name) and file.is_file())
        if root.is_dir()
        else []
    )


def _read_batch(file: Path, own: list[str], collector: Collector) -> None:
    batch = _words(read_pickle(file), file)
    pixels, labels = batch.get("data"), batch.get("labels") or batch.get("fine_labels")
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape != (len(labels or ()), _ROW):
        raise FormatError(f"{file}: expected `data` as uint8 (n, {_ROW}) and n `labels`, got something else")
    kept = _kept(pixels)
    split = "test" if file.name.startswith("test") else "train"
    files = batch.get("filenames") or [f"{file.name}_{row:05d}.png" for row in range(len(pixels))]
    for row, (label, name) in enumerate(zip(labels or (), files, strict=True)):
        picture = packed(kept, row * _ROW, _ROW, Path(_text(name)).stem + ".ppm", planar=True)
        if not collector.image(picture, file, None, split, labelled=False):
            continue
        if isinstance(label, int) and 0 <= label < len(own):
            collector.label(own[label])
        else:
            what = f"expected row {row} to have a class from 0 to {len(own) - 1}, got {label!r}"
            collector.tell(file, None, "unknown-class", what, "mend the batch or the meta file")


def _kept(pixels: np.ndarray) -> Path:
    """Return a file in the cache folder that holds the rows one after the other; it is named by its content."""
    data = pixels.tobytes()
    file = cache_folder() / "cifar" / f"{hashlib.sha256(data).hexdigest()[:32]}.planes"
    if not file.is_file() or file.stat().st_size != len(data):
        write_bytes(file, data)
    return file


def _words(value: Any, file: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FormatError(f"{file}: expected a map, got {type(value).__name__}")
    return {_text(key): item for key, item in value.items()}


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def write(dataset: Dataset, folder: Path) -> None:
    """Refuse: pictures of any size cannot become CIFAR's rows."""
    raise UserError(
        f"--to: expected a format that can be written, got cifar for {folder} ({len(dataset)} images); take folders"
    )
