"""A Darknet network as an ONNX model, written straight from its sections and arrays: no torch, nothing traced.

One function a section, one table (`SECTIONS`). Batch normalisation is folded as Darknet folds it, the epsilon of 1e-5 inside
the root. The outputs are what the [yolo] layers receive: decoding and NMS stay in `structures.network`, one for every runtime.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray

from onelook.inference.onnx_activations import ACTIVATIONS
from onelook.inference.onnx_nodes import Nodes
from onelook.structures.errors import nearest
from onelook.structures.network.layers import (
    INPUT,
    Layer,
    convolution_dilation,
    convolution_padding,
    convolution_stride,
    maxpool_window,
)

Arrays = Mapping[str, NDArray[np.float32]]

BATCH_NORM_EPS = 1e-5

OPSET, IR_VERSION = 17, 8
"""Old enough for every runtime of the last years."""

IMAGES = "images"
"""The name of the input."""


def onnx_model(layers: Sequence[Layer], arrays: Arrays, pixels: str = "uint8") -> onnx.ModelProto:
    """Return the network as an ONNX model with a free batch size; `layers` fix the height and width.

    The input `images` is uint8 (n, h, w, c), RGB, divided by 255 inside; with `pixels="float32"` it is float32 (n, c, h, w)
    in 0..1. There is one output for each [yolo] layer, `yolo{index}`, float32 (n, a * (5 + classes), h, w), in the cfg's
    order; without any the only output is that of the last layer. `arrays` go by `"{layer}.{array}"`.
    """
    nodes = Nodes()
    tensors = {INPUT: _image(nodes, pixels)}
    for layer in layers:
        inputs = [tensors[index] for index in layer.inputs]
        tensors[layer.index] = SECTIONS[layer.kind](nodes, layer, inputs, arrays)
    heads = [layer for layer in layers if layer.kind == "yolo"] or [layers[-1]]
    outputs = []
    for head in heads:
        name = f"{head.kind}{head.index}"
        nodes.nodes.append(onnx.helper.make_node("Identity", [tensors[head.index]], [name], name))
        outputs.append(_value(name, onnx.TensorProto.FLOAT, head.out_shape))
    return _model(nodes, _input(layers[0].in_shapes[0], pixels), outputs)


def _image(nodes: Nodes, pixels: str) -> str:
    """Return the image as float32 (n, c, h, w) in 0..1."""
    if pixels == "float32":
        return IMAGES
    planes = nodes.add("Transpose", IMAGES, perm=[0, 3, 1, 2])
    return nodes.add("Mul", nodes.add("Cast", planes, to=onnx.TensorProto.FLOAT), nodes.number(1 / 255))


def _input(shape: tuple[int, int, int], pixels: str) -> onnx.ValueInfoProto:
    channels, height, width = shape
    if pixels == "float32":
        return _value(IMAGES, onnx.TensorProto.FLOAT, shape)
    return _value(IMAGES, onnx.TensorProto.UINT8, (height, width, channels))


def _value(name: str, kind: int, shape: Sequence[int]) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, kind, ["batch", *shape])


def _model(nodes: Nodes, images: onnx.ValueInfoProto, outputs: Sequence[onnx.ValueInfoProto]) -> onnx.ModelProto:
    graph = onnx.helper.make_graph(nodes.nodes, "network", [images], list(outputs), nodes.initializers())
    opset = onnx.helper.make_opsetid("", OPSET)
    return onnx.helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION, producer_name="onelook")


def _folded(layer: Layer, arrays: Arrays) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return weights and biases with batch normalisation, where there is one, multiplied in (in float64)."""
    named = {name: arrays[f"{layer.index}.{name}"] for name, _ in layer.arrays}
    weights, biases = named["weights"], named["biases"]
    if "scales" not in named:
        return weights, biases
    factors = named["scales"] / np.sqrt(named["rolling_variance"].astype(np.float64) + BATCH_NORM_EPS)  # (filters,)
    spread = factors.reshape(-1, *[1] * (weights.ndim - 1))
    return (weights * spread).astype(np.float32), (biases - named["rolling_mean"] * factors).astype(np.float32)


def _activated(nodes: Nodes, layer: Layer, x: str, default: str) -> str:
    name = layer.section.word("activation", default)
    if name not in ACTIVATIONS:
        raise layer.section.error("activation", f"unknown activation {name!r}{nearest(name, ACTIVATIONS)}")
    return ACTIVATIONS[name](nodes, x)


