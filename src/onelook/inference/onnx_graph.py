"""A Darknet network as an ONNX model, written straight from its sections and arrays: no torch, nothing traced.

`onnx_sections` has a function for every kind. Batch normalisation is folded as Darknet folds it, the epsilon of 1e-5 inside
the root. The outputs are what the heads receive: decoding and NMS stay in `structures.network`, one for every runtime, unless an
export asks for them in the graph.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from google.protobuf.message import Message

from onelook.inference.onnx_heads import all_boxes, best_boxes
from onelook.inference.onnx_nodes import Nodes
from onelook.inference.onnx_sections.convolution import Arrays
from onelook.inference.onnx_sections.table import SECTIONS
from onelook.structures.network.heads import head_of
from onelook.structures.network.layer import INPUT, Layer
from onelook.structures.onnx_messages import FLOAT, INT64, UINT8, onnx_file, onnx_node, onnx_value

IMAGES = "images"
"""The name of the input."""


RAW, BOXES, DETECTIONS = "raw", "boxes", "detections"
OUTPUTS = (RAW, BOXES, DETECTIONS)
"""The forms in which what a network says leaves the graph."""


@dataclass(frozen=True)
class Leaving:
    """The form in which a detector's graph gives what it says, and the thresholds of NMS where that is in it."""

    form: str = RAW
    score: float = 0.25
    nms: float = 0.45


def onnx_model(
    layers: Sequence[Layer], arrays: Arrays, pixels: str = "uint8", leaving: Leaving | None = None
) -> Message:
    """Return the network as an ONNX model with a free batch size; `layers` fix the height and width.

    The input `images` is uint8 (n, h, w, c), RGB, divided by 255 inside; with `pixels="float32"` it is float32 (n, c, h, w)
    in 0..1. There is one output for each head, named by kind and index such as `yolo16`, float32 (n, c, h, w), in the
    cfg's order; without any the only output is that of the last layer. With BOXES they are `boxes` (n, k, 4), xyxy in pixels of the
    input, and `scores` (n, k, classes); with DETECTIONS what NMS leaves: `boxes` (m, 4), `scores` (m,), `classes` (m,) and `image`
    (m,), which of the batch. `arrays` go by `"{layer}.{array}"`.
    """
    nodes = Nodes()
    tensors = {INPUT: _image(nodes, pixels)}
    for layer in layers:
        inputs = [tensors[index] for index in layer.inputs]
        tensors[layer.index] = SECTIONS[layer.kind](nodes, layer, inputs, arrays)
    images, leaving = _input(layers[0].in_shapes[0], pixels), leaving or Leaving()
    if leaving.form != RAW:
        return _file(nodes, images, _decoded(nodes, layers, tensors, leaving))
    heads = [layer for layer in layers if layer.is_head] or [layers[-1]]
    outputs = []
    for head in heads:
        name = f"{head.kind}{head.index}"
        nodes.nodes.append(onnx_node("Identity", [tensors[head.index]], [name], name))
        outputs.append(_value(name, FLOAT, head.out_shape))
    return _file(nodes, images, outputs)


def _decoded(nodes: Nodes, layers: Sequence[Layer], tensors: Mapping[int, str], leaving: Leaving) -> list[Message]:
    """Append the heads' decoding, with DETECTIONS also NMS, and return the outputs."""
    _, height, width = layers[0].in_shapes[0]
    heads = [(head_of(layer), tensors[layer.index], layer.out_shape) for layer in layers if layer.is_head]
    boxes, scores = all_boxes(nodes, heads, (width, height))
    kinds = FLOAT, INT64
    found: dict[str, tuple[str, int, list[str | int]]]
    if leaving.form == BOXES:
        found = {"boxes": (boxes, kinds[0], ["batch", "k", 4])}
        found["scores"] = scores, kinds[0], ["batch", "k", heads[0][0].classes]
    else:
        names = best_boxes(nodes, boxes, scores, leaving.score, leaving.nms)
        found = {"boxes": (names[0], kinds[0], ["m", 4]), "scores": (names[1], kinds[0], ["m"])}
        found |= {"classes": (names[2], kinds[1], ["m"]), "image": (names[3], kinds[1], ["m"])}
    for name, (source, _, _) in found.items():
        nodes.nodes.append(onnx_node("Identity", [source], [name], name))
    return [onnx_value(name, kind, shape) for name, (_, kind, shape) in found.items()]


def _image(nodes: Nodes, pixels: str) -> str:
    """Return the image as float32 (n, c, h, w) in 0..1."""
    if pixels == "float32":
        return IMAGES
    planes = nodes.add("Transpose", IMAGES, perm=[0, 3, 1, 2])
    return nodes.add("Mul", nodes.add("Cast", planes, to=FLOAT), nodes.number(1 / 255))


def _input(shape: tuple[int, int, int], pixels: str) -> Message:
    channels, height, width = shape
    if pixels == "float32":
        return _value(IMAGES, FLOAT, shape)
    return _value(IMAGES, UINT8, (height, width, channels))


def _value(name: str, kind: int, shape: Sequence[int]) -> Message:
    return onnx_value(name, kind, ["batch", *shape])


def _file(nodes: Nodes, images: Message, outputs: Sequence[Message]) -> Message:
    return onnx_file("network", nodes.nodes, [images], outputs, nodes.initializers())
