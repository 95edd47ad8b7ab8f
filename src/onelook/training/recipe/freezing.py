"""Layers that keep their weights while the others are trained."""

from torch import nn

from onelook.models.stages import BODY, Stages, body, place_of, stages
from onelook.structures.errors import UserError


def freeze(network: nn.Module, wanted: str | None) -> str | None:
    """Let no step change the first layers: how many, the last one's name, or `body`; return one line on it, None without.

    Their batch normalisation keeps its running statistics, and uses them, once `begin_training` was called. Raises UserError for
    a layer that is not there, and where nothing would be left to train.
    """
    if wanted is None or wanted == "0":
        return None
    frozen = _chosen(network, wanted)
    for _, stage in frozen:
        stage.requires_grad_(False)
    left = sum(weight.numel() for weight in network.parameters() if weight.requires_grad)
    if not left:
        raise UserError(f"freeze={wanted}: expected a layer left to train, got all of them frozen")
    whole = sum(weight.numel() for weight in network.parameters())
    return f"frozen: {len(frozen)} of {len(stages(network))} layers; {left:,} of {whole:,} numbers are trained"


def _chosen(network: nn.Module, wanted: str) -> Stages:
    if wanted == BODY:
        return body(network)
    every = stages(network)
    if wanted.isdigit():
        if int(wanted) > len(every):
            raise UserError(f"freeze={wanted}: expected at most {len(every)}, the network's layers")
        return every[: int(wanted)]
    return every[: place_of(every, wanted, "freeze") + 1]


def begin_training(network: nn.Module) -> None:
    """Set the network to training, all but what is frozen: normalisation there goes on with the statistics it has."""
    network.train()
    for module in network.modules():
        weights = list(module.parameters())
        if weights and not any(weight.requires_grad for weight in weights):
            module.eval()
