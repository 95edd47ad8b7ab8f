"""[route], [shortcut], [scale_channels], [sam] and [implicit]."""

import torch
from torch import Tensor, nn

from onelook.models.activations import Computation, activation
from onelook.structures.network.layer import Layer, Shape
from onelook.structures.network.sections.joining import SHARE_EPS, shortcut_steps


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
    """The sum of layers; one of another size adds the channels and places that both have."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.activation: Computation = activation(layer)

    def forward(self, first: Tensor, *others: Tensor) -> Tensor:
        """Return the shape of `first`."""
        for other in others:
            first = _add(first, other)
        return self.activation(first)


class WeightedShortcut(nn.Module):
    """A sum whose terms have learned weights, one a layer or one a layer and channel."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(dict(layer.arrays)["weights"]))
        self.normalisation = layer.section.word("weights_normalization", "none")
        self.activation: Computation = activation(layer)

    def forward(self, *inputs: Tensor) -> Tensor:
        """Return the shape of the first."""
        shares = self._shares()
        shares = shares[:, :, None, None] if shares.ndim == 2 else shares[:, None, None, None]
        total = inputs[0] * shares[0]
        for share, other in zip(shares[1:], inputs[1:], strict=True):
            total = _add(total, other, share)
        return self.activation(total)

    def _shares(self) -> Tensor:
        """Return the weights (inputs,) or (inputs, channels) as parts of their sum, where the cfg asks for that."""
        if self.normalisation == "none":
            return self.weight
        softmax = self.normalisation == "softmax"
        weights = torch.exp(self.weight - self.weight.amax(0)) if softmax else self.weight.clamp(min=0)
        return weights / (weights.sum(0) + SHARE_EPS)

    def arrays(self) -> dict[str, Tensor]:
        """Return the tensors under the names that `.weights` has for them."""
        return {"weights": self.weight}


class Product(nn.Module):
    """[scale_channels] and [sam]: one layer times another, which may have one number a channel or one a place."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.activation: Computation = activation(layer)

    def forward(self, scale: Tensor, x: Tensor) -> Tensor:
        """Return the shape of `x`."""
        return self.activation(x * scale)


class Implicit(nn.Module):
    """Learned numbers that depend on no input."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        section, (name, shape) = layer.section, layer.arrays[0]
        assert name == "weights"
        self.weight = nn.Parameter(torch.randn(shape) * section.number("std", 0.2) + section.number("mean", 0.0))

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, filters, 1, 1)."""
        return self.weight[None, :, None, None].expand(len(x), -1, 1, 1)

    def arrays(self) -> dict[str, Tensor]:
        """Return the tensors under the names that `.weights` has for them."""
        return {"weights": self.weight}


def _add(first: Tensor, other: Tensor, share: Tensor | None = None) -> Tensor:
    """Return `first` plus what `other` has for the same channels and places, times `share` (c, 1, 1) or (1, 1, 1) where given."""
    stride, sample = shortcut_steps(_shape(other), _shape(first))
    channels, rows, columns = map(min, _shape(other), _shape(first))
    other = other[:, :channels, : rows * stride : stride, : columns * stride : stride]
    if share is not None:
        other = other * share[:channels]
    if first.shape == other.shape:
        return first + other
    total = first.clone()
    total[:, :channels, : rows * sample : sample, : columns * sample : sample] += other
    return total


def _shape(x: Tensor) -> Shape:
    """Return (c, h, w)."""
    return x.shape[1], x.shape[2], x.shape[3]
