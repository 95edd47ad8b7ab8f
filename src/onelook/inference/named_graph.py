"""A named network's computation, its weights and what brings pixels to it, as one ONNX model."""

import numpy as np
from google.protobuf.message import Message

from onelook.inference.checked_graph import checked_graph
from onelook.structures.errors import FormatError
from onelook.structures.named_bundle import GRAPH, NamedBundle
from onelook.structures.onnx_messages import FLOAT, UINT8, onnx_array, onnx_node, onnx_value

PIXELS, IMAGES, LIKELIHOODS = "pixels", "images", "likelihoods"


def named_model(bundle: NamedBundle, likelihoods: bool = False) -> bytes:
    """Return the bundle's graph with its weights in it, serialised.

    Its input `pixels` is uint8 (n, h, w, 3), RGB, its output `logits` (n, classes), or `likelihoods` with the sum 1. Raises
    FormatError as `checked_graph` does, and when a weight that the graph asks for is missing or has another shape.
    """
    model = checked_graph(bundle.graph, f"{bundle.where}/{GRAPH}")
    weights = [each for each in model.graph.input if each.name != IMAGES]
    for each in weights:
        shape = tuple(side.dim_value for side in each.type.tensor_type.shape.dim)
        array = bundle.arrays.get(each.name)
        if array is None or array.shape != shape:
            came = "none" if array is None else str(array.shape)
            raise FormatError(f"{bundle.where}: expected the weights {each.name} {shape}, got {came}")
        model.graph.initializer.append(onnx_array(array, each.name))
    del model.graph.input[:]
    width, height = bundle.settings.size
    model.graph.input.append(onnx_value(PIXELS, UINT8, ["batch", height, width, 3]))
    own = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*_prepare(model.graph, bundle), *own])
    if likelihoods:
        (logits,) = model.graph.output
        model.graph.node.append(onnx_node("Softmax", [logits.name], [LIKELIHOODS], axis=1))
        logits.name = LIKELIHOODS
    return bytes(model.SerializeToString())


def _prepare(graph: Message, bundle: NamedBundle) -> list[Message]:
    """Return the nodes from pixels to planes of the network's mean and deviation: (x / 255 - mean) / std."""
    std = np.asarray(bundle.network.std, np.float32).reshape(1, 3, 1, 1)
    mean = np.asarray(bundle.network.mean, np.float32).reshape(1, 3, 1, 1)
    graph.initializer.append(onnx_array(1 / (255 * std), "pixel_scale"))
    graph.initializer.append(onnx_array(mean / std, "pixel_shift"))
    return [
        onnx_node("Transpose", [PIXELS], ["planes"], perm=[0, 3, 1, 2]),
        onnx_node("Cast", ["planes"], ["floats"], to=FLOAT),
        onnx_node("Mul", ["floats", "pixel_scale"], ["scaled"]),
        onnx_node("Sub", ["scaled", "pixel_shift"], [IMAGES]),
    ]
