"""One torch module for every kind of section, and the table that finds it.

Arithmetic as AlexeyAB/darknet at commit 59596d7 computes it; `reference/` numbers of that program prove it in the tests.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from onelook.models.activations import ACTIVATIONS
from onelook.structures.errors import nearest
from onelook.structures.network.layers import Layer, convolution_padding, convolution_stride, maxpool_window

BATCH_NORM_EPS = 1e-5


class Convolution(nn.Module):
    """Convolution, batch normalisation where asked for, activation."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        section, (channels, _, _) = layer.section, layer.in_shapes[0]
        filters, normalised = layer.out_shape[0], bool(section.integer("batch_normalize", 0))
        stride_x, stride_y = convolution_stride(section)
        self.conv = nn.Conv2d(
            channels,
            filters,
            section.integer("size", 1),
            (stride_y, stride_x),
            convolution_padding(section),
            section.integer("dilation", 1),
            section.integer("groups", 1),
            bias=not normalised,
        )
        self.norm = nn.BatchNorm2d(filters, eps=BATCH_NORM_EPS) if normalised else None
        self.activation = _activation(layer, "logistic")
        self.reset()

    def reset(self) -> None:
        """Draw fresh weights as Darknet does, normal with deviation sqrt(2 / fan in); biases 0, scales 1."""
        fan_in = self.conv.weight[0].numel()
        nn.init.normal_(self.conv.weight, std=(2 / fan_in) ** 0.5)
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)
        if self.norm is not None:
            self.norm.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, filters, h', w')."""
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        activated: Tensor = self.activation(x)
        return activated

    def arrays(self) -> dict[str, Tensor]:
        """Return the tensors under the names that `.weights` has for them."""
        return {"weights": self.conv.weight, **_biases_and_norm(self.conv.bias, self.norm)}


class Connected(nn.Module):
    """A fully connected layer over the flattened input; (n, c, h, w) becomes (n, outputs, 1, 1)."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        channels, height, width = layer.in_shapes[0]
        outputs, normalised = layer.out_shape[0], bool(layer.section.integer("batch_normalize", 0))
        self.linear = nn.Linear(channels * height * width, outputs, bias=not normalised)
        self.norm = nn.BatchNorm1d(outputs, eps=BATCH_NORM_EPS) if normalised else None
        self.activation = _activation(layer, "logistic")

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, outputs, 1, 1)."""
        x = self.linear(x.contiguous().flatten(1))  # (n, outputs); the memory is made NCHW first, as Darknet's is
        if self.norm is not None:
            x = self.norm(x)
        activated: Tensor = self.activation(x)
        return activated[:, :, None, None]

    def arrays(self) -> dict[str, Tensor]:
        """Return the tensors under the names that `.weights` has for them."""
        return {"weights": self.linear.weight, **_biases_and_norm(self.linear.bias, self.norm)}


class Maxpool(nn.Module):
    """Darknet's maximum: padded with minus infinity, half the padding (rounded down) before, the rest after."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.size, self.stride, padding = maxpool_window(layer.section)
        (_, height, width), (_, rows, columns) = layer.in_shapes[0], layer.out_shape
        before = padding // 2
        self.padding = (before, self._after(columns, width, before), before, self._after(rows, height, before))

    def _after(self, outputs: int, inputs: int, before: int) -> int:
        """Return how much padding the last window reaches; less than none when it ends inside the input."""
        return (outputs - 1) * self.stride + self.size - inputs - before

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, c, h', w')."""
        if any(self.padding):
            x = functional.pad(x, self.padding, value=float("-inf"))
        return functional.max_pool2d(x, self.size, self.stride)


class Route(nn.Module):
    """Layers side by side in their channels, or one group of each."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.groups = layer.section.integer("groups", 1)
        self.group = layer.section.integer("group_id", 0)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return (n, sum of channels, h, w)."""
        if self.groups > 1:
            inputs = tuple(x.chunk(self.groups, dim=1)[self.group] for x in inputs)
        return inputs[0] if len(inputs) == 1 else torch.cat(inputs, dim=1)


class Shortcut(nn.Module):
    """The sum of layers; one with other channels adds those that both have."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.activation = _activation(layer, "linear")

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        """Return the shape of `first`."""
        for other in others:
            first = first + other if first.shape == other.shape else _add_common(first, other)
        activated: Tensor = self.activation(first)
        return activated


class Upsample(nn.Module):
    """Every pixel repeated, and scaled where the cfg says."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.stride = layer.section.integer("stride", 2)
        self.scale = layer.section.number("scale", 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, c, h * stride, w * stride)."""
        x = functional.interpolate(x, scale_factor=float(self.stride), mode="nearest")
        return x if self.scale == 1 else x * self.scale


def _add_common(first: Tensor, other: Tensor) -> Tensor:
    shared = min(first.shape[1], other.shape[1])
    return torch.cat([first[:, :shared] + other[:, :shared], first[:, shared:]], dim=1)


def _activation(layer: Layer, default: str) -> nn.Module:
    name = layer.section.word("activation", default)
    if name not in ACTIVATIONS:
        raise layer.section.error("activation", f"unknown activation {name!r}{nearest(name, ACTIVATIONS)}")
    return ACTIVATIONS[name]()


def _biases_and_norm(bias: Tensor | None, norm: nn.BatchNorm1d | nn.BatchNorm2d | None) -> dict[str, Tensor]:
    if norm is None:
        assert bias is not None
        return {"biases": bias}
    assert norm.running_mean is not None and norm.running_var is not None
    return {
        "biases": norm.bias,
        "scales": norm.weight,
        "rolling_mean": norm.running_mean,
        "rolling_variance": norm.running_var,
    }


def _dropout(layer: Layer) -> nn.Module:
    return nn.Dropout(layer.section.number("probability", 0.5))


MODULES: dict[str, Callable[[Layer], nn.Module]] = {
    "convolutional": Convolution,
    "connected": Connected,
    "maxpool": Maxpool,
    "route": Route,
    "shortcut": Shortcut,
    "upsample": Upsample,
    "dropout": _dropout,
    "avgpool": lambda layer: nn.AdaptiveAvgPool2d(1),
    "softmax": lambda layer: nn.Softmax(dim=1),
    "cost": lambda layer: nn.Identity(),
    "yolo": lambda layer: nn.Identity(),
}
"""From the section's kind to its module; a [yolo] layer hands its raw input on, loss and decoding lie outside."""
