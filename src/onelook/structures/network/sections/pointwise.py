"""Sections that keep the shape: [batchnorm], [normalization], [softmax], [activation], [dropout], [cost], [empty]."""

import numpy as np
from numpy.typing import NDArray

from onelook.structures.network.layer import Layer, Place


def same(place: Place) -> Layer:
    """A section that keeps the shape and stores nothing."""
    return place.layer(place.before)


def dropout(place: Place) -> Layer:
    """[dropout]: a part of the numbers is left out while training, or with `dropblock` whole squares."""
    if not 0 <= place.section.number("probability", 0.2) < 1:
        raise place.section.error("probability", "expected a probability of 0 to below 1")
    return place.layer(place.before)


def batchnorm(place: Place) -> Layer:
    """[batchnorm]: biases, scales, mean and variance of every channel."""
    names = ("biases", "scales", "rolling_mean", "rolling_variance")
    return place.layer(place.before, tuple((name, (place.before[0],)) for name in names))


def softmax(place: Place) -> Layer:
    """[softmax] over all numbers, or over each of `groups` parts; trees of classes are refused."""
    section, groups = place.section, place.section.integer("groups", 1)
    place.refuse("spatial")
    if "tree" in section:
        raise section.error("tree", "tree= is not supported: a softmax over a tree of classes")
    count = place.before[0] * place.before[1] * place.before[2]
    if groups < 1 or count % groups:
        raise section.error("groups", f"expected a number that divides {count} inputs, got {groups}")
    if section.number("temperature", 1.0) <= 0:
        raise section.error("temperature", "expected a temperature above 0")
    return place.layer(place.before)


def normalization(place: Place) -> Layer:
    """[normalization]: a number divided by what its neighbours in other channels come to."""
    if place.section.integer("size", 5) < 1:
        raise place.section.error("size", "expected a size of at least 1")
    return place.layer(place.before)


def sliding_sums(channels: int, size: int) -> NDArray[np.float32]:
    """Return (channels, channels): how often the square of a channel (column) counts for another (row) in [normalization].

    Darknet begins channel 0 with the squares before the middle of the window and then lets the window slide, so that the
    middle's own square is missing at first and is taken off later all the same. Networks were trained with that.
    """
    rows = np.zeros((channels, channels), np.float32)
    rows[0, : size // 2] = 1
    for channel in range(1, channels):
        leaves, comes = channel - (size - 1) // 2 - 1, channel + size // 2
        rows[channel] = rows[channel - 1]
        if leaves >= 0:
            rows[channel, leaves] -= 1
        if comes < channels:
            rows[channel, comes] += 1
    return rows
