"""The squeeze-and-excitation block: what an image holds as a whole decides how much each channel counts.

Source: Hu et al., arXiv 1709.01507.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

REDUCTION = 16
"""By which the block narrows the channels in between, as published."""


class SqueezeExcite(nn.Module):
    """Channels scaled by factors in 0..1 that two 1x1 convolutions draw from their means."""

    def __init__(self, channels: int, reduction: int = REDUCTION) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, max(1, channels // reduction), 1)
        self.fc2 = nn.Conv2d(max(1, channels // reduction), channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, c, h, w)."""
        weights = functional.adaptive_avg_pool2d(x, 1)  # (n, c, 1, 1)
        weights = functional.relu(self.fc1(weights))  # (n, c / 16, 1, 1)
        return x * torch.sigmoid(self.fc2(weights))
