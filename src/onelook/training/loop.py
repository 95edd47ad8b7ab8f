"""The loop, on one screen: it calls things in order and yields what happened; who wants more takes what it yields."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from onelook.datasets.loader import Batch
from onelook.structures.errors import UserError
from onelook.training.guard.blame import Blame, find_blame
from onelook.training.guard.gradients import Gradients, RunningStatistics
from onelook.training.guard.guard import Guard, Verdict
from onelook.training.guard.standstill import look_into
from onelook.training.guard.symptoms import StepFacts
from onelook.training.recipe.optimizer import MovingAverage, set_rate
from onelook.training.settings import TrainSettings


class DivergenceError(UserError):
    """The guard ended the run: what is wrong with it does not pass; the last checkpoint is from before. `cause` is a word."""

    def __init__(self, message: str, cause: str) -> None:
        super().__init__(message)
        self.cause = cause


class OutOfMemoryError(UserError):
    """A step did not fit into memory; nothing was changed by it."""


@dataclass
class State:
    """What a run is at a moment; a checkpoint holds just this."""

    network: nn.Module
    average: MovingAverage
    optimizer: Optimizer
    guard: Guard
    step: int = 0
    """Steps done."""
    seconds: float = 0.0
    """Spent on training and evaluating, over all resumed parts."""
    scores: list[float] = field(default_factory=list)
    """Of every evaluation so far; a lower rate and an early end follow from them."""
    best: float = -1.0
    """Highest score (AP of a detector) on the validation split so far."""
    evaluates: bool = False
    """Whether the evaluation after `step` is still to be made: a signal came while it was."""


@dataclass(frozen=True)
class StepResult:
    """One step of the optimizer: its number from 1, the mean losses by name over its parts, the rate, the gradient's norm.

    `layers` are the norms by layer; `verdict` says whether the step was taken; of one that was not, `blame` says why not.
    """

    step: int
    losses: dict[str, float]
    rate: float
    gradient: float
    layers: Sequence[float]
    verdict: Verdict
    blame: Blame | None = None


def training_steps(
    state: State,
    batches: Iterator[Batch],
    settings: TrainSettings,
    rate_at: Callable[[int], float],
    device: torch.device,
) -> Iterator[StepResult]:
    """Train and yield after every step until `batches` ends; `state` is then as after that step.

    `rate_at` gives the learning rate of a step, counted from 0. A step that the guard refuses changes nothing but the
    step's number. Raises OutOfMemoryError, with the state as before the step, for one that does not fit into memory.
    """
    policy, gradients = state.guard.policy, Gradients(state.network)
    parts = policy.parts or settings.subdivisions or 1
    statistics, bound = RunningStatistics(state.network), min(settings.clip or 1e9, policy.clip)
    while len(group := list(islice(batches, parts))) == parts:
        rate = rate_at(state.step) * policy.rate
        set_rate(state.optimizer, rate)
        statistics.keep()
        seeds = [settings.seed * 1_000_003 + state.step * parts + part for part in range(parts)]
        try:
            losses = _run_parts(state.network, group, seeds, device)
        except (MemoryError, RuntimeError) as error:
            statistics.restore()
            state.optimizer.zero_grad(set_to_none=True)
            raise as_out_of_memory(error) from error
        facts, by_part, total = _measure(state.step + 1, rate, losses, gradients, group)
        verdict, blame = state.guard.judge(facts), None
        if verdict.taken:
            torch.nn.utils.clip_grads_with_norm_(gradients.parameters, bound, total)
            state.optimizer.step()
            state.average.follow(state.network, state.step)
            verdict = look_into(state.guard, verdict, facts, state.network, group[0], settings)
        else:
            blame = find_blame(state.network, group, by_part, seeds, device)
            statistics.restore()
        state.optimizer.zero_grad(set_to_none=True)
        state.step += 1
        yield StepResult(state.step, dict(facts.losses), rate, facts.gradient, facts.layers, verdict, blame)


def _run_parts(
    network: nn.Module, group: Sequence[Batch], seeds: Sequence[int], device: torch.device
) -> dict[str, Tensor]:
    """Return the losses by name, each (parts,), leaving the gradient of their mean in the weights.

    Dropout depends on the micro-batch's number alone, so that a resumed run repeats it.
    """
    found: dict[str, list[Tensor]] = {}
    for seed, batch in zip(seeds, group, strict=True):
        torch.manual_seed(seed)
        losses = network(batch.images.to(device), batch.targets.to(device))
        (torch.stack(list(losses.values())).sum() / len(group)).backward()
        for name, loss in losses.items():
            found.setdefault(name, []).append(loss.detach())
    return {name: torch.stack(values) for name, values in found.items()}


def _measure(
    step: int, rate: float, losses: dict[str, Tensor], gradients: Gradients, group: Sequence[Batch]
) -> tuple[StepFacts, list[dict[str, float]], Tensor]:
    """Return the step's facts, the losses of every part and the gradient's norm; the device is waited for once."""
    norms = gradients.norms()
    total = torch.linalg.vector_norm(norms)
    table = torch.stack(list(losses.values()))  # (names, parts)
    values = torch.cat([table.flatten().float(), norms.float(), total[None].float()]).tolist()
    rows = [values[i * len(group) : (i + 1) * len(group)] for i in range(len(losses))]
    by_part = [dict(zip(losses, part, strict=True)) for part in zip(*rows, strict=True)]
    means = {name: sum(value / len(group) for value in row) for name, row in zip(losses, rows, strict=True)}
    layers = gradients.by_layer(values[table.numel() : -1])
    boxes = any(len(batch.targets) for batch in group)
    return StepFacts(step, rate, means, values[-1], layers, boxes), by_part, total


def as_out_of_memory(error: Exception) -> Exception:
    """Return the error, as an OutOfMemoryError when it says that there was not memory enough."""
    words = str(error).lower()
    short = isinstance(error, MemoryError | torch.OutOfMemoryError) or any(each in words for each in _NO_MEMORY)
    if not short:
        return error
    told = str(error).partition("\n")[0]
    return OutOfMemoryError(f"expected memory for a step, got none ({told}); take more subdivisions or a smaller width")


_NO_MEMORY = ("not enough memory", "out of memory", "can't allocate memory", "cannot allocate memory", "std::bad_alloc")
"""What torch, CUDA and the system say; bad_alloc comes from libraries in C++."""
