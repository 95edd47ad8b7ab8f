"""A data set written anew in another format, into a new folder; what was read is never changed."""

from pathlib import Path

from onelook.datasets.dataset import Dataset
from onelook.datasets.formats import FORMATS
from onelook.structures.errors import UserError, nearest
from onelook.structures.files import new_folder

_FLAGS = ("difficult", "crowd", "truncated")


def convert(dataset: Dataset, to: str, folder: Path) -> list[str]:
    """Write the data set as format `to` into a new folder, and return what that format cannot say, one line each.

    Raises UserError for an unknown format, and when `folder` holds something.
    """
    if to not in FORMATS:
        raise UserError(f"--to: expected one of {', '.join(FORMATS)}, got {to!r}{nearest(to, FORMATS)}")
    with new_folder(folder) as out:
        FORMATS[to].write(dataset, out)
    return losses(dataset, to)


def losses(dataset: Dataset, to: str) -> list[str]:
    """Return what is lost when the data set is written as format `to`."""
    lost = [
        f"{to} has no word for {flag!r}, which {count} boxes are"
        for flag in _FLAGS
        if flag not in FORMATS[to].HOLDS and (count := int(getattr(dataset, flag).sum()))
    ]
    if len(dataset.dropped):
        lost.append(f"{len(dataset.dropped)} boxes without area are left out")
    return lost
