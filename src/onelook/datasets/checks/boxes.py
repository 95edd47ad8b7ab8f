"""What can be wrong with boxes: their size, their number, the convention of their coordinates."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.checks.examining import Examined
from onelook.datasets.dataset import Dataset
from onelook.datasets.findings import Finding

TINY = 3
"""Pixels of the image; a box with a shorter side is hardly an object."""

CROWDED = 300
"""Boxes of one image that are many, when they are also ten times the usual."""

MOSTLY_EMPTY = 0.5
_ENOUGH_IMAGES = 20
"""Share of the labelled images without an object that is suspicious, in a set of at least so many."""

UNEVEN = 3
"""Times as many boxes an image in one split as in another, from which labels are likely to lack."""

_EDGES = 8
_PART = 0.3
"""Boxes at an edge, and their part of all, from which their convention shows."""


def crowded_image(examined: Examined) -> Iterator[Finding]:
    """Find images with far more boxes than the others."""
    counts = np.diff(examined.dataset.offsets)
    usual = float(np.median(counts)) if len(counts) else 0.0
    for index in np.flatnonzero(counts > max(CROWDED, 10 * usual)):
        what = f"expected about {usual:g} boxes an image, got {counts[index]}"
        yield Finding(examined.dataset.paths[index], None, "crowded-image", what, "are labels of other images in it?")


def mostly_empty(examined: Examined) -> Iterator[Finding]:
    """Find a detector's data of which most labelled images hold no object."""
    dataset = examined.dataset
    labelled = int(dataset.labelled.sum())
    empty = int((dataset.labelled & (np.diff(dataset.offsets) == 0)).sum())
    if labelled >= _ENOUGH_IMAGES and len(dataset.boxes) and empty > MOSTLY_EMPTY * labelled:
        what = f"expected objects on most images, got {empty} of {labelled} labelled images without one"
        yield Finding(
            dataset.root, None, "mostly-empty", what, "were their labels lost? leave out what nobody looked at"
        )


def uneven_splits(examined: Examined) -> Iterator[Finding]:
    """Find a split with a third of the boxes an image that another has."""
    dataset = examined.dataset
    counts = np.diff(dataset.offsets)
    means = {
        name: float(counts[indices].mean())
        for name, indices in dataset.splits.items()
        if len(indices) >= _ENOUGH_IMAGES and dataset.labelled[indices].any()
    }
    if len(means) > 1 and max(means.values()) > UNEVEN * min(means.values()):
        most, least = max(means, key=means.__getitem__), min(means, key=means.__getitem__)
        told = f"{means[most]:.3g} in {most} and {means[least]:.3g} in {least}"
        what = f"expected about as many boxes an image in every split, got {told}"
        yield Finding(
            dataset.root, None, "uneven-splits", what, "are labels missing there? `onelook data split` divides anew"
        )


def tiny_box(examined: Examined) -> Iterator[Finding]:
    """Find images with boxes too small to be meant."""
    dataset = examined.dataset
    sides = shorter_sides(dataset)
    small = sides < TINY
    if not small.any():
        return
    image = np.repeat(np.arange(len(dataset)), np.diff(dataset.offsets))[small]
    guilty, starts, counts = np.unique(image, return_index=True, return_counts=True)
    for index, count, least in zip(guilty, counts, np.minimum.reduceat(sides[small], starts), strict=True):
        what = f"expected boxes of at least {TINY} pixels, got {count} smaller, the least with a side of {least:.3g}"
        yield Finding(dataset.paths[index], None, "tiny-box", what, "remove what was drawn by a slip of the hand")


def small_for_network(examined: Examined) -> Iterator[Finding]:
    """Find classes of which half the boxes are smaller than half a cell of the network; only when its input is known."""
    dataset = examined.dataset
    if examined.size is None or not len(dataset.boxes):
        return
    scale = (np.asarray(examined.size) / dataset.sizes).min(axis=1)  # (n,) letterbox
    sides = shorter_sides(dataset) * np.repeat(scale, np.diff(dataset.offsets))
    least = examined.stride / 2
    for place, name in enumerate(dataset.names):
        own = sides[dataset.classes == place]
        if len(own) and np.median(own) < least:
            width, height = examined.size
            expected = f"expected boxes of {name!r} with sides of at least {least:g} pixels at {width}x{height}"
            what = f"{expected}, half the stride {examined.stride}, got a median of {np.median(own):.2g}"
            fix = "take a larger input or a network with a finer head, or cut the pictures into tiles"
            yield Finding(dataset.root, None, "small-for-network", what, fix)


def inclusive_coordinates(examined: Examined) -> Iterator[Finding]:
    """Find boxes that look as if their pixels were counted from 1: whole numbers, many at 1, many at the far edge, none at 0."""
    dataset = examined.dataset
    boxes = dataset.boxes
    if dataset.format not in ("voc", "imagenet") or not len(boxes) or (boxes != boxes.round()).any():
        return
    size = np.repeat(dataset.sizes, np.diff(dataset.offsets), axis=0)
    near, far = int((boxes[:, :2] == 1).sum()), int((boxes[:, 2:] == size).sum())
    if near >= max(_EDGES, _PART * len(boxes)) and far >= _EDGES and not (boxes[:, :2] == 0).any():
        told = f"{near} sides at 1, {far} at the far edge and none at 0"
        what = f"expected boxes from 0, got {told}, as when pixels are counted from 1"
        yield Finding(
            dataset.root,
            None,
            "inclusive-coordinates",
            what,
            "mended by `data convert --coordinates inclusive`",
        )


def shorter_sides(dataset: Dataset) -> NDArray[np.float32]:
    """Return the shorter side (m,) of every box, in pixels of its image."""
    return np.asarray((dataset.boxes[:, 2:] - dataset.boxes[:, :2]).min(axis=1, initial=np.inf), np.float32)
