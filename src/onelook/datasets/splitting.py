"""A data set divided into train, val and test so that every class is divided alike.

Source of the idea: K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011: the
rarest class first, each image to the part that lacks most of what is on it. Here the parts' sizes are kept exactly.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.dataset import SPLITS, Dataset
from onelook.structures.errors import UserError

RATIOS = (0.7, 0.15, 0.15)


def split_dataset(dataset: Dataset, ratios: Sequence[float] = RATIOS, seed: int = 0) -> Dataset:
    """Return the same images with new splits: the shares of train, val and, when three are given, test.

    Every image is in exactly one split, and every split gets at least one. Raises UserError for ratios that are not two or
    three positive numbers with the sum 1, and for fewer images than splits.
    """
    if len(ratios) not in (2, 3) or not all(0 < ratio < 1 for ratio in ratios) or abs(sum(ratios) - 1) > 1e-6:
        told = ", ".join(f"{ratio:g}" for ratio in ratios)
        raise UserError(f"--ratios: expected two or three positive numbers with the sum 1, got {told}")
    if len(dataset) < len(ratios):
        raise UserError(f"{dataset.root}: expected at least {len(ratios)} images to split, got {len(dataset)}")
    parts = _divide(_class_table(dataset), np.asarray(ratios), np.random.default_rng(seed))
    names = SPLITS[: len(ratios)]
    return dataclasses.replace(dataset, splits={name: np.flatnonzero(parts == i) for i, name in enumerate(names)})


def _class_table(dataset: Dataset) -> NDArray[np.int64]:
    """Return how many boxes (n, classes) of each class every image has."""
    table = np.zeros((len(dataset), len(dataset.names)), np.int64)
    image = np.repeat(np.arange(len(dataset)), np.diff(dataset.offsets))
    np.add.at(table, (image, dataset.classes), 1)
    return table


def _divide(table: NDArray[np.int64], ratios: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return which part (n,) each image of the class table goes to."""
    parts = np.full(len(table), -1)
    room = _sizes(len(table), ratios)
    counted = np.column_stack([table, np.ones(len(table))])  # (n, classes + 1): the image itself counts like a box
    common = np.maximum(1, counted.sum(axis=0))
    left = np.ones((len(common), len(ratios)))  # part of each class that every part still waits for
    shuffled = rng.permutation(len(table))
    for place in np.argsort((table > 0).sum(axis=0), kind="stable"):
        holders = shuffled[(parts[shuffled] < 0) & (table[shuffled, place] > 0)]
        for image in holders[np.argsort(-table[holders, place], kind="stable")]:
            share = counted[image] / common
            part = int(np.argmax(np.where(room > 0, share @ left, -np.inf)))
            parts[image] = part
            room[part] -= 1
            left[:, part] -= share / ratios[part]
    parts[shuffled[parts[shuffled] < 0]] = np.repeat(np.arange(len(ratios)), room)  # images without a box
    return parts


def _sizes(count: int, ratios: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many of `count` images each part gets: the nearest whole numbers with that sum, none of them 0."""
    exact = count * ratios
    sizes = np.floor(exact).astype(np.int64)
    sizes[np.argsort(sizes - exact, kind="stable")[: count - sizes.sum()]] += 1
    while sizes.min() == 0:
        sizes[sizes.argmin()] += 1
        sizes[sizes.argmax()] -= 1
    return sizes
