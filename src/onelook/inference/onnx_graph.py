"""A Darknet network as an ONNX model, written straight from its sections and arrays: no torch, nothing traced.

`onnx_sections` has a function for every kind. Batch normalisation is folded as Darknet folds it, the epsilon of 1e-5 inside
the root. The outputs are what the heads receive: decoding and NMS stay in `structures.network`, one for every runtime.
"""

from collections.abc import Sequence

import onnx

from onelook.inference.onnx_nodes import Nodes
from onelook.inference.onnx_sections.convolution import Arrays
from onelook.inference.onnx_sections.table import SECTIONS
from onelook.structures.network.layer import INPUT, Layer

OPSET, IR_VERSION = 17, 8
"""Old enough for every runtime of the last years."""

IMAGES = "images"
"""The name of the input."""


def onnx_model(layers: Sequence[Layer], arrays: Arrays, pixels: str = "uint8") -> onnx.ModelProto:
    """Return the network as an ONNX model with a free batch size; `layers` fix the height and width.

    The input `images` is uint8 (n, h, w, c), RGB, divided by 255 inside; with `pixels="float32"` it is float32 (n, c, h, w)
    in 0..1. There is one output for each head, named by kind and index such as `yolo16`, float32 (n, c, h, w), in the
    cfg's order; without any the only output is that of the last layer. `arrays` go by `"{layer}.{array}"`.
    """
    nodes = Nodes()
    tensors = {INPUT: _image(nodes, pixels)}
    for layer in layers:
        inputs = [tensors[index] for index in layer.inputs]
        tensors[layer.index] = SECTIONS[layer.kind](nodes, layer, inputs, arrays)
    heads = [layer for layer in layers if layer.is_head] or [layers[-1]]
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
