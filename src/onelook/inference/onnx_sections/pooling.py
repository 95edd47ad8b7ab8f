"""[maxpool], [local_avgpool], [avgpool], [upsample], [reorg], [reorg3d] and [crop]."""

from collections.abc import Sequence

import numpy as np

from onelook.inference.onnx_nodes import Nodes
from onelook.inference.onnx_sections.convolution import Arrays, blurred
from onelook.structures.network.layer import Layer
from onelook.structures.network.sections.windows import blur_size, convolution_stride, maxpool_window


def maxpool(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Return (n, c, h', w'); with `maxpool_depth` the largest of every so manieth channel."""
    if layer.section.integer("maxpool_depth", 0):
        return _largest_channels(nodes, layer, inputs[0])
    return blurred(nodes, layer, _windowed(nodes, "MaxPool", layer, inputs[0]))


def local_avgpool(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Return (n, c, h', w'), means of what a window sees of the input."""
    return _windowed(nodes, "AveragePool", layer, inputs[0], count_include_pad=0)


def _windowed(nodes: Nodes, operator: str, layer: Layer, x: str, **attributes: int) -> str:
    """Half the padding (rounded down) before, the rest as far as the last window reaches; ONNX never counts it."""
    size, _, total = maxpool_window(layer.section)
    sides, before = layer.in_shapes[0][1:], total // 2
    strides = [1, 1] if blur_size(layer.section) else list(convolution_stride(layer.section)[::-1])  # y, x
    after = []
    for side, stride in zip(sides, strides, strict=True):
        outputs = (side + total - size) // stride + 1
        after.append(max(0, (outputs - 1) * stride + size - side - before))
    pads = [before, before, *after]
    return nodes.add(operator, x, kernel_shape=[size, size], strides=strides, pads=pads, **attributes)


def _largest_channels(nodes: Nodes, layer: Layer, x: str) -> str:
    (channels, height, width), outputs = layer.in_shapes[0], layer.out_shape[0]
    missing = -channels % outputs
    if missing:
        x = nodes.add("Pad", x, nodes.whole_numbers([0, 0, 0, 0, 0, missing, 0, 0]), nodes.number(float("-inf")))
    x = nodes.add("Reshape", x, nodes.whole_numbers([0, -1, outputs, height, width]))
    return nodes.add("ReduceMax", x, axes=[1], keepdims=0)


def avgpool(nodes: Nodes, _: Layer, inputs: Sequence[str], __: Arrays) -> str:
    """Return (n, c, 1, 1)."""
    return nodes.add("GlobalAveragePool", inputs[0])


def upsample(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Return (n, c, h * stride, w * stride)."""
    stride, scale = layer.section.integer("stride", 2), layer.section.number("scale", 1.0)
    factors = nodes.array(f"{layer.index}.factors", np.asarray([1, 1, stride, stride], np.float32))
    how = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    x = nodes.add("Resize", inputs[0], "", factors, **how)
    return x if scale == 1 else nodes.add("Mul", x, nodes.number(scale))


def reorg3d(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Return (n, c * stride², h / stride, w / stride)."""
    return nodes.add("SpaceToDepth", inputs[0], blocksize=layer.section.integer("stride", 1))


def reorg(nodes: Nodes, layer: Layer, inputs: Sequence[str], arrays: Arrays) -> str:
    """Return the same shape; the memory is taken for (c / stride², h * stride, w * stride) first."""
    (channels, height, width), stride = layer.in_shapes[0], layer.section.integer("stride", 1)
    seen_as = nodes.whole_numbers([0, channels // stride**2, height * stride, width * stride])
    x = reorg3d(nodes, layer, [nodes.add("Reshape", inputs[0], seen_as)], arrays)
    return nodes.add("Reshape", x, nodes.whole_numbers([0, *layer.out_shape]))


def crop(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Return the middle of the image; 0..1 becomes -1..1."""
    (height, width), (rows, columns) = layer.in_shapes[0][1:], layer.out_shape[1:]
    top, left = (height - rows) // 2, (width - columns) // 2
    parts = [[top, left], [top + rows, left + columns], [2, 3]]
    x = nodes.add("Slice", inputs[0], *map(nodes.whole_numbers, parts))
    if layer.section.integer("noadjust", 0):
        return x
    return nodes.add("Sub", nodes.add("Mul", x, nodes.number(2)), nodes.number(1))
