"""A learning rate of its own for every layer, as a factor on the schedule's; and what of a network decays."""

from collections.abc import Mapping, Set
from typing import Any

from torch import nn

from onelook.models.stages import Stages, place_of, stages
from onelook.structures.errors import UserError

SCALE = "scale"
"""The key of an optimizer's group under which its factor on the schedule's rate stands."""


def rate_scales(network: nn.Module, ranges: tuple[str, ...], decay: float) -> dict[int, float]:
    """Return the factor of every parameter by its id(): `decay` to the power of the layers after it, times its ranges' factors.

    Layers without weights do not count. A range is `FIRST..LAST:FACTOR`; either end, or `..LAST`, may be left out. Raises
    UserError for one that is written otherwise, or names a layer that is not there.
    """
    every = stages(network)
    weighted = [stage for _, stage in every if list(stage.parameters())]
    scales: dict[int, float] = {}
    for after, stage in enumerate(reversed(weighted)):
        for weight in stage.parameters():
            scales.setdefault(id(weight), decay**after)
    for text in ranges:
        first, last, factor = _read_range(every, text)
        for _, stage in every[first : last + 1]:
            for weight in stage.parameters():
                scales[id(weight)] *= factor
    return scales


def _read_range(every: Stages, text: str) -> tuple[int, int, float]:
    """Return the places of the first and the last stage, and the factor."""
    between, colon, number = text.rpartition(":")
    first, dots, last = between.partition("..")
    try:
        factor = float(number)
    except ValueError:
        factor = -1.0
    if not colon or not 0 <= factor <= 1000:
        raise UserError(f"layer_rates: expected FIRST..LAST:FACTOR with a factor from 0 to 1000, got {text!r}")
    start = place_of(every, first.strip(), "layer_rates") if first.strip() else 0
    end = start if not dots else place_of(every, last.strip(), "layer_rates") if last.strip() else len(every) - 1
    if end < start:
        raise UserError(f"layer_rates: expected the first layer before the last, got {text!r}")
    return start, end, factor


def parameter_groups(
    network: nn.Module, decaying: Set[int], decay: float, scales: Mapping[int, float]
) -> list[dict[str, Any]]:
    """Return an optimizer's groups: the parameters whose id() is in `decaying` decay, and each group has its SCALE."""
    groups: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for decays in (True, False):
        for weight in network.parameters():
            if (id(weight) in decaying) == decays:
                groups.setdefault((decays, scales.get(id(weight), 1.0)), []).append(weight)
    return [
        {"params": weights, "weight_decay": decay if decays else 0.0, SCALE: scale}
        for (decays, scale), weights in groups.items()
    ]
