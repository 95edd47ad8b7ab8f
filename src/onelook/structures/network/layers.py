"""From sections to layers: where each takes its input, the shapes, and the arrays that `.weights` keeps for it.

One function a section, one table (`SECTIONS`). Source: AlexeyAB/darknet at commit 59596d7, observed behaviour.
"""

from collections.abc import Callable
from dataclasses import dataclass

from onelook.structures.errors import nearest
from onelook.structures.network.cfg import Cfg, Section

Shape = tuple[int, int, int]
"""(channels, height, width)."""

Arrays = tuple[tuple[str, tuple[int, ...]], ...]
"""Names and shapes of a layer's arrays, in the order in which `.weights` stores them."""

INPUT = -1
"""The index that stands for the network's input image."""

MOST_LAYERS, LARGEST_SIDE, MOST_CHANNELS = 4096, 1 << 16, 1 << 16


@dataclass(frozen=True)
class Layer:
    """One section in its place; `inputs` are layer indices (INPUT for the image), shapes are (c, h, w) without the batch."""

    index: int
    section: Section
    inputs: tuple[int, ...]
    in_shapes: tuple[Shape, ...]
    out_shape: Shape
    arrays: Arrays = ()

    @property
    def kind(self) -> str:
        """The section's kind by its main name."""
        return ALIASES.get(self.section.kind, self.section.kind)

    @property
    def parameters(self) -> int:
        """How many numbers `.weights` holds for this layer."""
        return sum(_count(shape) for _, shape in self.arrays)

    @property
    def name(self) -> str:
        """How messages name it: number, kind, line."""
        return f"layer {self.index} [{self.section.kind}] (line {self.section.line})"


@dataclass(frozen=True)
class _Place:
    """What a section's function sees: its number, the shapes so far, and the shape before it."""

    index: int
    section: Section
    shapes: tuple[Shape, ...]
    before: Shape

    def source(self, number: int, key: str) -> int:
        """Return the absolute index of layer `number` (negative counts back from here). Raises FormatError outside."""
        index = number if number >= 0 else self.index + number
        if not 0 <= index < self.index:
            raise self.section.error(
                key, f"{key}={number}: expected an earlier layer, 0 to {self.index - 1}, got {index}"
            )
        return index

    def layer(self, out: Shape, arrays: Arrays = (), inputs: tuple[int, ...] | None = None) -> Layer:
        """Return the finished layer; without `inputs` it follows the one before."""
        inputs = (self.index - 1,) if inputs is None else inputs
        shapes = tuple(self.before if i == self.index - 1 else self.shapes[i] for i in inputs)
        if min(out) < 1 or max(out[1:]) > LARGEST_SIDE or out[0] > MOST_CHANNELS:
            raise self.section.error(None, f"expected a sensible output, got channels, height, width = {out}")
        return Layer(self.index, self.section, inputs, shapes, out, arrays)


def describe(cfg: Cfg, size: tuple[int, int] | None = None) -> tuple[Layer, ...]:
    """Return the cfg's layers with shapes for an input of `size` (width, height), by default the cfg's own.

    Raises FormatError naming file and line for an unknown section, a route to a layer that isn't there, or impossible sizes.
    """
    width, height = size or cfg.input_size
    before: Shape = (cfg.channels, height, width)
    if min(before) < 1 or max(before) > LARGEST_SIDE:
        raise cfg.net.error("width", f"expected width, height and channels, got {width}, {height}, {cfg.channels}")
    if len(cfg.layers) > MOST_LAYERS:
        raise cfg.net.error(None, f"expected at most {MOST_LAYERS} layers, got {len(cfg.layers)}")
    layers: list[Layer] = []
    for index, section in enumerate(cfg.layers):
        kind = ALIASES.get(section.kind, section.kind)
        if kind not in SECTIONS:
            raise section.error(None, f"unknown section{nearest(kind, SECTIONS)}")
        place = _Place(index, section, tuple(layer.out_shape for layer in layers), before)
        layers.append(SECTIONS[kind](place))
        before = layers[-1].out_shape
    return tuple(layers)


def convolution_padding(section: Section) -> int:
    """Return the padding on every side: `pad=1` means half the kernel, else `padding` counts; dilation multiplies both."""
    size = section.integer("size", 1)
    padding = size // 2 if section.integer("pad", 0) else section.integer("padding", 0)
    return padding * convolution_dilation(section)


def convolution_dilation(section: Section) -> int:
    """Return the distance between the kernel's taps; Darknet ignores it where the kernel has one."""
    return section.integer("dilation", 1) if section.integer("size", 1) > 1 else 1


def convolution_stride(section: Section) -> tuple[int, int]:
    """Return the stride as (x, y)."""
    stride = section.integer("stride", 1)
    return section.integer("stride_x", stride), section.integer("stride_y", stride)


def _refuse(section: Section, keys: tuple[str, ...]) -> None:
    """Raise FormatError for an option that changes what the layer computes and that nothing here knows."""
    for key in keys:
        if section.integer(key, 0):
            raise section.error(key, f"{key} is not supported yet")


