"""[batchnorm], [normalization], [softmax], [activation], and what does nothing outside training."""

from collections.abc import Sequence

import numpy as np

from onelook.inference.onnx_activations import activated
from onelook.inference.onnx_nodes import Nodes
from onelook.inference.onnx_sections.convolution import Arrays, norm_factors
from onelook.structures.network.layer import Layer
from onelook.structures.network.sections.pointwise import sliding_sums


def same(_: Nodes, __: Layer, inputs: Sequence[str], ___: Arrays) -> str:
    """Return the input."""
    return inputs[0]


def activation(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Return the activation of the input."""
    return activated(nodes, layer, inputs[0])


def batchnorm(nodes: Nodes, layer: Layer, inputs: Sequence[str], arrays: Arrays) -> str:
    """Return the input scaled and shifted channel by channel."""
    factors = norm_factors(layer.index, arrays)
    shifts = arrays[f"{layer.index}.biases"] - arrays[f"{layer.index}.rolling_mean"] * factors
    names = [
        nodes.array(f"{layer.index}.{name}", values.astype(np.float32)[:, None, None])
        for name, values in (("factors", factors), ("shifts", shifts))
    ]
    return nodes.add("Add", nodes.add("Mul", inputs[0], names[0]), names[1])


def normalization(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Return the input divided by what its neighbours in other channels come to."""
    section = layer.section
    sums = sliding_sums(layer.out_shape[0], section.integer("size", 5)) * section.number("alpha", 0.0001)
    kernel = nodes.array(f"{layer.index}.sums", sums.astype(np.float32)[:, :, None, None])
    norms = nodes.add("Conv", nodes.add("Mul", inputs[0], inputs[0]), kernel, kernel_shape=[1, 1])
    norms = nodes.add("Add", norms, nodes.number(section.number("kappa", 1.0)))
    return nodes.add("Mul", inputs[0], nodes.add("Pow", norms, nodes.number(-section.number("beta", 0.75))))


def softmax(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Shares of 1 over all values of the image, or over each of `groups` equal parts of them."""
    groups, temperature = layer.section.integer("groups", 1), layer.section.number("temperature", 1.0)
    x = nodes.add("Reshape", inputs[0], nodes.whole_numbers([0, groups, -1]))
    if temperature != 1:
        x = nodes.add("Div", x, nodes.number(temperature))
    return nodes.add("Reshape", nodes.add("Softmax", x, axis=2), nodes.whole_numbers([0, *layer.out_shape]))
