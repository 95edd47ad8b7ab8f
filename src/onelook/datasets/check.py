"""Everything that can be found wrong with a data set, without stopping at the first fault.

Reading reports what it meets; then every picture is looked at once, and each function of CHECKS says what it finds.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image as Pillow

from onelook.datasets.dataset import Dataset
from onelook.datasets.findings import Finding
from onelook.datasets.reading import read
from onelook.structures.errors import FormatError
from onelook.structures.images import read_image
from onelook.structures.progress import track

TINY = 3
"""Pixels of the image; a box with a shorter side is hardly an object."""

_ORIENTATION = 0x0112


@dataclass(frozen=True)
class Look:
    """What one look at a picture's file told: the sha256 of its bytes, what is broken (or None), its EXIF orientation."""

    digest: str
    fault: str | None
    orientation: int


@dataclass(frozen=True)
class Examined:
    """A data set and the look at each of its pictures, in the same order."""

    dataset: Dataset
    looks: tuple[Look, ...]


def check(data: Path | Dataset, format: str | None = None) -> list[Finding]:
    """Return every fault of the data at a path, or of a data set that was read, in the order they were met.

    Raises UserError when there is nothing at the path, or no format fits it.
    """
    findings: list[Finding] = []
    dataset = data if isinstance(data, Dataset) else read(data, format, report=findings.append)
    looks = tuple(look(path) for path in track(dataset.paths, len(dataset), "checking"))
    examined = Examined(dataset, looks)
    return findings + [finding for find in CHECKS for finding in find(examined)]


def look(path: Path) -> Look:
    """Return what the file of a picture tells; it is read and decoded once."""
    try:
        data = path.read_bytes()
        read_image(data, str(path))
    except (OSError, FormatError) as error:
        return Look("", str(error).removeprefix(f"{path}: "), 1)
    return Look(hashlib.sha256(data).hexdigest(), None, _orientation(data))


def _orientation(data: bytes) -> int:
    with Pillow.open(BytesIO(data)) as image:
        return int(image.getexif().get(_ORIENTATION, 1))


def truncated(examined: Examined) -> Iterator[Finding]:
    """Find pictures whose header is sound and whose pixels are not."""
    for path, seen in zip(examined.dataset.paths, examined.looks, strict=True):
        if seen.fault is not None:
            yield Finding(path, None, "truncated-image", seen.fault, "fetch the picture again or remove it")


def exif_rotated(examined: Examined) -> Iterator[Finding]:
    """Find pictures that are stored turned."""
    for path, seen in zip(examined.dataset.paths, examined.looks, strict=True):
        if seen.orientation not in (0, 1):
            what = f"expected a picture stored upright, got EXIF orientation {seen.orientation}"
            fix = "boxes are taken in the picture as it is shown; look at it with `onelook data show`"
            yield Finding(path, None, "exif-rotated", what, fix)


def leaked(examined: Examined) -> Iterator[Finding]:
    """Find pictures that are, byte for byte, in an earlier split too."""
    dataset = examined.dataset
    first: dict[str, tuple[str, Path]] = {}
    for split, indices in dataset.splits.items():
        for index in indices:
            path, digest = dataset.paths[index], examined.looks[index].digest
            earlier, other = first.setdefault(digest, (split, path))
            if digest and earlier != split:
                same = f"{other} is the same picture" if other != path else "it is listed there too"
                what = f"expected a picture of {split} in no other split, got it in {earlier} ({same})"
                yield Finding(
                    path, None, "duplicate-image-across-splits", what, f"take it out of {split} or of {earlier}"
                )


def class_without_boxes(examined: Examined) -> Iterator[Finding]:
    """Find classes that have no box, or none to train on."""
    dataset = examined.dataset
    seen = set(dataset.classes.tolist())
    trained = set(dataset.split("train").classes.tolist()) if "train" in dataset.splits else seen
    for place, name in enumerate(dataset.names):
        if place not in trained:
            got = "no box in the train split" if place in seen else "no box"
            what = f"expected boxes of class {name!r}, got {got}"
            yield Finding(dataset.root, None, "class-without-boxes", what, "label some, or take the class off the list")


def tiny_box(examined: Examined) -> Iterator[Finding]:
    """Find images with boxes too small to be meant."""
    dataset = examined.dataset
    sides = (dataset.boxes[:, 2:] - dataset.boxes[:, :2]).min(axis=1)  # (m,)
    image = np.repeat(np.arange(len(dataset)), np.diff(dataset.offsets))
    for index in np.unique(image[sides < TINY]):
        few = sides[(image == index) & (sides < TINY)]
        what = f"expected boxes of at least {TINY} pixels, got {len(few)} smaller, the least with a side of {few.min():.3g}"
        yield Finding(dataset.paths[index], None, "tiny-box", what, "remove what was drawn by a slip of the hand")


CHECKS: tuple[Callable[[Examined], Iterator[Finding]], ...] = (
    truncated,
    exif_rotated,
    leaked,
    class_without_boxes,
    tiny_box,
)
