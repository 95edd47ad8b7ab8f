"""Darknet's activation names and what they compute.

Source: the curves of AlexeyAB/darknet at commit 59596d7; its stored outputs prove each in the tests.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from onelook.structures.network.activations import activation_of
from onelook.structures.network.layer import Layer

Computation = Callable[[Tensor], Tensor]
"""What a module does with a tensor, as a type checker sees it."""

_SHARE_EPS = 1e-4
"""Added to the sum over the channels by which normalize_channels divides."""


class Elementwise(nn.Module):
    """An activation given as a function of a tensor."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        """Return the activation of every element."""
        return self.function(x)


def _swish(x: Tensor) -> Tensor:
    return functional.silu(x, inplace=True)


def _selu(x: Tensor) -> Tensor:
    return 1.0507 * torch.where(x >= 0, x, 1.6732 * torch.expm1(x.clamp(max=0)))


def _gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh(0.797885 * x + 0.035677 * x**3))


def _hard_mish(x: Tensor) -> Tensor:
    """Return x above 0, x² / 2 + x down to -2, 0 below."""
    return x * (x / 2 + 1).clamp(0, 1)


def _ramp(x: Tensor) -> Tensor:
    return x.clamp(min=0) + 0.1 * x


def _loggy(x: Tensor) -> Tensor:
    return 2 * torch.sigmoid(x) - 1


def _lhtan(x: Tensor) -> Tensor:
    """Return x between 0 and 1, with a slope of a thousandth outside."""
    middle = x.clamp(0, 1)
    return middle + 0.001 * (x - middle)


def _plse(x: Tensor) -> Tensor:
    """Return x / 8 + 1/2 between -4 and 4, with a slope of a hundredth outside."""
    middle = x.clamp(-4, 4)
    return 0.125 * middle + 0.5 + 0.01 * (x - middle)


def _stair(x: Tensor) -> Tensor:
    """Return floor(x / 2) above an even whole number, and a rise by 1 above an odd one."""
    whole = torch.floor(x)
    steps = torch.floor(x / 2)
    return torch.where(whole % 2 == 0, steps, x - whole + steps)


def _shares(x: Tensor) -> Tensor:
    """Return each channel's part of the sum over the channels of its pixel."""
    return x / (x.sum(1, keepdim=True) + _SHARE_EPS)


def _normalize_channels_softmax_maxval(x: Tensor) -> Tensor:
    return _shares(torch.exp(x - x.amax(1, keepdim=True)))


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "leaky": lambda: nn.LeakyReLU(0.1, inplace=True),
    "relu": lambda: nn.ReLU(inplace=True),
    "relu6": lambda: nn.ReLU6(inplace=True),
    "mish": lambda: nn.Mish(inplace=True),
    "swish": lambda: Elementwise(_swish),
    "logistic": lambda: Elementwise(torch.sigmoid),
    "tanh": lambda: Elementwise(torch.tanh),
    "elu": lambda: nn.ELU(inplace=True),
    "selu": lambda: Elementwise(_selu),
    "gelu": lambda: Elementwise(_gelu),
    "hard_mish": lambda: Elementwise(_hard_mish),
    "relie": lambda: nn.LeakyReLU(0.01, inplace=True),
    "revleaky": lambda: nn.LeakyReLU(0.1, inplace=True),
    "ramp": lambda: Elementwise(_ramp),
    "loggy": lambda: Elementwise(_loggy),
    "hardtan": lambda: nn.Hardtanh(-1, 1, inplace=True),
    "lhtan": lambda: Elementwise(_lhtan),
    "plse": lambda: Elementwise(_plse),
    "stair": lambda: Elementwise(_stair),
    "normalize_channels": lambda: Elementwise(lambda x: _shares(x.clamp(min=0))),
    "normalize_channels_softmax": lambda: Elementwise(lambda x: _shares(x.exp())),
    "normalize_channels_softmax_maxval": lambda: Elementwise(_normalize_channels_softmax_maxval),
}
"""From the word in the cfg to a new module."""


def activation(layer: Layer) -> nn.Module:
    """Return the module of the layer's activation; an unknown word gives what Darknet computes for it."""
    return ACTIVATIONS[activation_of(layer.section, layer.kind)]()
