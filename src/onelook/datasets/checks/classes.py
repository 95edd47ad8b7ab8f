"""What can be wrong with the classes of a data set and their share of the splits."""

from collections.abc import Iterator

import numpy as np

from onelook.datasets.checks.examining import Examined
from onelook.datasets.findings import Finding
from onelook.structures.classes import canonical

IMBALANCED = 100
_ENOUGH = 1000
"""Boxes from which a ratio between classes says something."""


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


def empty_split(examined: Examined) -> Iterator[Finding]:
    """Find a split that has no image."""
    for split, indices in examined.dataset.splits.items():
        if not len(indices):
            what = f"expected images in the split {split}, got none"
            yield Finding(examined.dataset.root, None, "empty-split", what, "list some, or remove the list")
