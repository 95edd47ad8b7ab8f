"""Cfgs small enough to train in a test."""

import numpy as np

from onelook.models.network import Network
from onelook.structures.network.cfg import Cfg, parse_cfg

NET = "[net]\nwidth=32\nheight=32\nchannels=3\n"

BODY = """
[convolutional]
batch_normalize=1
filters=4
size=3
stride=2
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky
"""

HEAD = """
[convolutional]
filters={filters}
size=1
activation=linear
[yolo]
mask={mask}
anchors=4,4, 8,8, 12,6, 16,20
classes={classes}
num=4
"""


def head(classes: int, *mask: int) -> str:
    """Return a head and the convolution before it."""
    return HEAD.format(filters=(5 + classes) * len(mask), mask=",".join(map(str, mask)), classes=classes)


def one_head(classes: int = 2) -> Cfg:
    """Return a network of stride 4 with one head of two anchors, 12 x 6 and 16 x 20."""
    return parse_cfg(NET + BODY + head(classes, 2, 3), "one.cfg")


def two_heads(classes: int = 2) -> Cfg:
    """Return a network with heads of stride 4 (large anchors) and 2 (small ones), in Darknet's order."""
    back = "[route]\nlayers=0\n"
    return parse_cfg(NET + BODY + head(classes, 2, 3) + back + head(classes, 0, 1), "two.cfg")


def three_levels(classes: int = 3) -> Cfg:
    """Return a network of 96 x 96 as YOLOv3's: halved five times, a head of stride 32, and one of 16 after upsampling."""
    body = "".join(_convolution(filters, stride=2) for filters in (8, 16, 16, 32, 32))
    back = "[route]\nlayers=-3\n" + _convolution(16) + "[upsample]\nstride=2\n[route]\nlayers=-1,3\n" + _convolution(32)
    return parse_cfg(
        NET.replace("32", "96") + body + head(classes, 2, 3) + back + head(classes, 0, 1), "three_levels.cfg"
    )


def _convolution(filters: int, stride: int = 1) -> str:
    return f"[convolutional]\nbatch_normalize=1\nfilters={filters}\nsize=3\nstride={stride}\npad=1\nactivation=leaky\n"


def numbered(network: Network) -> dict[str, np.ndarray]:
    """Return arrays of the network's shapes in which no number occurs twice."""
    arrays, start = {}, 0
    for layer in network.layers:
        for name, shape in layer.arrays:
            count = int(np.prod(shape))
            arrays[f"{layer.index}.{name}"] = np.arange(start, start + count, dtype=np.float32).reshape(shape)
            start += count
    return arrays
