"""The optimizer of a network, and the moving average of its weights."""

import copy

import torch
from torch import Tensor, nn
from torch.optim import SGD, AdamW, Optimizer

from onelook.training.darknet_update import darknet_optimizer
from onelook.training.settings import TrainSettings


def make_optimizer(network: nn.Module, settings: TrainSettings) -> Optimizer:
    """Return the optimizer; only weights of convolutions and connections decay, not biases and normalisation."""
    assert settings.learning_rate is not None and settings.momentum is not None and settings.decay is not None
    if settings.recipe == "darknet" and settings.optimizer == "sgd":
        return darknet_optimizer(network, settings.learning_rate, settings.momentum, settings.decay)
    matrices = [weight for weight in network.parameters() if weight.ndim > 1]
    vectors = [weight for weight in network.parameters() if weight.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": settings.decay}, {"params": vectors, "weight_decay": 0.0}]
    if settings.optimizer == "sgd":
        return SGD(groups, settings.learning_rate, settings.momentum)
    return AdamW(groups, settings.learning_rate, (settings.momentum, 0.999))


class MovingAverage:
    """A copy of the network whose weights follow it slowly; with a share of 0 it equals it after every step."""

    def __init__(self, network: nn.Module, share: float) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self.share = share

    @torch.no_grad()
    def follow(self, network: nn.Module, step: int) -> None:
        """Move towards the network after step number `step`; early steps move faster, so that the start is forgotten."""
        share = min(self.share, (1 + step) / (10 + step))
        mine, theirs = _floats(self.network), _floats(network)
        torch._foreach_lerp_(mine, theirs, 1 - share)


def _floats(network: nn.Module) -> list[Tensor]:
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
