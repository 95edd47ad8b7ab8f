"""A data set written anew in another format, into a new folder; what was read is never changed."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.dataset import Dataset
from onelook.datasets.files.packed import Packed
from onelook.datasets.files.paths import Paths
from onelook.datasets.files.written import written_folder
from onelook.datasets.formats import FORMATS, UNREAD, WORDS, cifar, coco, darknet, ultralytics
from onelook.datasets.record import write_record
from onelook.structures.errors import UserError, nearest

_FLAGS = ("difficult", "crowd", "truncated")


LABELS_APART = {"darknet": darknet.write, "ultralytics": ultralytics.write, "coco": coco.write}
"""Formats whose labels can be written without the pictures."""

VERSION = 1
"""To be raised with every change of what a format writes."""


def convert(
    dataset: Dataset,
    to: str,
    folder: Path,
    pictures: bool = True,
    also: Callable[[Path], None] | None = None,
    network: str = "",
) -> list[str]:
    """Write the data set as format `to` into a new folder, and return what that format cannot say, one line each.

    Images that the format would say something else of, such as unlabelled ones where it takes them for negatives, are left
    out and told. A folder that was written so is left as it is; where the data has changed since it is replaced, unless
    something in the folder was changed too; what a killed call left is gone on with. Without `pictures` only labels are
    written. `also`, which goes by the data and the `network`, puts more into the folder. Raises UserError
    for an unknown format, one that has words for no image, and when `folder` holds something else.
    """
    if to not in FORMATS:
        raise UserError(f"--to: expected one of {', '.join(FORMATS)}, got {to!r}{nearest(to, FORMATS)}")
    if not pictures and to not in LABELS_APART:
        raise UserError(
            f"--labels-only: expected --to {', '.join(LABELS_APART)}, got {to}, which has them with the pictures"
        )
    wanted = sayable(dataset, to)
    if len(dataset) and not wanted.any():
        holds = ", ".join(word for word in WORDS if word in FORMATS[to].HOLDS)
        raise UserError(
            f"--to: expected a format with a word for these {len(dataset)} images, got {to}: it holds {holds}"
        )
    lost = losses(dataset, to)
    said = dataset if wanted.all() else dataset.keep(wanted)
    asked = _asked(said, to, pictures, f"{network} {dataset.coordinates} {lost}")
    with written_folder(folder, f"{to} of {dataset.root.absolute()}", asked) as out:
        if out is not None:
            _fill(said, to, out, pictures)
            write_record(dataset, to, lost, out)
            if also is not None:
                also(out)
    return lost


def _fill(dataset: Dataset, to: str, folder: Path, pictures: bool) -> None:
    if pictures:
        FORMATS[to].write(dataset, folder)
    else:
        LABELS_APART[to](dataset, folder, pictures)


def _asked(dataset: Dataset, to: str, pictures: bool, more: str) -> str:
    """Return a sum of all that decides the outcome: format, columns, size and time of change of every picture."""
    total = hashlib.sha256(f"{VERSION} {to} {pictures} {more} {dataset.digest()}".encode())
    for split, indices in dataset.splits.items():
        total.update(split.encode() + indices.tobytes())
    total.update(dataset.labels.tobytes())
    for path in Paths(dataset.paths).texts if pictures else ():
        try:
            seen = os.stat(path.archive if isinstance(path, Packed) else path)  # noqa: PTH116 - a Path each costs more
            total.update(b"%d %d " % (seen.st_size, seen.st_mtime_ns))
        except OSError:
            total.update(b"gone ")
    return total.hexdigest()


def sayable(dataset: Dataset, to: str) -> NDArray[np.bool_]:
    """Return which images (n,) the format has words for."""
    holds = FORMATS[to].HOLDS
    has_boxes = np.diff(dataset.offsets) > 0
    said = has_boxes if "boxes" in holds else np.zeros(len(dataset), np.bool_)
    if "labels" in holds:
        said = said | (dataset.labels >= 0)
    if "negatives" in holds:
        said = said | (dataset.labelled & ~has_boxes)
    if "unlabelled" in holds:
        said = said | (~dataset.labelled & (dataset.labels < 0))
    return np.asarray(said, np.bool_)


def losses(dataset: Dataset, to: str) -> list[str]:
    """Return what is lost when the data set is written as format `to`, a line each."""
    holds = FORMATS[to].HOLDS
    lost = [
        f"{to} has no word for {flag!r}, which {count} boxes are"
        for flag in _FLAGS
        if flag not in holds and (count := int(getattr(dataset, flag).sum()))
    ]
    if "boxes" not in holds and len(dataset.boxes):
        lost.append(f"{to} has no word for boxes: {len(dataset.boxes)} are left out")
    if "labels" not in holds and (count := int((dataset.labels >= 0).sum())):
        lost.append(f"{to} has no word for the class of a whole image: {count} are left out")
    if to == cifar.NAME and (count := int((dataset.sizes[sayable(dataset, to)] != cifar.SIDE).any(axis=1).sum())):
        lost.append(f"{to} has pictures of {cifar.SIDE}x{cifar.SIDE}: {count} of another size are scaled to it")
    if left := int((~sayable(dataset, to)).sum()):
        lost.append(f"{to} cannot tell images without a box or without an annotation: {left} images are left out")
    if len(dataset.dropped):
        lost.append(f"{len(dataset.dropped)} boxes without area are left out")
    if dataset.format in UNREAD:
        lost.append(
            f"{UNREAD[dataset.format]} are not read from {dataset.format}: what there is of them is not written"
        )
    return lost
