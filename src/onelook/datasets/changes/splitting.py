"""A data set divided into train, val and test so that every class is divided alike.

Source of the idea: K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011: the
rarest class first, each image to the part that lacks most of what is on it. Here the parts' sizes are kept exactly.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.changes.subset import class_table
from onelook.datasets.dataset import SPLITS, Dataset
from onelook.structures.errors import UserError

RATIOS = (0.7, 0.3)
"""Shares of train and val."""


def split_dataset(
    dataset: Dataset, ratios: Sequence[float] = RATIOS, seed: int = 0, groups: Sequence[str] | None = None
) -> Dataset:
    """Return the same images with new splits: the shares of train and val, and of test when three are given.

    Every image is in exactly one split, and every split gets at least one. `groups`, a word an image, keeps together the
    images that share a word: a film, a patient, a client; the shares are then as near as whole groups allow. Raises
    UserError for ratios that are not two or three positive numbers with the sum 1, and for fewer images than splits.
    """
    if len(ratios) not in (2, 3) or not all(0 < ratio < 1 for ratio in ratios) or abs(sum(ratios) - 1) > 1e-6:
        told = ", ".join(f"{ratio:g}" for ratio in ratios)
        raise UserError(f"--ratio: expected two or three positive numbers with the sum 1, got {told}")
    if len(dataset) < len(ratios):
        raise UserError(f"{dataset.root}: expected at least {len(ratios)} images to split, got {len(dataset)}")
    rng = np.random.default_rng(seed)
    table = class_table(dataset)
    parts = _divide(table, np.asarray(ratios), rng) if groups is None else _divide_groups(table, ratios, groups, rng)
    names = SPLITS[: len(ratios)]
    return dataclasses.replace(dataset, splits={name: np.flatnonzero(parts == i) for i, name in enumerate(names)})


def _divide_groups(
    table: NDArray[np.int64], ratios: Sequence[float], groups: Sequence[str], rng: np.random.Generator
) -> NDArray[np.int64]:
    """Return which part (n,) each image goes to, groups whole: the largest first, each to the part that lacks most."""
    words, of_image = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    if len(words) < len(ratios):
        raise UserError(f"--group: expected at least {len(ratios)} groups to split, got {len(words)}")
    counted = np.column_stack([table, np.ones(len(table), np.int64)])
    totals = np.zeros((len(words), counted.shape[1]))
    np.add.at(totals, of_image, counted)
    shares = totals / np.maximum(1, totals.sum(axis=0))  # (groups, classes + 1)
    lacking = np.tile(np.asarray(ratios), (shares.shape[1], 1))  # (classes + 1, parts)
    part_of = np.full(len(words), -1)
    order = rng.permutation(len(words))
    for place, group in enumerate(order[np.argsort(-totals[order, -1], kind="stable")]):
        empty = [part for part in range(len(ratios)) if part not in part_of]
        allowed = empty if len(words) - place <= len(empty) else list(range(len(ratios)))
        gain = shares[group] @ lacking + lacking[-1]
        part = max(allowed, key=lambda one: float(gain[one]))
        part_of[group] = part
        lacking[:, part] -= shares[group]
    return part_of[of_image]


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
