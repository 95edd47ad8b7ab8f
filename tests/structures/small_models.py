"""Detectors small enough to make and run in a test, and the stored nets of the original Darknet."""

from pathlib import Path
from typing import Any

import numpy as np

from onelook.structures.bundle import Bundle, BundleSettings
from onelook.structures.network.cfg import Cfg, parse_cfg, read_cfg
from onelook.structures.network.layers import Layer, describe
from onelook.structures.network.weights_file import read_weights, split_weights

Arrays = dict[str, Any]

CFG = """[net]
width=64
height=48
channels=3

[convolutional]
batch_normalize=1
filters=8
size=3
stride=4
pad=1
activation=leaky

[convolutional]
filters=14
size=1
activation=linear

[yolo]
mask=0,1
anchors=10,10, 24,24, 40,30
classes=2
num=3
"""


def small_cfg(text: str = CFG) -> Cfg:
    """Return a network with an input of 64 x 48, one head of 16 x 12 cells, two anchors and two classes."""
    return parse_cfg(text, "small.cfg")


def random_arrays(layers: tuple[Layer, ...], seed: int = 0) -> Arrays:
    """Return seeded arrays for the layers; variances are positive."""
    rng = np.random.default_rng(seed)
    arrays = {}
    for layer in layers:
        for name, shape in layer.arrays:
            values = rng.normal(0, 1, shape).astype(np.float32)
            arrays[f"{layer.index}.{name}"] = np.abs(values) + 0.1 if name == "rolling_variance" else values
    return arrays


def small_bundle(seed: int = 0, **settings: Any) -> Bundle:
    """Return a bundle of the small network that sees something everywhere, for classes red and white."""
    cfg = small_cfg()
    return Bundle(cfg, ("red", "white"), random_arrays(describe(cfg), seed), BundleSettings(64, 48, **settings))


def darknet_case(shared: Path, name: str) -> tuple[tuple[Layer, ...], Arrays, Any]:
    """Return layers, arrays and stored numbers of one net in reference/layers."""
    path = shared / "reference" / "layers" / f"{name}.cfg"
    layers = describe(read_cfg(path))
    return layers, split_weights(read_weights(path.with_suffix(".weights")), layers), np.load(path.with_suffix(".npz"))
