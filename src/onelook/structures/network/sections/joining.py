"""Sections that take more than the layer before: [route], [shortcut], [scale_channels], [sam], and [implicit], which takes none.

AlexeyAB's fork adds only layers of one height and width; a [shortcut] of another is read as the original of 2018 reads it,
observed on Debian's build: it takes every so manieth place of a larger layer, or adds to every so manieth of its own.
"""

import numpy as np
from numpy.typing import NDArray

from onelook.structures.network.cfg import Section
from onelook.structures.network.layer import Arrays, Layer, Place, Shape

_WEIGHT_TYPES = ("none", "per_layer", "per_feature", "per_channel")
_NORMALISATIONS = ("none", "relu", "avg_relu", "softmax")

SHARE_EPS = 1e-4
"""Added to the sum of a weighted [shortcut]'s weights."""


def route(place: Place) -> Layer:
    """[route]: layers side by side in their channels, or one of `groups` parts of each."""
    section, inputs = place.section, place.sources("layers")
    groups, group = section.integer("groups", 1), section.integer("group_id", 0)
    sides = {place.shape(i)[1:] for i in inputs}
    if len(sides) > 1:
        raise section.error("layers", f"expected layers of one size, got {sorted(sides)} (height, width)")
    if groups < 1 or not 0 <= group < groups or any(place.shape(i)[0] % groups for i in inputs):
        raise section.error("groups", f"groups={groups}, group_id={group} do not divide the layers' channels")
    height, width = sides.pop()
    return place.layer((sum(place.shape(i)[0] // groups for i in inputs), height, width), inputs=inputs)


def shortcut(place: Place) -> Layer:
    """[shortcut]: the sum of the layer before and those of `from`, weighed where `weights_type` says so."""
    section = place.section
    inputs = (place.index - 1, *place.sources("from"))
    kind = section.word("weights_type", "none")
    for key, known in (("weights_type", _WEIGHT_TYPES), ("weights_normalization", _NORMALISATIONS)):
        if section.word(key, "none") not in known:
            raise section.error(key, f"{key}: expected {', '.join(known)}, got {section.word(key, 'none')!r}")
    for added in map(place.shape, inputs[1:]):
        if added[1:] != place.before[1:] and (kind != "none" or not _goes_evenly(added, place.before)):
            evenly = ", or as many times more or less down as across" if kind == "none" else ""
            raise section.error("from", f"expected height and width {place.before[1:]}{evenly}, got {added[1:]}")
    return place.layer(place.before, _weights(kind, len(inputs), place.before[0]), inputs)


def shortcut_steps(added: Shape, wanted: Shape) -> tuple[int, int]:
    """Return how far a [shortcut] goes at each step, down and across: in the layer that it adds, and in its own.

    It takes as many steps, and as many channels, as the smaller of both has.
    """
    return max(1, added[1] // wanted[1]), max(1, wanted[1] // added[1])


def _goes_evenly(added: Shape, wanted: Shape) -> bool:
    """Return whether the steps across are those down."""
    (_, rows, columns), (_, rows_wanted, columns_wanted) = added, wanted
    return rows // rows_wanted == columns // columns_wanted and rows_wanted // rows == columns_wanted // columns


def _weights(kind: str, inputs: int, channels: int) -> Arrays:
    """Return the weights of a [shortcut]: one an input, or one an input and channel."""
    if kind == "none":
        return ()
    return (("weights", (inputs, channels) if kind == "per_channel" else (inputs,)),)


def shortcut_shares(section: Section, weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return by what a weighted [shortcut] multiplies its inputs, (inputs, channels) or (inputs, 1), from what it stores."""
    weights, how = weights.reshape(len(weights), -1), section.word("weights_normalization", "none")
    if how == "none":
        return weights
    weights = np.exp(weights - weights.max(0)) if how == "softmax" else np.maximum(weights, 0)
    return np.asarray(weights / (weights.sum(0) + SHARE_EPS), np.float32)


def scale_channels(place: Place) -> Layer:
    """[scale_channels]: the layer of `from` times one number a channel, or with `scale_wh` one number a place."""
    section, (channels, height, width) = place.section, place.before
    source = _only_source(place)
    expected = (1, *place.shape(source)[1:]) if section.integer("scale_wh", 0) else (place.shape(source)[0], 1, 1)
    if (channels, height, width) != expected:
        raise section.error("from", f"expected {expected} (channels, height, width) before it, got {place.before}")
    return place.layer(place.shape(source), inputs=(place.index - 1, source))


def sam(place: Place) -> Layer:
    """[sam]: the layer of `from` times the one before, number by number."""
    source = _only_source(place)
    if place.shape(source) != place.before:
        raise place.section.error("from", f"expected a layer of {place.before}, got {place.shape(source)}")
    return place.layer(place.before, inputs=(place.index - 1, source))


def implicit(place: Place) -> Layer:
    """[implicit]: learned numbers that depend on no input, one a channel."""
    filters, atoms = place.section.integer("filters", 128), place.section.integer("atoms", 1)
    if filters < 1 or atoms != 1:
        raise place.section.error("atoms", f"expected filters >= 1 and atoms=1, got {filters} and {atoms}")
    return place.layer((filters, 1, 1), (("weights", (filters,)),))


def _only_source(place: Place) -> int:
    sources = place.sources("from")
    if len(sources) != 1:
        raise place.section.error("from", f"expected one layer, got {len(sources)}")
    return sources[0]
