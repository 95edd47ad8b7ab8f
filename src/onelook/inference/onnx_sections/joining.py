"""[route], [shortcut], [scale_channels], [sam] and [implicit]."""

from collections.abc import Sequence

from onelook.inference.onnx_activations import activated
from onelook.inference.onnx_nodes import Nodes
from onelook.inference.onnx_sections.convolution import Arrays
from onelook.structures.network.layer import Layer, Shape
from onelook.structures.network.sections.joining import shortcut_shares, shortcut_steps


def route(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Return (n, sum of channels, h, w)."""
    groups, group = layer.section.integer("groups", 1), layer.section.integer("group_id", 0)
    if groups > 1:
        parts = [shape[0] // groups for shape in layer.in_shapes]
        inputs = [_channels(nodes, x, part * group, part * (group + 1)) for x, part in zip(inputs, parts, strict=True)]
    return inputs[0] if len(inputs) == 1 else nodes.add("Concat", *inputs, axis=1)


def shortcut(nodes: Nodes, layer: Layer, inputs: Sequence[str], arrays: Arrays) -> str:
    """Return the shape of the first input: the sum, its terms times their shares where the layer has weights."""
    terms = [_fitted(nodes, x, shape, layer.out_shape) for x, shape in zip(inputs, layer.in_shapes, strict=True)]
    if layer.arrays:
        shares = shortcut_shares(layer.section, arrays[f"{layer.index}.weights"])  # (inputs, channels or 1)
        names = [nodes.array(f"{layer.index}.share{i}", share[:, None, None]) for i, share in enumerate(shares)]
        terms = [nodes.add("Mul", x, share) for x, share in zip(terms, names, strict=True)]
    total = terms[0]
    for term in terms[1:]:
        total = nodes.add("Add", total, term)
    return activated(nodes, layer, total)


def product(nodes: Nodes, layer: Layer, inputs: Sequence[str], _: Arrays) -> str:
    """Return the second input times the first, which may have one number a channel or one a place."""
    return activated(nodes, layer, nodes.add("Mul", inputs[1], inputs[0]))


def implicit(nodes: Nodes, layer: Layer, inputs: Sequence[str], arrays: Arrays) -> str:
    """Return the layer's own numbers, once an image."""
    images = nodes.add("Shape", inputs[0], start=0, end=1)
    shape = nodes.add("Concat", images, nodes.whole_numbers(layer.out_shape), axis=0)
    weights = arrays[f"{layer.index}.weights"].reshape(1, -1, 1, 1)
    return nodes.add("Expand", nodes.array(f"{layer.index}.weights", weights), shape)


def _channels(nodes: Nodes, x: str, start: int, stop: int) -> str:
    """Return the channels from `start` up to `stop`."""
    return nodes.add("Slice", x, *(nodes.whole_numbers([number]) for number in (start, stop, 1)))


def _fitted(nodes: Nodes, x: str, found: Shape, wanted: Shape) -> str:
    """Return a layer of the shape `wanted`: what a [shortcut] adds of one of the shape `found`, zeros where that is nothing."""
    stride, sample = shortcut_steps(found, wanted)
    channels, rows, columns = map(min, found, wanted)
    kept = channels, rows, columns
    if stride > 1 or kept != found:
        ends, steps = (channels, rows * stride, columns * stride), (1, stride, stride)
        x = nodes.add("Slice", x, *map(nodes.whole_numbers, ((0, 0, 0), ends, (1, 2, 3), steps)))
    if sample > 1:
        x, kept = _spread(nodes, x, kept, sample), (channels, rows * sample, columns * sample)
    missing = [there - here for there, here in zip(wanted, kept, strict=True)]
    return nodes.add("Pad", x, nodes.whole_numbers([0, 0, 0, 0, 0, *missing])) if any(missing) else x


def _spread(nodes: Nodes, x: str, shape: Shape, step: int) -> str:
    """Return (n, c, h * step, w * step): the places of `x` (n, c, h, w), every `step`-th down and across, zeros between."""
    channels, rows, columns = shape
    x = nodes.add("Reshape", x, nodes.whole_numbers([-1, channels, rows, 1, columns, 1]))
    x = nodes.add("Pad", x, nodes.whole_numbers([0] * 9 + [step - 1, 0, step - 1]))
    return nodes.add("Reshape", x, nodes.whole_numbers([-1, channels, rows * step, columns * step]))
