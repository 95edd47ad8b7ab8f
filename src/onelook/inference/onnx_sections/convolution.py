"""[convolutional], [connected] and [local], batch normalisation folded in as Darknet folds it."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from onelook.inference.onnx_activations import activated
from onelook.inference.onnx_nodes import Nodes
from onelook.structures.network.layer import Layer
from onelook.structures.network.sections.windows import (
    blur_size,
    convolution_dilation,
    convolution_padding,
    convolution_stride,
)

Floats = NDArray[np.float32]
Arrays = Mapping[str, Floats]

BATCH_NORM_EPS = 1e-5

_RISE = {3: (0.25, 0.5, 0.25), 2: (0.5, 0.5)}


def convolutional(nodes: Nodes, layer: Layer, inputs: Sequence[str], arrays: Arrays) -> str:
    """Return (n, filters, h', w'); a layer that shares another's arrays folds them once more for its own window."""
    section = layer.section
    weights, biases = _folded(layer.index if layer.shares is None else layer.shares, arrays)
    size, stride_x, stride_y = weights.shape[-1], *convolution_stride(section)
    x = nodes.add(
        "Conv",
        inputs[0],
        nodes.array(f"{layer.index}.weights", weights),
        nodes.array(f"{layer.index}.biases", biases),
        kernel_shape=[size, size],
        strides=[1, 1] if blur_size(section) else [stride_y, stride_x],
        pads=[convolution_padding(section)] * 4,
        dilations=[convolution_dilation(section)] * 2,
        group=section.integer("groups", 1),
    )
    return blurred(nodes, layer, activated(nodes, layer, x))


def blurred(nodes: Nodes, layer: Layer, x: str) -> str:
    """Return what the blur of `antialiasing` makes of `x`; without one, `x`."""
    size, channels = blur_size(layer.section), layer.out_shape[0]
    if not size:
        return x
    rise, (stride_x, stride_y) = np.asarray(_RISE[size], np.float32), convolution_stride(layer.section)
    kernel = np.broadcast_to(np.outer(rise, rise), (channels, 1, size, size))
    return nodes.add(
        "Conv",
        x,
        nodes.array(f"{layer.index}.blur", kernel),
        kernel_shape=[size, size],
        strides=[stride_y, stride_x],
        pads=[1 if size == 3 else 0] * 4,
        group=channels,
    )


def connected(nodes: Nodes, layer: Layer, inputs: Sequence[str], arrays: Arrays) -> str:
    """Return (n, outputs, 1, 1)."""
    weights, biases = _folded(layer.index, arrays)
    names = nodes.array(f"{layer.index}.weights", weights), nodes.array(f"{layer.index}.biases", biases)
    x = nodes.add("Gemm", nodes.add("Flatten", inputs[0]), *names, transB=1)  # (n, outputs)
    return activated(nodes, layer, nodes.add("Reshape", x, nodes.whole_numbers([0, *layer.out_shape])))


def local(nodes: Nodes, layer: Layer, inputs: Sequence[str], arrays: Arrays) -> str:
    """Return (n, filters, h', w'): taps are gathered by a convolution that only picks, then every place has its product."""
    section, channels = layer.section, layer.in_shapes[0][0]
    size, stride, pad = section.integer("size", 1), section.integer("stride", 1), section.integer("pad", 0)
    filters, rows, columns = layer.out_shape
    taps, places = channels * size * size, rows * columns
    picks = np.tile(np.eye(size * size, dtype=np.float32).reshape(-1, 1, size, size), (channels, 1, 1, 1))
    x = nodes.add(
        "Conv",
        inputs[0],
        nodes.array(f"picks {channels} {size}", picks),
        kernel_shape=[size, size],
        strides=[stride, stride],
        pads=[pad] * 4,
        group=channels,
    )
    x = nodes.add("Transpose", nodes.add("Reshape", x, nodes.whole_numbers([0, taps, places])), perm=[2, 0, 1])
    weights = arrays[f"{layer.index}.weights"].reshape(places, filters, taps).transpose(0, 2, 1)
    x = nodes.add("MatMul", x, nodes.array(f"{layer.index}.weights", weights))  # (places, n, filters)
    x = nodes.add("Reshape", nodes.add("Transpose", x, perm=[1, 2, 0]), nodes.whole_numbers([0, *layer.out_shape]))
    return activated(
        nodes, layer, nodes.add("Add", x, nodes.array(f"{layer.index}.biases", arrays[f"{layer.index}.biases"]))
    )


def _folded(owner: int, arrays: Arrays) -> tuple[Floats, Floats]:
    """Return weights and biases of layer `owner` with batch normalisation, where there is one, multiplied in (in float64)."""
    weights, biases = arrays[f"{owner}.weights"], arrays[f"{owner}.biases"]
    if f"{owner}.scales" not in arrays:
        return weights, biases
    factors, mean = norm_factors(owner, arrays), arrays[f"{owner}.rolling_mean"]
    spread = factors.reshape(-1, *[1] * (weights.ndim - 1))
    return (weights * spread).astype(np.float32), (biases - mean * factors).astype(np.float32)


def norm_factors(owner: int, arrays: Arrays) -> NDArray[np.float64]:
    """Return by what batch normalisation multiplies each channel of layer `owner`, float64 (c,)."""
    variance = arrays[f"{owner}.rolling_variance"].astype(np.float64)
    return np.asarray(arrays[f"{owner}.scales"] / np.sqrt(variance + BATCH_NORM_EPS))
