"""After a bad step: which pictures, which layer and which loss it was. Costs a pass, and is asked only when something is wrong."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from onelook.datasets.loader import Batch
from onelook.training.guard.gradients import layer_label


@dataclass(frozen=True)
class Blame:
    """`photographs` by number in the training split; `certain` when it is they and not the weights; `why` in words."""

    photographs: tuple[int, ...]
    certain: bool = False
    layer: str | None = None
    why: str = ""


def find_blame(
    network: nn.Module,
    group: Sequence[Batch],
    losses: Sequence[Mapping[str, float]],
    seeds: Sequence[int],
    device: torch.device,
) -> Blame:
    """Return who is to blame for a step whose micro-batches in `group` had `losses`; running statistics are disturbed.

    Without a loss that is no number it is the micro-batch with the highest loss, and nothing is certain.
    """
    sums = [sum(part.values()) for part in losses]
    bad = next((index for index, value in enumerate(sums) if not math.isfinite(value)), None)
    if bad is None:
        return Blame(_photographs(group[sums.index(max(sums))]))
    batch = group[bad]
    rows, why = _bad_input(batch)
    if rows:
        return Blame(_photographs(batch, rows), certain=True, why=why)
    torch.manual_seed(seeds[bad])
    layer, rows = _first_bad_layer(network, batch, device)
    if layer is not None:
        # All of a batch at once is the weights' fault, or batch normalisation's, and no picture's.
        some = 0 < len(rows) < len(batch.images)
        return Blame(_photographs(batch, rows if some else None), layer=layer, why=f"first in layer {layer}")
    rows = [row for row in range(len(batch.images)) if not _is_finite_alone(network, batch, row, device)]
    return Blame(_photographs(batch, rows or None), why="every layer's output is finite; the loss is not")


def worst(blames: Sequence[Blame]) -> Blame:
    """Return, of those that several ranks found, the one that knows most."""
    return max(blames, key=lambda blame: (blame.certain, blame.layer is not None, bool(blame.why)))


def _photographs(batch: Batch, rows: Sequence[int] | None = None) -> tuple[int, ...]:
    """Return the photographs that rows of a batch, by default all, were made of."""
    sources = batch.sources or tuple((index,) for index in batch.indices.tolist())
    wanted = range(len(sources)) if rows is None else rows
    return tuple(dict.fromkeys(photograph for row in wanted for photograph in sources[row]))


def _bad_input(batch: Batch) -> tuple[list[int], str]:
    """Return the rows of a batch whose picture or boxes hold what cannot be, and what that is."""
    if batch.images.is_floating_point():
        finite = torch.isfinite(batch.images.flatten(1)).all(1)
        if not finite.all():
            return [
                row for row, fine in enumerate(finite.tolist()) if not fine
            ], "the picture holds values that are no numbers"
    if batch.targets.ndim != 2 or batch.targets.shape[1] != 6:
        return [], ""
    sides = batch.targets[:, 4:6] - batch.targets[:, 2:4]
    wrong = ~torch.isfinite(batch.targets).all(1) | (sides <= 0).any(1)
    rows = sorted({int(row) for row in batch.targets[wrong, 0].tolist() if math.isfinite(row)})
    return rows, "a box without area, or not of numbers"


@torch.no_grad()
def _first_bad_layer(network: nn.Module, batch: Batch, device: torch.device) -> tuple[str | None, list[int]]:
    """Return the first layer whose output is not finite, and the rows of the batch in which it is not; None when all are."""
    found: list[tuple[str, list[int]]] = []
    handles = [
        module.register_forward_hook(_looker(layer_label(network, f"{name}.x"), found))
        for name, module in network.named_modules()
        if not list(module.children())
    ]
    try:
        network(batch.images.to(device), batch.targets.to(device))
    finally:
        for handle in handles:
            handle.remove()
    return found[0] if found else (None, [])


def _looker(label: str, found: list[tuple[str, list[int]]]) -> Callable[[nn.Module, object, object], None]:
    def look(_module: nn.Module, _inputs: object, output: object) -> None:
        if not found and isinstance(output, Tensor) and output.is_floating_point():
            finite = torch.isfinite(output.flatten(1) if output.ndim > 1 else output[:, None]).all(1)
            if not finite.all():
                found.append((label, [row for row, fine in enumerate(finite.tolist()) if not fine]))

    return look


@torch.no_grad()
def _is_finite_alone(network: nn.Module, batch: Batch, row: int, device: torch.device) -> bool:
    """Return whether one picture of a batch by itself has finite losses."""
    targets = batch.targets
    if targets.ndim == 2 and targets.shape[1] == 6:
        targets = targets[targets[:, 0] == row].clone()
        targets[:, 0] = 0
    else:
        targets = targets[row : row + 1]
    losses = network(batch.images[row : row + 1].to(device), targets.to(device))
    return bool(torch.isfinite(torch.stack(list(losses.values()))).all())
