"""The optimizer of a network, and the moving average of its weights."""

import copy

import torch
from torch import Tensor, nn
from torch.optim import ASGD, SGD, AdamW, Optimizer

from onelook.training.recipe.darknet_update import weights_in_files
from onelook.training.recipe.layer_rates import SCALE, parameter_groups, rate_scales
from onelook.training.settings import TrainSettings


def make_optimizer(network: nn.Module, settings: TrainSettings) -> Optimizer:
    """Return the optimizer; only weights of convolutions and connections decay, not biases and normalisation.

    Raises UserError for `layer_rates` that speak of layers which are not there.
    """
    assert settings.learning_rate is not None and settings.momentum is not None and settings.decay is not None
    darknet = settings.recipe == "darknet" and settings.optimizer == "sgd"
    decaying = weights_in_files(network) if darknet else {id(each) for each in network.parameters() if each.ndim > 1}
    scales = rate_scales(network, settings.layer_rates, settings.rate_decay)
    groups = parameter_groups(network, decaying, settings.decay, scales)
    if settings.optimizer == "sgd":
        return SGD(groups, settings.learning_rate, settings.momentum)
    if settings.optimizer == "asgd":
        return ASGD(groups, settings.learning_rate)
    return AdamW(groups, settings.learning_rate, (settings.momentum, 0.999))


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Let the next step be taken with `rate`, times each layer's own factor."""
    for group in optimizer.param_groups:
        group["lr"] = rate * group.get(SCALE, 1.0)


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
