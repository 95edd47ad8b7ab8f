"""What changes from step to step: the learning rate, the input's size, whether mosaics are made."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from onelook.datasets.loader import BatchPlan
from onelook.structures.network.cfg import Section
from onelook.training.recipe.darknet_rates import read_rates
from onelook.training.recipe.plateau import plateau_factor
from onelook.training.settings import TrainSettings

_SAME_SIZE_FOR = 10
"""Steps between changes of the input's size, as in Darknet."""

_GROWN = 2 / 3
"""Part of the run after which an input that grows has its whole size."""

_LOWEST = 0.01
"""Part of the highest rate at which a cosine ends."""


def make_rate(settings: TrainSettings, net: Section, scores: Callable[[], Sequence[float]]) -> Callable[[int], float]:
    """Return the rate as a function of the step, counted from 0: the darknet recipe's is what the run's [net] says.

    `scores` gives those of the evaluations so far, which the policy `plateau` goes by.
    """
    if settings.recipe == "darknet":
        rates = read_rates(net)
        return lambda step: rates.at(step + 1)
    if settings.policy == "plateau":
        patience, factor = settings.plateau_patience, settings.plateau_factor
        return lambda step: learning_rate(settings, step) * plateau_factor(scores(), patience, factor)
    return partial(learning_rate, settings)


def learning_rate(settings: TrainSettings, step: int) -> float:
    """Return the rate of a step, counted from 0. `settings` must be resolved."""
    assert settings.learning_rate is not None and settings.burn_in is not None and settings.max_batches is not None
    if step < settings.burn_in:
        return settings.learning_rate * (step + 1) / settings.burn_in
    if settings.policy == "cosine":
        done = (step - settings.burn_in) / max(1, settings.max_batches - settings.burn_in)
        return settings.learning_rate * (_LOWEST + (1 - _LOWEST) * (1 + math.cos(math.pi * min(1, done))) / 2)
    factor = 1.0
    if settings.policy == "steps":
        for at, scale in zip(settings.steps or (), settings.scales or (), strict=True):
            factor *= scale if step >= at else 1
    return settings.learning_rate * factor


@dataclass(frozen=True)
class Plan:
    """Tells the loader, by the number of a micro-batch, its size and whether it has mosaics; sent to its workers."""

    size: tuple[int, int]
    stride: int
    random: float
    seed: int
    subdivisions: int
    steps: int
    close_mosaic: float
    grow: float = 1.0

    def __call__(self, number: int) -> BatchPlan:
        """Return what micro-batch `number` is like."""
        step = number // self.subdivisions
        return BatchPlan(self._size(step), step < self.steps * (1 - self.close_mosaic))

    def _size(self, step: int) -> tuple[int, int]:
        """Return the step's (width, height), multiples of the stride; the last steps have the true size."""
        turn = step // _SAME_SIZE_FOR
        if self.random == self.grow == 1 or (turn + 1) * _SAME_SIZE_FOR >= self.steps:
            return self.size
        low, high = 1 / self.random, self.random
        factor = float(np.random.default_rng((self.seed, turn)).uniform(low, high))
        factor *= self.grow + (1 - self.grow) * min(1.0, turn * _SAME_SIZE_FOR / (_GROWN * self.steps))
        width, height = (max(1, round(side * factor / self.stride)) * self.stride for side in self.size)
        return width, height


def evaluates_after(step: int, total: int, every: int) -> bool:
    """Return whether a step, counted from 1, is followed by an evaluation; the last is, in the place of one just before it."""
    left = total - step
    return left == 0 or (step % every == 0 and left >= every / 2)


def make_plan(settings: TrainSettings, stride: int, parts: int) -> Plan:
    """Return the plan of a run whose network halves its input down to `stride`, and whose batches are cut into `parts`."""
    assert settings.width and settings.height and settings.max_batches
    return Plan(
        (settings.width, settings.height),
        stride,
        settings.random,
        settings.seed,
        parts,
        settings.max_batches,
        settings.close_mosaic,
        settings.grow,
    )
