"""From the section's kind to its module.

Arithmetic as AlexeyAB/darknet at commit 59596d7 computes it; `reference/` numbers of that program prove it in the tests.
"""

from collections.abc import Callable, Sequence

from torch import nn

from onelook.models.sections.convolution import Connected, Convolution, Local, SharedConvolution
from onelook.models.sections.joining import Implicit, Product, Route, Shortcut, WeightedShortcut
from onelook.models.sections.pointwise import Activation, BatchNorm, DropBlock, Normalization, Softmax
from onelook.models.sections.pooling import ChannelMaxpool, Crop, LocalAvgpool, Maxpool, Reorg, Reorg3d, Upsample
from onelook.structures.network.layer import Layer


def make_modules(layers: Sequence[Layer]) -> nn.ModuleList:
    """Return one module a layer, with fresh weights."""
    modules: list[nn.Module] = []
    for layer in layers:
        shared = layer.shares is not None
        modules.append(SharedConvolution(layer, modules) if shared else MODULES[layer.kind](layer))
    return nn.ModuleList(modules)


def _maxpool(layer: Layer) -> nn.Module:
    return ChannelMaxpool(layer) if layer.section.integer("maxpool_depth", 0) else Maxpool(layer)


def _shortcut(layer: Layer) -> nn.Module:
    return WeightedShortcut(layer) if layer.arrays else Shortcut(layer)


def _dropout(layer: Layer) -> nn.Module:
    if layer.section.integer("dropblock", 0):
        return DropBlock(layer)
    return nn.Dropout(layer.section.number("probability", 0.2))


def _same(_: Layer) -> nn.Module:
    return nn.Identity()


MODULES: dict[str, Callable[[Layer], nn.Module]] = {
    "convolutional": Convolution,
    "connected": Connected,
    "local": Local,
    "maxpool": _maxpool,
    "local_avgpool": LocalAvgpool,
    "avgpool": lambda layer: nn.AdaptiveAvgPool2d(1),
    "upsample": Upsample,
    "reorg": Reorg,
    "reorg3d": Reorg3d,
    "crop": Crop,
    "route": Route,
    "shortcut": _shortcut,
    "scale_channels": Product,
    "sam": Product,
    "implicit": Implicit,
    "batchnorm": BatchNorm,
    "normalization": Normalization,
    "softmax": Softmax,
    "activation": Activation,
    "dropout": _dropout,
    "cost": _same,
    "empty": _same,
    "yolo": _same,
    "gaussian_yolo": _same,
    "region": _same,
    "detection": _same,
}
"""By the main name; a head hands its raw input on, loss and decoding lie outside."""
