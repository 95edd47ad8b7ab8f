"""Darknet's activation names and what they compute."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional


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


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "linear": nn.Identity,
    "leaky": lambda: nn.LeakyReLU(0.1, inplace=True),
    "relu": lambda: nn.ReLU(inplace=True),
    "relu6": lambda: nn.ReLU6(inplace=True),
    "mish": lambda: nn.Mish(inplace=True),
    "swish": lambda: Elementwise(_swish),
    "logistic": lambda: Elementwise(torch.sigmoid),
    "tanh": lambda: Elementwise(torch.tanh),
}
"""From the word in the cfg to a new module."""
