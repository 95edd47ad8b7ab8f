"""CIFAR-10 and CIFAR-100 as pickles: data_batch_1... and test_batch, or train and test; read without executing anything.

Source: the page of the CIFAR data sets, cs.toronto.edu/~kriz/cifar.html. A row is three planes of 32x32: red, green, blue.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from onelook.datasets.collecting import Collector, split_of
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.cache_folder import cache_folder
from onelook.datasets.files.layout import parts_of
from onelook.datasets.files.packed import packed
from onelook.datasets.files.pickling import Value, pickled
from onelook.datasets.files.unpickling import read_pickle
from onelook.datasets.findings import Report
from onelook.structures.errors import FormatError
from onelook.structures.files import write_bytes
from onelook.structures.images import read_image
from onelook.structures.letterbox import Image

NAME = "cifar"
HOLDS = frozenset({"labels", "splits"})

SIDE = 32
"""Width and height of every picture; others are scaled to it when they are written."""

_ROW = 3 * SIDE * SIDE
_BATCH = re.compile(r"data_batch_\d+|(?:test|val)_batch(?:_\d+)?|train|test|val")
_ROWS = 10_000
"""Pictures of one batch that is written."""

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
    pixels, labels = batch.get("data"), _listed(batch.get("labels", batch.get("fine_labels")))
    if not isinstance(pixels, np.ndarray) or pixels.dtype != np.uint8 or pixels.shape != (len(labels), _ROW):
        raise FormatError(f"{file}: expected `data` as uint8 (n, {_ROW}) and n `labels`, got something else")
    kept = _kept(pixels)
    split = split_of(file.name) or "train"
    files = _listed(batch.get("filenames"))
    if len(files) != len(pixels):
        files = [f"{file.name}_{row:05d}.png" for row in range(len(pixels))]
    for row, (label, name) in enumerate(zip(labels, files, strict=True)):
        picture = packed(kept, row * _ROW, _ROW, Path(_text(name)).stem + ".ppm", planar=True)
        if not collector.image(picture, file, None, split, labelled=False):
            continue
        if isinstance(label, int) and 0 <= label < len(own):
            collector.label(own[label])
        else:
            what = f"expected row {row} to have a class from 0 to {len(own) - 1}, got {label!r}"
            collector.tell(file, None, "unknown-class", what, "mend the batch or the meta file")


def _listed(labels: Any) -> list[Any]:
    """Return labels, or names, as a list, where some programs store an array; of anything else none."""
    if isinstance(labels, np.ndarray):
        return list(labels.ravel().tolist())
    return labels if isinstance(labels, list) else []


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
    """Write CIFAR-10's files into an empty folder, or CIFAR-100's where there are more than ten classes, with fine ones alone.

    Pictures of another size are scaled to 32x32. A val split, which CIFAR has not, is a batch of that name.
    """
    fine = len(dataset.names) > 10
    names: list[Value] = list(dataset.names)
    meta: Mapping[str, Value] = {"fine_label_names" if fine else "label_names": names}
    write_bytes(folder / _METAS[fine], pickled(meta))
    for split, indices in parts_of(dataset).items():
        parts = range(0, len(indices), len(indices) if fine else _ROWS) if len(indices) else ()
        for number, start in enumerate(parts, start=1):
            chosen = indices if fine else indices[start : start + _ROWS]
            numbered = (
                f"data_batch_{number}" if split == "train" else f"{split}_batch" + (f"_{number}" if start else "")
            )
            told = f"{split} batch {number} of {len(parts)}"
            write_bytes(folder / (split if fine else numbered), pickled(_batch(dataset, chosen, fine, told)))


def _batch(dataset: Dataset, indices: NDArray[np.int64], fine: bool, told: str) -> Mapping[str, Value]:
    pixels = np.empty((len(indices), _ROW), np.uint8)
    for row, index in enumerate(indices):
        pixels[row] = _small(read_image(dataset.paths[index])).transpose(2, 0, 1).ravel()
    return {
        "batch_label": told,
        "fine_labels" if fine else "labels": dataset.labels[indices].tolist(),
        "data": pixels,
        "filenames": [f"{dataset.paths[index].stem}.png" for index in indices],
    }


def _small(image: Image) -> Image:
    if image.shape[:2] == (SIDE, SIDE):
        return image
    return np.asarray(cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.uint8)
