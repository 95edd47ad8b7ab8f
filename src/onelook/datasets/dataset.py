"""A data set as columns: image paths and sizes, and all boxes of all images one after the other."""

import dataclasses
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.files.paths import Paths
from onelook.structures.boxes import Boxes, as_boxes
from onelook.structures.errors import UserError
from onelook.structures.truth import Truth

SPLITS = ("train", "val", "test")
"""The names that a split can have, in this order."""

COORDINATES = ("continuous", "inclusive")
"""How labels of VOC's kind may be meant: as they stand, or counting pixels from 1, the last one included."""


@dataclass(frozen=True)
class Dataset:
    """Images and their boxes; the boxes of image i are rows `offsets[i]` to `offsets[i + 1]` of the box columns.

    Columns of n images: paths, sizes, labelled, offsets (n + 1); of m boxes: boxes, classes, difficult, crowd, truncated.
    An image that is labelled and has no box is a negative; one that is not labelled says nothing.
    """

    names: tuple[str, ...]
    """Class names; `classes` are indices into them."""
    paths: Paths | tuple[Path, ...]
    """A `Paths`, of whatever it is made."""
    sizes: NDArray[np.int64]
    """(n, 2): width and height of each image as it is shown."""
    boxes: Boxes
    """(m, 4): xyxy in the pixels of the image."""
    classes: NDArray[np.int64]
    offsets: NDArray[np.int64]
    difficult: NDArray[np.bool_]
    crowd: NDArray[np.bool_]
    truncated: NDArray[np.bool_]
    labelled: NDArray[np.bool_]
    """(n,): False where an image has no annotation at all."""
    dropped: NDArray[np.int64] = field(default_factory=lambda: np.zeros((0, 2), np.int64))
    """(k, 2): image and class of each annotated box that is in no column, having no area inside the image."""
    labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """(n,): class of each image as a whole, -1 where it has none; of no use to a detector. Left out, none has one."""
    splits: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """Image indices by split name, in the order of SPLITS; an image may be in several or in none."""
    root: Path = Path()
    """The folder that the paths are told from."""
    format: str = ""
    """Name of the format that the data came in."""
    coordinates: str = "continuous"
    """How the labels' numbers were taken, of COORDINATES; `boxes` are continuous either way."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "paths", Paths(self.paths))
        object.__setattr__(self, "sizes", np.asarray(self.sizes, np.int64).reshape(-1, 2))
        object.__setattr__(self, "boxes", as_boxes(self.boxes))
        object.__setattr__(self, "dropped", np.asarray(self.dropped, np.int64).reshape(-1, 2))
        for name, kind in _COLUMNS.items():
            object.__setattr__(self, name, np.asarray(getattr(self, name), kind).reshape(-1))
        images, boxes = len(self.paths), len(self.boxes)
        labels = np.asarray(self.labels, np.int64).reshape(-1)
        object.__setattr__(self, "labels", labels if len(labels) or not images else np.full(images, -1))
        lengths = (len(self.sizes), len(self.labelled), len(self.offsets) - 1, len(self.labels))
        if any(length != images for length in lengths):
            raise ValueError(
                f"expected columns of {images} images, got sizes, labelled, offsets - 1, labels of {lengths}"
            )
        rows = (len(self.classes), len(self.difficult), len(self.crowd), len(self.truncated), int(self.offsets[-1]))
        if any(length != boxes for length in rows):
            raise ValueError(f"expected columns of {boxes} boxes, got classes, flags, last offset of {rows}")

    def __len__(self) -> int:
        return len(self.paths)

    def truth(self, index: int) -> Truth:
        """Return the boxes of image `index` with their classes and flags, in the order of the file."""
        rows = slice(int(self.offsets[index]), int(self.offsets[index + 1]))
        return Truth(self.boxes[rows], self.classes[rows], self.difficult[rows], self.crowd[rows])

    def select(self, indices: Sequence[int] | NDArray[Any]) -> "Dataset":
        """Return the images of `indices`, in that order, with their boxes; the splits are dropped."""
        chosen = np.asarray(indices, np.int64).reshape(-1)
        starts, counts = self.offsets[chosen], np.diff(self.offsets)[chosen]
        offsets = np.concatenate([[0], np.cumsum(counts)])
        rows = np.repeat(starts - offsets[:-1], counts) + np.arange(offsets[-1])  # (m,)
        return Dataset(
            names=self.names,
            paths=Paths(self.paths).select(chosen),
            sizes=self.sizes[chosen],
            boxes=self.boxes[rows],
            classes=self.classes[rows],
            offsets=offsets,
            difficult=self.difficult[rows],
            crowd=self.crowd[rows],
            truncated=self.truncated[rows],
            labelled=self.labelled[chosen],
            dropped=self._dropped_of(chosen),
            labels=self.labels[chosen],
            root=self.root,
            format=self.format,
            coordinates=self.coordinates,
        )

    def _dropped_of(self, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of `dropped` that the chosen images have, with their new image numbers."""
        if not len(self.dropped):
            return self.dropped
        rows = [(new, index) for new, old in enumerate(chosen) for index in self.dropped[self.dropped[:, 0] == old, 1]]
        return np.array(rows, np.int64).reshape(-1, 2)

    def keep(self, wanted: NDArray[np.bool_]) -> "Dataset":
        """Return the images that `wanted` (n,) marks, in their order, with what is left of the splits."""
        indices = np.flatnonzero(wanted)
        places = np.cumsum(wanted) - 1
        splits = {name: places[own[wanted[own]]] for name, own in self.splits.items()}
        return dataclasses.replace(self.select(indices), splits=splits)

    def split(self, name: str) -> "Dataset":
        """Return the images of one split. Raises UserError naming the splits that there are."""
        if name not in self.splits:
            there = f"there are {', '.join(self.splits)}" if self.splits else "the data has none"
            raise UserError(f"{self.root}: expected a split {name!r}, but {there}; `onelook data split` makes them")
        return self.select(self.splits[name])

    def digest(self) -> str:
        """Return the sha256, in hex, of class names, paths relative to the root, sizes, boxes, classes and flags."""
        total = hashlib.sha256()
        for text in (*self.names, "", *_relative(Paths(self.paths), self.root)):
            total.update(text.encode("utf-8", "surrogateescape") + b"\0")
        for name in ("sizes", "boxes", *_COLUMNS):
            total.update(np.ascontiguousarray(getattr(self, name)).tobytes())
        if (self.labels >= 0).any():
            total.update(self.labels.tobytes())
        return total.hexdigest()


def _relative(paths: Paths, root: Path) -> Iterator[str]:
    """Yield what os.path.relpath says of every path; those that plainly lie below the root, nearly all, by cutting it off."""
    start = f"{root}/"
    plain = ".." not in start and start not in ("./", "//")
    for path in map(str, paths.texts):
        if plain and path.startswith(start) and ".." not in path:
            yield path[len(start) :]
        else:
            yield os.path.relpath(path, root)


_COLUMNS: dict[str, type] = {
    "classes": np.int64,
    "offsets": np.int64,
    "difficult": np.bool_,
    "crowd": np.bool_,
    "truncated": np.bool_,
    "labelled": np.bool_,
}
