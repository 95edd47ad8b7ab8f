"""What the guard looks at in a network: the gradient's norm of every layer, and the running statistics that a bad step spoils."""

import math

import torch
from torch import Tensor, nn

from onelook.structures.network.layers import Layer


class Gradients:
    """The parameters that are trained, and which layer each belongs to."""

    def __init__(self, network: nn.Module) -> None:
        named = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
        labels = [layer_label(network, name) for name, _ in named]
        self.parameters = [weight for _, weight in named]
        self.layers = list(dict.fromkeys(labels))
        """The layers' names in the order of the network."""
        self._layer_of = [self.layers.index(label) for label in labels]

    def present(self) -> list[Tensor]:
        """Return the gradients of all parameters that have one."""
        return [weight.grad for weight in self.parameters if weight.grad is not None]

    def norms(self) -> Tensor:
        """Return the norm of every parameter's gradient, (parameters,), 0 where there is none; nothing is waited for."""
        grads = self.present()
        norms = torch.stack(torch._foreach_norm(grads)) if grads else torch.zeros(0)
        if len(grads) == len(self.parameters):
            return norms
        all_norms = torch.zeros(len(self.parameters), device=norms.device)
        all_norms[[weight.grad is not None for weight in self.parameters]] = norms.float()
        return all_norms

    def by_layer(self, norms: list[float]) -> list[float]:
        """Return the norm of every layer's gradient from those of the parameters."""
        squares = [0.0] * len(self.layers)
        for layer, norm in zip(self._layer_of, norms, strict=True):
            squares[layer] += norm * norm
        return [math.sqrt(square) for square in squares]


class RunningStatistics:
    """A copy of a network's buffers, so that a step that is not taken leaves batch normalisation as it was."""

    def __init__(self, network: nn.Module) -> None:
        named = dict(network.named_buffers())
        self._live = list(named.values())
        self._kept = [buffer.clone() for buffer in self._live]
        self._momentum = [_momentum_of(network, name) for name in named]

    @torch.no_grad()
    def keep(self) -> None:
        """Take note of what they are now."""
        if self._live:
            torch._foreach_copy_(self._kept, self._live)

    @torch.no_grad()
    def shares(self, updates: int, rank: int, ranks: int) -> list[Tensor]:
        """Return what `together` must be given the mean of: what this rank's `updates` since `keep` add to the statistics.

        One rank after another, each would leave a part of what was before and add its own; so an earlier rank's counts less.
        """
        left = [(1 - momentum) ** updates for momentum in self._momentum]
        each = zip(self._live, self._kept, left, strict=True)
        return [(live - part * kept) * (ranks * part ** (ranks - 1 - rank)) for live, kept, part in each if part < 1]

    @torch.no_grad()
    def together(self, means: list[Tensor], updates: int, ranks: int) -> None:
        """Put in place the statistics after the updates of all ranks in turn, given the means of their `shares`."""
        left = iter(means)
        for live, kept, momentum in zip(self._live, self._kept, self._momentum, strict=True):
            if momentum > 0:
                live.copy_(kept * (1 - momentum) ** (updates * ranks) + next(left))

    @torch.no_grad()
    def restore(self) -> None:
        """Put back what was kept."""
        if self._live:
            torch._foreach_copy_(self._live, self._kept)


def _momentum_of(network: nn.Module, name: str) -> float:
    """Return the share of a batch in a buffer, 0 for one that is no running statistic or is frozen."""
    path, _, kind = name.rpartition(".")
    module = network.get_submodule(path)
    moves = kind in ("running_mean", "running_var") and module.training
    return float(getattr(module, "momentum", None) or 0.0) if moves else 0.0


def layer_label(network: nn.Module, name: str) -> str:
    """Return what to call the layer of a parameter or module: `12 convolutional` in a cfg's network, else the module's path."""
    parts = name.split(".")
    layers: list[Layer] | None = getattr(network, "layers", None)
    if parts[0] == "sections" and len(parts) > 1 and isinstance(layers, list | tuple):
        return f"{parts[1]} {layers[int(parts[1])].kind}"
    return ".".join(parts[:-1]) or name


def all_finite(*networks: nn.Module) -> bool:
    """Return whether every weight and running statistic is a finite number."""
    floats = [tensor for each in networks for tensor in each.state_dict().values() if tensor.is_floating_point()]
    if not floats:
        return True
    largest = torch._foreach_norm(floats, math.inf)
    return bool(torch.isfinite(torch.stack([value.float() for value in largest])).all())