def _convolutional(nodes: Nodes, layer: Layer, inputs: Sequence[str], arrays: Arrays) -> str:
    section = layer.section
    weights, biases = _folded(layer, arrays)
    (stride_x, stride_y), size = convolution_stride(section), section.integer("size", 1)
    x = nodes.add(
        "Conv",
        inputs[0],
        nodes.array(f"{layer.index}.weights", weights),
        nodes.array(f"{layer.index}.biases", biases),
        kernel_shape=[size, size],
        strides=[stride_y, stride_x],
        pads=[convolution_padding(section)] * 4,
        dilations=[convolution_dilation(section)] * 2,
        group=section.integer("groups", 1),
    )
    return _activated(nodes, layer, x, "logistic")


def _connected(nodes: Nodes, layer: Layer, inputs: Sequence[str], arrays: Arrays) -> str:
    weights, biases = _folded(layer, arrays)
    names = nodes.array(f"{layer.index}.weights", weights), nodes.array(f"{layer.index}.biases", biases)
    x = nodes.add("Gemm", nodes.add("Flatten", inputs[0]), *names, transB=1)  # (n, outputs)
    x = nodes.add("Reshape", x, nodes.whole_numbers([0, *layer.out_shape]))
    return _activated(nodes, layer, x, "logistic")


def _maxpool(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Half the padding (rounded down) before, the rest as far as the last window reaches; ONNX never takes it for a maximum."""
    size, stride, padding = maxpool_window(layer.section)
    before = padding // 2
    after = [
        max(0, (outputs - 1) * stride + size - sides - before)
        for outputs, sides in zip(layer.out_shape[1:], layer.in_shapes[0][1:], strict=True)
    ]
    return nodes.add(
        "MaxPool", inputs[0], kernel_shape=[size, size], strides=[stride, stride], pads=[before, before, *after]
    )


def _route(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    groups, group = layer.section.integer("groups", 1), layer.section.integer("group_id", 0)
    if groups > 1:
        parts = [shape[0] // groups for shape in layer.in_shapes]
        inputs = [_channels(nodes, x, part * group, part * (group + 1)) for x, part in zip(inputs, parts, strict=True)]
    return inputs[0] if len(inputs) == 1 else nodes.add("Concat", *inputs, axis=1)


def _channels(nodes: Nodes, x: str, start: int, stop: int) -> str:
    """Return the channels from `start` up to `stop`."""
    return nodes.add("Slice", x, *(nodes.whole_numbers([number]) for number in (start, stop, 1)))


def _shortcut(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    total, channels = inputs[0], layer.out_shape[0]
    for other, shape in zip(inputs[1:], layer.in_shapes[1:], strict=True):
        total = nodes.add("Add", total, _with_channels(nodes, other, shape[0], channels))
    return _activated(nodes, layer, total, "linear")


def _with_channels(nodes: Nodes, x: str, found: int, wanted: int) -> str:
    """Return the first `wanted` of `found` channels, or all of them with zeros after."""
    if found < wanted:
        return nodes.add("Pad", x, nodes.whole_numbers([0, 0, 0, 0, 0, wanted - found, 0, 0]))
    return x if found == wanted else _channels(nodes, x, 0, wanted)


def _upsample(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    stride, scale = layer.section.integer("stride", 2), layer.section.number("scale", 1.0)
    factors = nodes.array(f"{layer.index}.factors", np.asarray([1, 1, stride, stride], np.float32))
    x = nodes.add(
        "Resize",
        inputs[0],
        "",
        factors,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )
    return x if scale == 1 else nodes.add("Mul", x, nodes.number(scale))


def _avgpool(nodes: Nodes, _: Layer, inputs: Sequence[str], __: Arrays) -> str:
    return nodes.add("GlobalAveragePool", inputs[0])


def _softmax(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Shares of 1 over all values of the image, or over each of `groups` equal parts of them."""
    groups, temperature = layer.section.integer("groups", 1), layer.section.number("temperature", 1.0)
    x = nodes.add("Reshape", inputs[0], nodes.whole_numbers([0, groups, -1]))
    if temperature != 1:
        x = nodes.add("Div", x, nodes.number(temperature))
    return nodes.add("Reshape", nodes.add("Softmax", x, axis=2), nodes.whole_numbers([0, *layer.out_shape]))


def _same(_: Nodes, __: Layer, inputs: Sequence[str], ___: Arrays) -> str:
    return inputs[0]


SECTIONS: dict[str, Callable[[Nodes, Layer, Sequence[str], Arrays], str]] = {
    "convolutional": _convolutional,
    "connected": _connected,
    "maxpool": _maxpool,
    "route": _route,
    "shortcut": _shortcut,
    "upsample": _upsample,
    "avgpool": _avgpool,
    "softmax": _softmax,
    "dropout": _same,
    "cost": _same,
    "yolo": _same,
}
"""From the section's kind to the function that appends its nodes and returns the name of its output."""
