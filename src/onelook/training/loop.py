"""The loop, on one screen: it calls things in order and yields what happened; who wants more takes what it yields."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from onelook.datasets.loader import Batch, PictureError
from onelook.structures.errors import UserError
from onelook.training.guard.blame import Blame, find_blame, worst
from onelook.training.guard.gradients import Gradients, RunningStatistics
from onelook.training.guard.guard import Guard, Verdict
from onelook.training.guard.standstill import look_into
from onelook.training.guard.symptoms import StepFacts
from onelook.training.ranks import ALONE, Ranks
from onelook.training.recipe.optimizer import MovingAverage, set_rate
from onelook.training.recipe.precision import LossScale, autocast
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
    loss_scale: LossScale = field(default_factory=LossScale)
    """With float16: what the loss is multiplied by."""
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
    dtype: torch.dtype = torch.float32,
    ranks: Ranks = ALONE,
) -> Iterator[StepResult]:
    """Train and yield after every step until `batches` ends; `state` is then as after that step.

    `rate_at` gives the learning rate of a step, counted from 0; `batches` are this rank's micro-batches. A step that the
    guard refuses changes nothing but the step's number. Raises OutOfMemoryError or PictureError, on all ranks and with the
    state as before the step, when one of them lacks memory for it or cannot read a picture.
    """
    policy, gradients = state.guard.policy, Gradients(state.network)
    parts = policy.parts or settings.subdivisions or 1
    statistics, bound = RunningStatistics(state.network), min(settings.clip or 1e9, policy.clip)
    group: list[Batch] = []
    while True:
        statistics.keep()
        numbers = range(state.step * parts + ranks.rank, (state.step + 1) * parts, ranks.size)
        seeds = [settings.seed * 1_000_003 + number for number in numbers]
        losses: dict[str, Tensor] = {}
        with _agreed(state, statistics, ranks, device):
            group = group or list(islice(batches, len(seeds)))
            losses = _run_parts(state, group, seeds, device, dtype) if len(group) == len(seeds) else {}
        if not losses:
            return
        rate = rate_at(state.step) * policy.rate
        set_rate(state.optimizer, rate)
        facts, by_part, total = _measure(state, rate, losses, gradients, statistics, group, ranks)
        if dtype == torch.float16 and state.loss_scale.lowered(facts.gradient):
            _take_back(state, statistics)
            continue
        verdict, blame = state.guard.judge(facts), None
        if verdict.taken:
            torch.nn.utils.clip_grads_with_norm_(gradients.parameters, bound, total)
            state.optimizer.step()
            state.average.follow(state.network, state.step)
            verdict = look_into(state.guard, verdict, facts, state.network, group[0], settings, ranks)
        else:
            blame = worst(ranks.gather(find_blame(state.network, group, by_part, seeds, device)))
            statistics.restore()
        state.optimizer.zero_grad(set_to_none=True)
        state.step += 1
        group = []
        yield StepResult(state.step, dict(facts.losses), rate, facts.gradient, facts.layers, verdict, blame)


@contextmanager
def _agreed(state: State, statistics: RunningStatistics, ranks: Ranks, device: torch.device) -> Iterator[None]:
    """Let every rank raise what one of them meets inside the block and all can go on from: no memory, or no picture."""
    trouble: OutOfMemoryError | PictureError | None = None
    try:
        yield
    except PictureError as error:
        trouble = error
    except (MemoryError, RuntimeError) as error:
        _take_back(state, statistics)
        told = as_out_of_memory(error)
        if not isinstance(told, OutOfMemoryError):
            raise
        trouble = told
    if ranks.any(trouble is not None, device):
        _take_back(state, statistics)
        raise next(found for found in ranks.gather(trouble) if found is not None)


def _take_back(state: State, statistics: RunningStatistics) -> None:
    statistics.restore()
    state.optimizer.zero_grad(set_to_none=True)


def _run_parts(
    state: State, group: Sequence[Batch], seeds: Sequence[int], device: torch.device, dtype: torch.dtype
) -> dict[str, Tensor]:
    """Return the losses by name, each (parts,), leaving the gradient of their mean in the weights.

    Dropout depends on the micro-batch's number alone, so that a resumed run repeats it.
    """
    found: dict[str, list[Tensor]] = {}
    scale = state.loss_scale.factor if dtype == torch.float16 else 1.0
    for seed, batch in zip(seeds, group, strict=True):
        torch.manual_seed(seed)
        with autocast(dtype, device):
            losses = state.network(batch.images.to(device), batch.targets.to(device))
        (torch.stack(list(losses.values())).sum() / len(group) * scale).backward()
        for name, loss in losses.items():
            found.setdefault(name, []).append(loss.detach())
    if scale != 1:
        torch._foreach_mul_([each.grad for each in state.network.parameters() if each.grad is not None], 1 / scale)
    return {name: torch.stack(values) for name, values in found.items()}


def _measure(
    state: State,
    rate: float,
    losses: dict[str, Tensor],
    gradients: Gradients,
    statistics: RunningStatistics,
    group: Sequence[Batch],
    ranks: Ranks,
) -> tuple[StepFacts, list[dict[str, float]], Tensor]:
    """Return the step's facts, the losses of every part and the gradient's norm, after averaging over the ranks.

    The device is waited for once.
    """
    table = torch.stack(list(losses.values())).float()  # (names, parts)
    boxes = torch.full((1,), float(any(len(batch.targets) for batch in group)), device=table.device)
    means = torch.cat([table.mean(1), boxes])
    if ranks.size > 1:
        shares = statistics.shares(len(group), ranks.rank, ranks.size)
        ranks.average([*gradients.present(), *shares, means])
        statistics.together(shares, len(group), ranks.size)
    norms = gradients.norms().float()
    total = torch.linalg.vector_norm(norms)
    values = torch.cat([table.flatten(), norms, means, total[None]]).tolist()
    rows = [values[i * len(group) : (i + 1) * len(group)] for i in range(len(losses))]
    by_part = [dict(zip(losses, part, strict=True)) for part in zip(*rows, strict=True)]
    *averages, shown, norm = values[-len(losses) - 2 :]
    layers = gradients.by_layer(values[table.numel() : -len(losses) - 2])
    if ranks.size == 1:
        averages = [sum(value / len(group) for value in row) for row in rows]
    by_name = dict(zip(losses, averages, strict=True))
    return StepFacts(state.step + 1, rate, by_name, norm, layers, shown > 0), by_part, total


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
