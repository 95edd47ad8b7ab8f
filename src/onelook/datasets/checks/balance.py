"""What can be wrong with a data set as a whole: its classes, its sizes, its conventions."""

import os
from collections import Counter
from collections.abc import Iterator

import numpy as np

from onelook.datasets.checks.examining import Examined
from onelook.datasets.files.layout import files_below
from onelook.datasets.findings import Finding
from onelook.structures.classes import canonical
from onelook.structures.images import MOST_PIXELS

TINY = 3
"""Pixels of the image; a box with a shorter side is hardly an object."""

IMBALANCED = 100
_ENOUGH = 1000
"""Boxes from which a ratio between classes says something."""

CROWDED = 300
"""Boxes of one image that are many, when they are also ten times the usual."""

LEAST_SIDE = 4
"""Pixels of the network's input; half the finest stride that common detectors have."""

_EDGES = 8
_PART = 0.3
"""Boxes at an edge, and their part of all, from which their convention shows."""


def class_without_boxes(examined: Examined) -> Iterator[Finding]:
    """Find classes that have no box and no image, or none to train on."""
    dataset = examined.dataset
    seen = {*dataset.classes.tolist(), *dataset.labels.tolist()}
    train = dataset.split("train") if "train" in dataset.splits else dataset
    trained = {*train.classes.tolist(), *train.labels.tolist()}
    for place, name in enumerate(dataset.names):
        if place not in trained:
            got = "no box in the train split" if place in seen else "no box"
            what = f"expected boxes of class {name!r}, got {got}"
            yield Finding(dataset.root, None, "class-without-boxes", what, "label some, or take the class off the list")


def class_alike(examined: Examined) -> Iterator[Finding]:
    """Find class names that are one name in two spellings."""
    groups: dict[str, list[str]] = {}
    for name in examined.dataset.names:
        groups.setdefault(canonical(name).replace("_", " ").replace("-", " "), []).append(name)
    for names in groups.values():
        if len(names) > 1:
            what = f"expected names of different things, got {' and '.join(map(repr, names))}"
            fix = f"merge them: `onelook data convert --rename {names[1]!r}={names[0]!r}`"
            yield Finding(examined.dataset.root, None, "class-alike", what, fix)


def imbalance(examined: Examined) -> Iterator[Finding]:
    """Find a class that has a hundred times the boxes of another."""
    dataset = examined.dataset
    counts = np.bincount(dataset.classes, minlength=len(dataset.names))
    there = np.flatnonzero(counts)
    if counts.sum() >= _ENOUGH and len(there) > 1 and counts.max() > IMBALANCED * counts[there].min():
        most, least = int(counts.argmax()), int(there[counts[there].argmin()])
        told = f"{counts[most]} of {dataset.names[most]!r} and {counts[least]} of {dataset.names[least]!r}"
        what = f"expected classes of like size, got {told}"
        yield Finding(dataset.root, None, "imbalance", what, "gather more of the rare, or merge or drop classes")


def crowded_image(examined: Examined) -> Iterator[Finding]:
    """Find images with far more boxes than the others."""
    counts = np.diff(examined.dataset.offsets)
    usual = float(np.median(counts)) if len(counts) else 0.0
    for index in np.flatnonzero(counts > max(CROWDED, 10 * usual)):
        what = f"expected about {usual:g} boxes an image, got {counts[index]}"
        yield Finding(examined.dataset.paths[index], None, "crowded-image", what, "are labels of other images in it?")


def empty_split(examined: Examined) -> Iterator[Finding]:
    """Find a split that has no image."""
    for split, indices in examined.dataset.splits.items():
        if not len(indices):
            what = f"expected images in the split {split}, got none"
            yield Finding(examined.dataset.root, None, "empty-split", what, "list some, or remove the list")


def tiny_box(examined: Examined) -> Iterator[Finding]:
    """Find images with boxes too small to be meant."""
    dataset = examined.dataset
    sides = (dataset.boxes[:, 2:] - dataset.boxes[:, :2]).min(axis=1, initial=np.inf)  # (m,)
    image = np.repeat(np.arange(len(dataset)), np.diff(dataset.offsets))
    small = sides < TINY
    for index in np.unique(image[small]):
        few = sides[(image == index) & small]
        what = f"expected boxes of at least {TINY} pixels, got {len(few)} smaller, the least with a side of {few.min():.3g}"
        yield Finding(dataset.paths[index], None, "tiny-box", what, "remove what was drawn by a slip of the hand")


def small_for_network(examined: Examined) -> Iterator[Finding]:
    """Find classes of which half the boxes are too small to be found in the network's input; only when its size is known."""
    dataset = examined.dataset
    if examined.size is None or not len(dataset.boxes):
        return
    scale = (np.asarray(examined.size) / dataset.sizes).min(axis=1)  # (n,) letterbox
    of_box = np.repeat(np.arange(len(dataset)), np.diff(dataset.offsets))
    sides = (dataset.boxes[:, 2:] - dataset.boxes[:, :2]).min(axis=1) * scale[of_box]
    for place, name in enumerate(dataset.names):
        own = sides[dataset.classes == place]
        if len(own) and np.median(own) < LEAST_SIDE:
            width, height = examined.size
            what = f"expected boxes of {name!r} with sides of at least {LEAST_SIDE} pixels at {width}x{height}, got a median of "
            fix = "take a larger input, or cut the pictures into tiles"
            yield Finding(dataset.root, None, "small-for-network", f"{what}{np.median(own):.2g}", fix)


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
        yield Finding(dataset.root, None, "inclusive-coordinates", what, "read it with `--coordinates inclusive`")


def labels_elsewhere(examined: Examined) -> Iterator[Finding]:
    """Find the labels of images that have none, in a folder where nobody looks."""
    dataset = examined.dataset
    bare = [dataset.paths[index] for index in np.flatnonzero(~dataset.labelled & (dataset.labels < 0))]
    if not bare or len(bare) * 2 < len(dataset):
        return
    stems = {path.stem for path in bare}
    found = Counter(
        file.parent
        for file in files_below(dataset.root)
        if file.suffix in (".txt", ".xml", ".json") and file.stem in stems
    )
    if found:
        folder, count = found.most_common(1)[0]
        what = f"expected labels where the format has them, got {count} files in {folder} that are named as unlabelled images"
        yield Finding(folder, None, "labels-elsewhere", what, "move the folder to where the format's page says")


def huge_image(examined: Examined) -> Iterator[Finding]:
    """Find pictures with more pixels than are ever decoded."""
    for path, (width, height) in zip(examined.dataset.paths, examined.dataset.sizes.tolist(), strict=True):
        if width * height > MOST_PIXELS:
            what = f"expected at most {MOST_PIXELS} pixels, got {width}x{height}"
            yield Finding(path, None, "huge-image", what, "cut it into tiles, or scale it down with its labels")


def bad_name(examined: Examined) -> Iterator[Finding]:
    """Find file names that are no UTF-8, which other tools and machines cannot open."""
    for path in examined.dataset.paths:
        if any("\ud800" <= letter <= "\udfff" for letter in os.fspath(path)):
            what = "expected a name in UTF-8, got other bytes"
            yield Finding(path, None, "name-not-utf8", what, "rename the picture and its label")
