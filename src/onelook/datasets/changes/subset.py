"""A part of a data set: some classes, the most frequent ones, so many images a class."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.changes.class_maps import map_classes
from onelook.datasets.dataset import Dataset
from onelook.structures.errors import UserError, nearest


def subset(
    dataset: Dataset,
    classes: Sequence[str] | None = None,
    most_frequent: int | None = None,
    per_class: int | None = None,
    seed: int = 0,
) -> Dataset:
    """Return the images with objects of `classes`, or of the k `most_frequent` ones, their other objects dropped.

    With `per_class`, so many images are drawn of every class, seeded, an image counting for the first class that takes it; a
    class with fewer gives all it has. Splits keep what is left of them. Raises UserError for an unknown class.
    """
    names = _wanted(dataset, classes, most_frequent)
    chosen = map_classes(dataset, {}, [name for name in dataset.names if name not in names])
    table = class_table(chosen) > 0
    keep = np.asarray(table.any(axis=1), np.bool_)
    if per_class is not None:
        keep = _drawn(table, per_class, np.random.default_rng(seed))
    return chosen.keep(keep)


def class_table(dataset: Dataset) -> NDArray[np.int64]:
    """Return how many boxes (n, classes) of each class every image has; its class as a whole counts as one."""
    table = np.zeros((len(dataset), len(dataset.names)), np.int64)
    np.add.at(table, (np.repeat(np.arange(len(dataset)), np.diff(dataset.offsets)), dataset.classes), 1)
    whole = np.flatnonzero(dataset.labels >= 0)
    np.add.at(table, (whole, dataset.labels[whole]), 1)
    return table


def _wanted(dataset: Dataset, classes: Sequence[str] | None, most_frequent: int | None) -> list[str]:
    for name in classes or ():
        if name not in dataset.names:
            told = ", ".join(dataset.names[:10])
            raise UserError(f"--class: expected one of {told}, got {name!r}{nearest(name, dataset.names)}")
    names = list(classes) if classes else list(dataset.names)
    if most_frequent is None:
        return names
    counts = dict(zip(dataset.names, class_table(dataset).sum(axis=0).tolist(), strict=True))
    return sorted(names, key=lambda name: -counts[name])[:most_frequent]


def _drawn(table: NDArray[np.bool_], count: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Return which images (n,) are drawn, the rarest class first."""
    keep = np.zeros(len(table), np.bool_)
    shuffled = rng.permutation(len(table))
    for place in np.argsort(table.sum(axis=0), kind="stable"):
        holders = shuffled[table[shuffled, place] & ~keep[shuffled]]
        keep[holders[:count]] = True
    return keep
