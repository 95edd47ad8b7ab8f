"""What a layer costs: floating-point operations of one image, two for a multiplication with its addition, as Darknet counts.

Darknet's BFLOPs leave out biases, activations, batch normalisation (it folds into the convolution) and the heads' decoding.
"""

from collections.abc import Callable

from onelook.structures.network.layers import Layer, maxpool_window


def flops(layer: Layer) -> int:
    """Return the operations of one image; 0 for a layer that only moves numbers."""
    return COSTS[layer.kind](layer) if layer.kind in COSTS else 0


def _convolutional(layer: Layer) -> int:
    (channels, _, _), (filters, rows, columns) = layer.in_shapes[0], layer.out_shape
    taps = layer.section.integer("size", 1) ** 2 * channels // layer.section.integer("groups", 1)
    return 2 * taps * filters * rows * columns


def _connected(layer: Layer) -> int:
    channels, height, width = layer.in_shapes[0]
    return 2 * channels * height * width * layer.out_shape[0]


def _maxpool(layer: Layer) -> int:
    channels, rows, columns = layer.out_shape
    return maxpool_window(layer.section)[0] ** 2 * channels * rows * columns


def _shortcut(layer: Layer) -> int:
    channels, rows, columns = layer.out_shape
    return sum(channels * min(rows, added[1]) * min(columns, added[2]) for added in layer.in_shapes[1:])


COSTS: dict[str, Callable[[Layer], int]] = {
    "convolutional": _convolutional,
    "connected": _connected,
    "maxpool": _maxpool,
    "shortcut": _shortcut,
}
"""From the section's kind to what it costs; those that are missing cost nothing."""
