"""The loop, on one screen: it calls things in order and yields what happened; who wants more takes what it yields."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim import Optimizer

from onelook.datasets.loader import Batch
from onelook.structures.errors import UserError
from onelook.training.optimizer import MovingAverage
from onelook.training.settings import TrainSettings

_MOST_SKIPPED = 10
"""Steps in a row whose gradient is not finite before the run ends."""


class DivergenceError(UserError):
    """The loss or the gradient is no longer a number; the last checkpoint is from before."""


@dataclass
class State:
    """What a run is at a moment; a checkpoint holds just this."""

    network: nn.Module
    average: MovingAverage
    optimizer: Optimizer
    step: int = 0
    """Steps done."""
    seconds: float = 0.0
    """Spent on training and evaluating, over all resumed parts."""
    best: float = -1.0
    """Highest score (AP of a detector) on the validation split so far."""


@dataclass(frozen=True)
class StepResult:
    """One step of the optimizer: its number from 1, the mean losses by name over its parts, the rate, the gradient's norm."""

    step: int
    losses: dict[str, float]
    rate: float
    gradient: float


def training_steps(
    state: State,
    batches: Iterator[Batch],
    settings: TrainSettings,
    rate_at: Callable[[int], float],
    device: torch.device,
) -> Iterator[StepResult]:
    """Train and yield after every step until `batches` ends; `state` is then as after that step.

    `rate_at` gives the learning rate of a step, counted from 0.

    Raises DivergenceError, before anything is changed by it, for a loss that is not finite.
    """
    parts = settings.subdivisions or 1
    skipped = 0
    while True:
        rate = rate_at(state.step)
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        sums: dict[str, float] = {}
        for part in range(parts):
            batch = next(batches, None)
            if batch is None:
                return
            _seed(settings.seed, state.step * parts + part)
            losses = state.network(batch.images.to(device), batch.targets.to(device))
            _check(losses, state.step, rate)
            (torch.stack(list(losses.values())).sum() / parts).backward()
            for name, loss in losses.items():
                sums[name] = sums.get(name, 0.0) + loss.item() / parts
        norm = torch.nn.utils.clip_grad_norm_(state.network.parameters(), settings.clip or 1e9).item()
        if norm < float("inf"):
            state.optimizer.step()
            state.average.follow(state.network, state.step)
            skipped = 0
        else:
            skipped += 1
        state.optimizer.zero_grad(set_to_none=True)
        if skipped > _MOST_SKIPPED:
            raise DivergenceError(_told("the gradient was not finite in ten steps in a row", state.step, rate))
        state.step += 1
        yield StepResult(state.step, sums, rate, norm)


def _seed(seed: int, number: int) -> None:
    """Let dropout depend on the micro-batch's number alone, so that a resumed run repeats it.

    Done after the batch is fetched: a loader that starts draws from the same generator.
    """
    torch.manual_seed(seed * 1_000_003 + number)


def _check(losses: dict[str, torch.Tensor], step: int, rate: float) -> None:
    if not torch.isfinite(torch.stack(list(losses.values()))).all():
        words = ", ".join(f"{name} {loss.item():g}" for name, loss in losses.items())
        raise DivergenceError(_told(f"the loss is not finite ({words})", step, rate))


def _told(what: str, step: int, rate: float) -> str:
    return f"step {step + 1}: {what} at learning rate {rate:g}; start again with --set learning_rate={rate / 10:.2g}"
