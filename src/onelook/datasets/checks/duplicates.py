"""Pictures and boxes that are there twice, and pictures that are in two splits."""

from collections.abc import Iterator, Sequence

import numpy as np

from onelook.datasets.checks.examining import Examined
from onelook.datasets.findings import Finding
from onelook.structures.boxes import iou

NEAR = 3
"""Bits of 64 in which the hashes of two near-duplicates differ at most."""

_BANDS = 4
_SAME = 0.95
"""IoU from which two boxes of one class are one object labelled twice."""


def leaked(examined: Examined) -> Iterator[Finding]:
    """Find pictures that are, byte for byte, in an earlier split too."""
    dataset = examined.dataset
    first: dict[str, tuple[str, int]] = {}
    for split, indices in dataset.splits.items():
        for index in indices.tolist():
            path, digest = dataset.paths[index], examined.looks[index].digest or str(dataset.paths[index])
            earlier, other = first.setdefault(digest, (split, index))
            if earlier != split:
                same = f"{dataset.paths[other]} is the same picture" if other != index else "it is listed there too"
                what = f"expected a picture of {split} in no other split, got it in {earlier} ({same})"
                fix = f"take it out of {split} or of {earlier}"
                yield Finding(path, None, "duplicate-image-across-splits", what, fix)


def duplicate_image(examined: Examined) -> Iterator[Finding]:
    """Find pictures that are, byte for byte, in the data twice, within one split or without splits."""
    dataset = examined.dataset
    parts = dataset.splits.values() if dataset.splits else [np.arange(len(dataset))]
    for indices in parts:
        first: dict[str, int] = {}
        for index in dict.fromkeys(indices.tolist()):
            digest = examined.looks[index].digest
            other = first.setdefault(digest, index)
            if digest and other != index:
                what = f"expected every picture once, got {dataset.paths[other]} again"
                yield Finding(dataset.paths[index], None, "duplicate-image", what, "remove one of the two")


def near_duplicate(examined: Examined) -> Iterator[Finding]:
    """Find pictures that look like one of an earlier split: scaled, compressed anew, a frame later."""
    dataset = examined.dataset
    splits = list(dataset.splits)
    bands: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for rank, split in enumerate(splits):
        mine: list[tuple[int, int]] = []
        for index in dict.fromkeys(dataset.splits[split].tolist()):
            hashed = examined.looks[index].print
            if hashed is None:
                continue
            other = _near(hashed, bands)
            if other is not None and examined.looks[other].digest != examined.looks[index].digest:
                what = f"expected a picture of {split} like none of another split, got one that looks like {dataset.paths[other]}"
                fix = "keep pictures of one scene in one split (`onelook data split --group`)"
                yield Finding(dataset.paths[index], None, "near-duplicate-across-splits", what, fix)
            mine.append((hashed, index))
        if rank < len(splits) - 1:
            for hashed, index in mine:
                for key in _keys(hashed):
                    bands.setdefault(key, []).append((hashed, index))


def _keys(hashed: int) -> list[tuple[int, int]]:
    """Return the four 16-bit bands; two hashes that differ in three bits at most share one of them."""
    return [(band, hashed >> 16 * band & 0xFFFF) for band in range(_BANDS)]


def _near(hashed: int, bands: dict[tuple[int, int], list[tuple[int, int]]]) -> int | None:
    for key in _keys(hashed):
        for other, index in bands.get(key, ()):
            if (hashed ^ other).bit_count() <= NEAR:
                return index
    return None


def duplicate_box(examined: Examined) -> Iterator[Finding]:
    """Find images on which an object of one class is labelled twice."""
    dataset = examined.dataset
    for index in np.flatnonzero(np.diff(dataset.offsets) > 1).tolist():
        truth = dataset.truth(index)
        pairs = twice(truth.boxes, truth.classes)
        if pairs:
            name = dataset.names[truth.classes[pairs[0][0]]]
            box = ", ".join(f"{value:g}" for value in truth.boxes[pairs[0][1]])
            what = f"expected every object once, got {len(pairs)} twice, first a {name} at ({box})"
            yield Finding(dataset.paths[index], None, "duplicate-box", what, "remove one of the two")


def twice(boxes: np.ndarray, classes: Sequence[int] | np.ndarray) -> list[tuple[int, int]]:
    """Return the pairs (first, second) of boxes that are one object labelled twice."""
    overlap = np.triu(iou(boxes, boxes), 1)
    same = np.asarray(classes)[:, None] == np.asarray(classes)[None, :]
    return [(int(one), int(two)) for one, two in zip(*np.nonzero((overlap >= _SAME) & same), strict=True)]