def _convolutional(place: _Place) -> Layer:
    section, (channels, height, width) = place.section, place.before
    _refuse(section, ("antialiasing", "share_index", "cbn", "xnor", "binary"))
    filters, size, groups = section.integer("filters", 1), section.integer("size", 1), section.integer("groups", 1)
    (stride_x, stride_y), padding = convolution_stride(section), convolution_padding(section)
    reach = convolution_dilation(section) * (size - 1) + 1
    if min(filters, size, groups, stride_x, stride_y, reach) < 1 or channels % groups or filters % groups:
        raise section.error(
            "groups", f"filters={filters}, size={size}, groups={groups} do not fit {channels} input channels"
        )
    out = (filters, (height + 2 * padding - reach) // stride_y + 1, (width + 2 * padding - reach) // stride_x + 1)
    arrays: Arrays = (("biases", (filters,)),)
    if section.integer("batch_normalize", 0):
        arrays += tuple((name, (filters,)) for name in ("scales", "rolling_mean", "rolling_variance"))
    return place.layer(out, (*arrays, ("weights", (filters, channels // groups, size, size))))


def maxpool_window(section: Section) -> tuple[int, int, int]:
    """Return size, stride and the total padding, of which half (rounded down) is before."""
    stride = section.integer("stride", 1)
    size = section.integer("size", stride)
    return size, stride, section.integer("padding", size - 1)


def _maxpool(place: _Place) -> Layer:
    section = place.section
    size, stride, padding = maxpool_window(section)
    _refuse(section, ("antialiasing", "maxpool_depth"))
    if {*convolution_stride(section)} != {stride}:
        raise section.error("stride_x", "stride_x and stride_y that differ are not supported yet")
    if size < 1 or stride < 1 or not 0 <= padding < 2 * size:
        raise section.error(
            "size",
            f"expected size, stride >= 1 and padding < 2 * size, got size={size}, stride={stride}, padding={padding}",
        )
    channels, height, width = place.before
    return place.layer((channels, (height + padding - size) // stride + 1, (width + padding - size) // stride + 1))


def _route(place: _Place) -> Layer:
    section = place.section
    numbers = section.integers("layers")
    if not numbers:
        raise section.error(None, "expected layers=, got none")
    inputs = tuple(place.source(number, "layers") for number in numbers)
    groups, group = section.integer("groups", 1), section.integer("group_id", 0)
    sides = {place.shapes[i][1:] for i in inputs}
    if len(sides) > 1:
        raise section.error("layers", f"expected layers of one size, got {sorted(sides)} (height, width)")
    if groups < 1 or not 0 <= group < groups or any(place.shapes[i][0] % groups for i in inputs):
        raise section.error("groups", f"groups={groups}, group_id={group} do not divide the layers' channels")
    height, width = sides.pop()
    return place.layer((sum(place.shapes[i][0] // groups for i in inputs), height, width), inputs=inputs)


def _shortcut(place: _Place) -> Layer:
    section = place.section
    numbers = section.integers("from")
    if not numbers:
        raise section.error(None, "expected from=, got none")
    if section.word("weights_type", "none") != "none":
        raise section.error("weights_type", "weighted shortcuts are not supported yet")
    inputs = (place.index - 1, *(place.source(number, "from") for number in numbers))
    if any(place.shapes[i][1:] != place.before[1:] for i in inputs[1:]):
        raise section.error("from", f"expected layers of height and width {place.before[1:]}")
    return place.layer(place.before, inputs=inputs)


def _upsample(place: _Place) -> Layer:
    stride = place.section.integer("stride", 2)
    if stride < 1:
        raise place.section.error("stride", f"expected a stride of at least 1, got {stride}")
    channels, height, width = place.before
    return place.layer((channels, height * stride, width * stride))


def _same(place: _Place) -> Layer:
    return place.layer(place.before)


def _avgpool(place: _Place) -> Layer:
    return place.layer((place.before[0], 1, 1))


def _connected(place: _Place) -> Layer:
    section = place.section
    outputs, inputs = section.integer("output", 1), _count(place.before)
    arrays: Arrays = (("biases", (outputs,)), ("weights", (outputs, inputs)))
    if section.integer("batch_normalize", 0):
        arrays += tuple((name, (outputs,)) for name in ("scales", "rolling_mean", "rolling_variance"))
    return place.layer((outputs, 1, 1), arrays)


def _yolo(place: _Place) -> Layer:
    section = place.section
    classes, total = section.integer("classes", 20), section.integer("num", 1)
    mask = section.integers("mask") or tuple(range(total))
    anchors = section.numbers("anchors")
    if classes < 1:
        raise section.error("classes", f"expected at least one class, got classes={classes}")
    if len(anchors) != 2 * total:
        raise section.error("anchors", f"expected num={total} pairs, got {len(anchors)} numbers")
    if any(not 0 <= index < total for index in mask):
        raise section.error("mask", f"expected numbers below num={total}, got {mask}")
    expected = len(mask) * (classes + 5)
    if place.before[0] != expected:
        raise section.error(
            "classes",
            f"expected filters={expected} = (classes={classes} + 5) * {len(mask)} masks in the layer before, got {place.before[0]}",
        )
    return place.layer(place.before)


def _count(shape: tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total


ALIASES = {
    "conv": "convolutional",
    "conn": "connected",
    "max": "maxpool",
    "avg": "avgpool",
    "soft": "softmax",
}
"""Short names that Darknet takes for the same section."""

SECTIONS: dict[str, Callable[[_Place], Layer]] = {
    "convolutional": _convolutional,
    "maxpool": _maxpool,
    "route": _route,
    "shortcut": _shortcut,
    "upsample": _upsample,
    "dropout": _same,
    "avgpool": _avgpool,
    "connected": _connected,
    "softmax": _same,
    "cost": _same,
    "yolo": _yolo,
}
