"""A section in its place in the network: where it takes its input, the shapes, and the arrays that `.weights` keeps for it."""

import math
from dataclasses import dataclass

from onelook.structures.network.cfg import Section

Shape = tuple[int, int, int]
"""(channels, height, width)."""

Arrays = tuple[tuple[str, tuple[int, ...]], ...]
"""Names and shapes of a layer's arrays, in the order in which `.weights` stores them."""

INPUT = -1
"""The index that stands for the network's input image."""

LARGEST_SIDE, MOST_CHANNELS = 1 << 16, 1 << 16

ALIASES = {
    "conv": "convolutional",
    "conn": "connected",
    "max": "maxpool",
    "local_avg": "local_avgpool",
    "avg": "avgpool",
    "lrn": "normalization",
    "soft": "softmax",
    "silence": "empty",
    "network": "net",
}
"""Other names that Darknet takes for the same section."""

HEADS = ("yolo", "gaussian_yolo", "region", "detection")
"""Kinds of section whose input says where things are."""


@dataclass(frozen=True)
class Layer:
    """One section in its place; `inputs` are layer indices (INPUT for the image), shapes are (c, h, w) without the batch.

    `shares` is the index of the layer whose arrays it uses, for `share_index`; such a layer stores none itself.
    """

    index: int
    section: Section
    inputs: tuple[int, ...]
    in_shapes: tuple[Shape, ...]
    out_shape: Shape
    arrays: Arrays = ()
    shares: int | None = None

    @property
    def kind(self) -> str:
        """The section's kind by its main name."""
        return main_name(self.section)

    @property
    def is_head(self) -> bool:
        """Whether its input says where things are."""
        return self.kind in HEADS

    @property
    def parameters(self) -> int:
        """How many numbers `.weights` holds for this layer."""
        return sum(math.prod(shape) for _, shape in self.arrays)

    @property
    def name(self) -> str:
        """How messages name it: number, kind, line."""
        return f"layer {self.index} [{self.section.kind}] (line {self.section.line})"


@dataclass(frozen=True)
class Place:
    """What a section's function sees: its number, the layers so far, and the shape before it."""

    index: int
    section: Section
    earlier: tuple[Layer, ...] | list[Layer]
    before: Shape

    def source(self, number: int, key: str) -> int:
        """Return the absolute index of layer `number` (negative counts back from here). Raises FormatError outside."""
        index = number if number >= 0 else self.index + number
        if not 0 <= index < self.index:
            there_are = f"0 to {self.index - 1}" if self.index else "but this is the first"
            raise self.section.error(key, f"{key}={number}: expected an earlier layer, {there_are}, got {index}")
        return index

    def sources(self, key: str) -> tuple[int, ...]:
        """Return the absolute indices of the layers that `key` lists, at least one. Raises FormatError outside."""
        numbers = self.section.integers(key)
        if not numbers:
            raise self.section.error(key, f"expected {key}=, got none")
        return tuple(self.source(number, key) for number in numbers)

    def shape(self, index: int) -> Shape:
        """Return what layer `index` puts out; INPUT gives the image's shape."""
        return self.before if index == self.index - 1 else self.earlier[index].out_shape

    def layer(
        self, out: Shape, arrays: Arrays = (), inputs: tuple[int, ...] | None = None, shares: int | None = None
    ) -> Layer:
        """Return the finished layer; without `inputs` it follows the one before. Raises FormatError for an empty or huge output."""
        inputs = (self.index - 1,) if inputs is None else inputs
        if min(out) < 1 or max(out[1:]) > LARGEST_SIDE or out[0] > MOST_CHANNELS:
            raise self.section.error(None, f"expected a sensible output, got channels, height, width = {out}")
        return Layer(self.index, self.section, inputs, tuple(map(self.shape, inputs)), out, arrays, shares)

    def refuse(self, *keys: str) -> None:
        """Raise FormatError for an option that is set to something other than 0: nothing here computes it."""
        for key in keys:
            if self.section.integer(key, 0):
                raise self.section.error(key, f"{key}={self.section.word(key, '')} is not supported")


def main_name(section: Section) -> str:
    """Return the section's kind by its main name."""
    return ALIASES.get(section.kind, section.kind)
