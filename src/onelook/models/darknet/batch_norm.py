"""Batch normalisation while training, with the arithmetic of Darknet's CPU code.

It divides by the root of the unbiased variance, and its gradient takes N - 1 for N in the variance's term and adds epsilon to
the root instead of the variance in the first, so neither is what torch computes. Darknet on a GPU leaves both to cuDNN, whose
arithmetic is torch's; this is for comparing runs on a CPU.
"""

from typing import Any

import torch
from torch import Tensor, nn


class DarknetBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Stands in for torch's batch normalisation of (n, c) or (n, c, h, w), with the same weights under the same names."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape; in training the running statistics follow by `momentum`."""
        assert self.running_mean is not None and self.running_var is not None and self.momentum is not None
        shape = [1, -1] + [1] * (x.ndim - 2)
        if not self.training:
            spread = (self.running_var + self.eps).rsqrt() * self.weight
            return (x - self.running_mean.view(shape)) * spread.view(shape) + self.bias.view(shape)
        others = [axis for axis in range(x.ndim) if axis != 1]
        with torch.no_grad():
            self.running_mean.lerp_(x.mean(others), self.momentum)
            self.running_var.lerp_(_variance(x, others), self.momentum)
        normal = torch.as_tensor(_Normalise.apply(x, self.eps))  # type: ignore[no-untyped-call]  # torch's stub
        return normal * self.weight.view(shape) + self.bias.view(shape)

    def _check_input_dim(self, _: Tensor) -> None:
        """Every number of dimensions is taken."""


class _Normalise(torch.autograd.Function):
    """(x - mean) / sqrt(variance + eps) channel by channel, and what Darknet takes for its gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, eps: float) -> Tensor:
        others = [axis for axis in range(x.ndim) if axis != 1]
        apart = x - x.mean(others, keepdim=True)
        variance = _variance(x, others, keepdim=True)
        spread = (variance + eps).rsqrt()
        ctx.save_for_backward(apart, spread, 1 / (variance.sqrt() + eps))
        return apart * spread

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        apart, spread, own_spread = ctx.saved_tensors
        slope = slopes[0]
        others = [axis for axis in range(slope.ndim) if axis != 1]
        count = slope.numel() / slope.shape[1]
        by_mean = -(slope * spread).sum(others, keepdim=True)
        by_variance = -0.5 * (slope * apart).sum(others, keepdim=True) * spread**3
        return slope * own_spread + by_variance * 2 * apart / count + by_mean / count, None


def _variance(x: Tensor, others: list[int], keepdim: bool = False) -> Tensor:
    """Return the unbiased variance; of one number it is 0, where Darknet divides by 0."""
    spread = x.var(others, correction=0, keepdim=keepdim)
    count = x.numel() // x.shape[1]
    return spread * (count / max(1, count - 1))


def use_darknet_batch_norm(network: nn.Module) -> None:
    """Put DarknetBatchNorm in the place of every batch normalisation of the network, with its weights and statistics.

    Of a batch, Darknet's CPU code takes a tenth into the running statistics, in [connected] a twentieth.
    """
    for module in list(network.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d):
                part = 0.05 if isinstance(child, nn.BatchNorm1d) else 0.1
                made = DarknetBatchNorm(child.num_features, child.eps, part)
                made.load_state_dict(child.state_dict())
                setattr(module, name, made.to(child.weight.device).train(child.training))
