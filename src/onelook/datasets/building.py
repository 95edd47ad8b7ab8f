"""A data set put together image by image, box by box, in flat columns."""

from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.box_rules import Corners, Verdict, is_inside, judge
from onelook.datasets.dataset import COORDINATES, SPLITS, Dataset
from onelook.datasets.files.paths import Paths


class Builder:
    """Columns that grow: `add_image`, then `add_box` for each of its boxes, and `build` at the end."""

    def __init__(self, first: float = 0.0) -> None:
        self.first = first
        """Number that the labels give the first pixel: 1 where they count pixels, as the VOC devkit does."""
        self.paths: list[Path | str] = []
        self._sizes = array("q")
        self._labelled = array("b")
        self._offsets = array("q", [0])
        self._boxes = array("d")
        self._classes = array("q")
        self._flags = array("b")
        self._dropped: list[tuple[int, int]] = []
        self._labels = array("q")

    def add_image(self, path: Path | str, size: tuple[int, int], labelled: bool) -> int:
        """Begin the next image, `size` being (width, height), and return its index."""
        self.paths.append(path)
        self._sizes.extend(size)
        self._labelled.append(labelled)
        self._offsets.append(self._offsets[-1])
        self._labels.append(-1)
        return len(self.paths) - 1

    def size(self) -> tuple[int, int]:
        """Return the (width, height) of the image begun last."""
        return self._sizes[-2], self._sizes[-1]

    def set_label(self, index: int) -> None:
        """Give the image begun last class `index` as a whole."""
        self._labels[-1] = index

    def add_box(
        self, box: Corners, index: int, difficult: bool = False, crowd: bool = False, truncated: bool = False
    ) -> Verdict | None:
        """Add a box of class `index` to the image begun last, clipped to it, or note that it cannot be used.

        Returns what is to be told of the box; None when nothing is.
        """
        size = (self._sizes[-2], self._sizes[-1])
        verdict = None if is_inside(box, size) else judge(box, size)
        kept = verdict.box if verdict else box
        if kept is None:
            self._dropped.append((len(self.paths) - 1, index))
        else:
            self._boxes.extend(kept)
            self._classes.append(index)
            self._flags.extend((difficult, crowd, truncated))
            self._offsets[-1] += 1
        return verdict if verdict and verdict.code else None

    def build(
        self,
        names: Sequence[str],
        splits: Mapping[str, Sequence[int]],
        root: Path,
        format: str,
        places: Sequence[int] | None = None,
    ) -> Dataset:
        """Return the data set; `places`, where given, maps the class indices that were added to indices of `names`."""
        flags = np.array(self._flags, np.bool_).reshape(-1, 3)
        classes: NDArray[np.int64] = np.array(self._classes, np.int64)
        dropped: NDArray[np.int64] = np.array(self._dropped, np.int64).reshape(-1, 2)
        labels: NDArray[np.int64] = np.array(self._labels, np.int64)
        if places is not None:
            moved = np.asarray([*places, -1], np.int64)  # the last for an image without a label, -1
            classes, dropped[:, 1], labels = moved[classes], moved[dropped[:, 1]], moved[labels]
        return Dataset(
            names=tuple(names),
            paths=Paths(self.paths),
            sizes=np.array(self._sizes, np.int64).reshape(-1, 2),
            boxes=np.array(self._boxes, np.float64).reshape(-1, 4).astype(np.float32),
            classes=classes,
            offsets=np.array(self._offsets, np.int64),
            difficult=flags[:, 0],
            crowd=flags[:, 1],
            truncated=flags[:, 2],
            labelled=np.array(self._labelled, np.bool_),
            dropped=dropped,
            labels=labels,
            splits={name: np.asarray(splits[name], np.int64) for name in SPLITS if name in splits},
            root=root,
            format=format,
            coordinates=COORDINATES[bool(self.first)],
        )
