"""A data set written anew in another format, into a new folder; what was read is never changed."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.dataset import Dataset
from onelook.datasets.formats import FORMATS, WORDS, cifar
from onelook.datasets.record import write_record
from onelook.structures.errors import UserError, nearest
from onelook.structures.files import new_folder

_FLAGS = ("difficult", "crowd", "truncated")


def convert(dataset: Dataset, to: str, folder: Path) -> list[str]:
    """Write the data set as format `to` into a new folder, and return what that format cannot say, one line each.

    Images that the format would say something else of, such as unlabelled ones where it takes them for negatives, are left
    out and told. Raises UserError for an unknown format, one that has words for no image, and when `folder` holds something.
    """
    if to not in FORMATS:
        raise UserError(f"--to: expected one of {', '.join(FORMATS)}, got {to!r}{nearest(to, FORMATS)}")
    wanted = sayable(dataset, to)
    if len(dataset) and not wanted.any():
        holds = ", ".join(word for word in WORDS if word in FORMATS[to].HOLDS)
        raise UserError(
            f"--to: expected a format with a word for these {len(dataset)} images, got {to}: it holds {holds}"
        )
    lost = losses(dataset, to)
    with new_folder(folder) as out:
        FORMATS[to].write(dataset.keep(wanted), out)
        write_record(dataset, to, lost, out)
    return lost


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
    return lost
