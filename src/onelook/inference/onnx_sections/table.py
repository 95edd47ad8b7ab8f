"""From a section's kind to the function that appends its nodes and returns the name of its output."""

from collections.abc import Callable, Sequence

from onelook.inference.onnx_nodes import Nodes
from onelook.inference.onnx_sections import convolution, joining, pointwise, pooling
from onelook.inference.onnx_sections.convolution import Arrays
from onelook.structures.network.layer import Layer

SECTIONS: dict[str, Callable[[Nodes, Layer, Sequence[str], Arrays], str]] = {
    "convolutional": convolution.convolutional,
    "connected": convolution.connected,
    "local": convolution.local,
    "maxpool": pooling.maxpool,
    "local_avgpool": pooling.local_avgpool,
    "avgpool": pooling.avgpool,
    "upsample": pooling.upsample,
    "reorg": pooling.reorg,
    "reorg3d": pooling.reorg3d,
    "crop": pooling.crop,
    "route": joining.route,
    "shortcut": joining.shortcut,
    "scale_channels": joining.product,
    "sam": joining.product,
    "implicit": joining.implicit,
    "batchnorm": pointwise.batchnorm,
    "normalization": pointwise.normalization,
    "softmax": pointwise.softmax,
    "activation": pointwise.activation,
    "dropout": pointwise.same,
    "cost": pointwise.same,
    "empty": pointwise.same,
    "yolo": pointwise.same,
    "gaussian_yolo": pointwise.same,
    "region": pointwise.same,
    "detection": pointwise.same,
}
"""By the main name; a head hands its raw input on."""
