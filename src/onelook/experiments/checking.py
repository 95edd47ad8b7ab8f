"""A plan's runs looked at by the trainer itself before the first one begins: what it would refuse, and what it will take.

Both need torch and the data; `in_a_process` does them in a process that gives everything back when it ends, so that the grid's own
process stays small for hours.
"""

import dataclasses
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context
from pathlib import Path
from typing import TypeVar

from onelook.datasets.dataset import Dataset
from onelook.experiments.request import Request
from onelook.structures.errors import UserError
from onelook.structures.settings import spelled
from onelook.training.forecast.contradictions import contradictions
from onelook.training.forecast.forecast import Measured
from onelook.training.forecast.pace import StepPace
from onelook.training.forecast.probe import measure
from onelook.training.memory import keep_memory
from onelook.training.outset import checked, foreseen
from onelook.training.survival.interrupt import Stopped
from onelook.training.tasks.choosing import Choice, choose
from onelook.training.tasks.task import Task

Answer = TypeVar("Answer")

SECONDS = 20.0
"""For the measured steps of one kind of run; evaluations and files come on top."""

SAME_COST = (
    "epochs",
    "max_batches",
    "batch",
    "seed",
    "learning_rate",
    "momentum",
    "decay",
    "policy",
    "burn_in",
    "steps",
    "scales",
)
"""Settings that change how many images a run sees, or nothing of what one costs; runs that differ by others are measured apart."""


@dataclasses.dataclass(frozen=True)
class Checked:
    """What was found of a plan's runs: lines to tell, and the seconds that each run will take by its name."""

    told: tuple[str, ...]
    seconds: dict[str, float]


def in_a_process(act: Callable[..., Answer], *arguments: object) -> Answer:
    """Return what `act`, a function of a module, returns for the arguments, called in a new process. Raises what it raises."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(act, *arguments).result()
        except BrokenProcessPool:
            raise UserError("the process that looks at the plan was killed; memory may have run out") from None
        except Stopped:
            for child in active_children():
                child.terminate()
            raise


def check(requests: list[Request], where: str, forecast: bool) -> Checked:
    """Return what is to be told of the runs, and, with `forecast`, what each takes, measured once for each kind of run.

    Raises UserError, naming the run, for everything that the trainer would refuse, and for a batch larger than the data set.
    """
    keep_memory()
    told: dict[str, None] = {}
    seconds: dict[str, float] = {}
    datasets: dict[tuple[str, str], Dataset] = {}
    measured: dict[str, tuple[Measured, int]] = {}
    for request in _by_cost(requests):
        choice, dataset = _prepared(request, datasets, where)
        task = _task(choice, dataset, request, where)
        for line in _contradictions(choice, task, request, where):
            told[line] = None
        if forecast:
            kind = _kind(request)
            if kind not in measured:
                measured[kind] = _measured(task), task.settings.batch or 1
            seconds[request.name] = foreseen(task, _for_batch(*measured[kind], task.settings.batch or 1)).seconds
    return Checked(tuple(told), seconds)


def _by_cost(requests: Iterable[Request]) -> list[Request]:
    """Return the runs, of each kind those with the smallest batch first: what is measured is then quickest."""
    return sorted(requests, key=lambda request: (_kind(request), request.settings.get("batch") or 8))


def _kind(request: Request) -> str:
    """Return what runs have in common whose images cost the same."""
    settings = {key: spelled(value) for key, value in sorted(request.settings.items()) if key not in SAME_COST}
    return f"{request.network} {request.data} {settings}"


def _prepared(request: Request, datasets: dict[tuple[str, str], Dataset], where: str) -> tuple[Choice, Dataset]:
    """Return what the trainer makes of a run's network, settings and data; a data set is read once for each size of input."""
    with _named(where, f"networks.{request.network.name}"):
        choice = choose(request.network.network, request.settings, f"{where}: {request.name}")
    if request.network.weights is not None and not request.network.weights.exists():
        raise UserError(
            f"{where}: networks.{request.network.name}: expected weights at {request.network.weights}, got none"
        )
    key = str(request.data), str((choice.size, choice.stride))
    if key not in datasets:
        with _named(where, f"data.{request.data.name}"):
            datasets[key] = checked(choice, request.data.path, request.data.format, _silent)
    return choice, datasets[key]


def _task(choice: Choice, dataset: Dataset, request: Request, where: str) -> Task:
    with _named(where, request.name):
        return choice.build(dataset, request.network.weights, choice.settings)


@contextmanager
def _named(plan: str, part: str) -> Iterator[None]:
    """Let a mistake that the block finds say in which part of the plan it is, where it does not yet."""
    try:
        yield
    except UserError as error:
        told = str(error)
        if not told.startswith(plan):
            told = f"{plan}: {part}: {told.removeprefix('--')}"  # a plan has no options
        raise UserError(told) from None


def _contradictions(choice: Choice, task: Task, request: Request, where: str) -> list[str]:
    """Return the lines of what cannot be meant. Raises UserError for a batch larger than the data set."""
    batch, images = task.settings.batch or 1, len(task.train)
    if batch > images:
        raise UserError(
            f"{where}: {request.name}: batch={batch}: expected at most the {images} training images of {request.data.path}; "
            "take it off the axis, or exclude it"
        )
    found = contradictions(choice.settings, task.settings, choice.net, images, task.sgd_rate)
    return [f"{request.name}: {line}" for line in found]


def _measured(task: Task) -> Measured:
    """Return what a few steps, evaluations and files of a run take; getting ready is counted as STARTING."""
    with tempfile.TemporaryDirectory(prefix="onelook-forecast-") as folder:
        return measure(task, Path(folder), time.time() - STARTING, _silent, SECONDS)


STARTING = 8.0
"""Seconds that a process needs until it has loaded torch, and read its data and network: measured on two cores."""


def _for_batch(measured: Measured, batch: int, wanted: int) -> Measured:
    """Return what steps of another batch take: an image costs the same."""
    share = wanted / batch
    steps = ((load, StepPace(pace.step, pace.seconds * share, pace.waited * share)) for load, pace in measured.steps)
    return dataclasses.replace(measured, steps=tuple(steps))


def _silent(_: str) -> None:
    """Say nothing: what the trainer tells of one run, it tells in that run's log."""
