"""From sections to layers: every section in its place, with its shapes and arrays.

Source: AlexeyAB/darknet at commit 59596d7, observed behaviour; `sections/` has a function for every kind.
"""

from onelook.structures.errors import nearest
from onelook.structures.network.cfg import Cfg, Section
from onelook.structures.network.layer import INPUT, LARGEST_SIDE, Arrays, Layer, Place, Shape, main_name
from onelook.structures.network.sections.table import REFUSED, SECTIONS
from onelook.structures.network.sections.windows import (
    convolution_dilation,
    convolution_padding,
    convolution_stride,
    maxpool_window,
)

__all__ = [
    "INPUT",
    "SECTIONS",
    "Arrays",
    "Layer",
    "Shape",
    "convolution_dilation",
    "convolution_padding",
    "convolution_stride",
    "describe",
    "maxpool_window",
]

MOST_LAYERS = 4096


def describe(cfg: Cfg, size: tuple[int, int] | None = None) -> tuple[Layer, ...]:
    """Return the cfg's layers with shapes for an input of `size` (width, height), by default the cfg's own.

    Raises FormatError naming file and line for an unknown section, a route to a layer that isn't there, or impossible sizes.
    """
    kinds = [_known(section) for section in cfg.layers]
    width, height = size or cfg.input_size
    before: Shape = (cfg.channels, height, width)
    if min(before) < 1 or max(before) > LARGEST_SIDE:
        raise cfg.net.error("width", f"expected width, height and channels, got {width}, {height}, {cfg.channels}")
    if len(cfg.layers) > MOST_LAYERS:
        raise cfg.net.error(None, f"expected at most {MOST_LAYERS} layers, got {len(cfg.layers)}")
    layers: list[Layer] = []
    for index, (kind, section) in enumerate(zip(kinds, cfg.layers, strict=True)):
        layers.append(SECTIONS[kind](Place(index, section, layers, before)))
        before = layers[-1].out_shape
    return tuple(layers)


def _known(section: Section) -> str:
    """Return the kind's main name. Raises FormatError for one that is refused or unknown."""
    kind = main_name(section)
    if kind in REFUSED:
        raise section.error(None, f"not supported: {REFUSED[kind]}")
    if kind not in SECTIONS:
        raise section.error(None, f"unknown section{nearest(kind, SECTIONS)}")
    return kind
