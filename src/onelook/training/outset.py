"""From what the user said to a task that can begin: contradictions named, the batch cut to fit memory, the schedule to a budget."""

import dataclasses
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from onelook.datasets.checks.before_training import read_checked
from onelook.datasets.dataset import Dataset
from onelook.training.forecast.budget import MARGIN, fitting_steps, shortened
from onelook.training.forecast.contradictions import contradictions
from onelook.training.forecast.forecast import Forecast, Measured, forecast
from onelook.training.forecast.micro_batch import fitting_subdivisions, refuse_lone_numbers
from onelook.training.forecast.probe import measure
from onelook.training.forecast.workload import workload
from onelook.training.ranks import ALONE, Ranks
from onelook.training.report.chart import duration
from onelook.training.session import CHART_EVERY, SAVE_EVERY
from onelook.training.settings import TrainSettings
from onelook.training.tasks.choosing import Choice
from onelook.training.tasks.task import Say, Task


def checked(choice: Choice, data: Path, format: str | None, say: Say) -> Dataset:
    """Return the data set, read and checked as it has to be before the chosen network is trained on it."""
    return read_checked(data, format, say, choice.size, choice.stride)


@dataclass(frozen=True)
class Outset:
    """A task that can begin, the contradictions in what was asked for, and what was measured where it had to be."""

    task: Task
    contradictions: tuple[str, ...]
    measured: Measured | None


def set_out(
    choice: Choice,
    dataset: Dataset,
    weights: Path | None,
    say: Say,
    began: float,
    budget: float | None = None,
    measuring: bool = False,
    ranks: Ranks = ALONE,
) -> Outset:
    """Return the task of training on `dataset` within `budget` seconds from `began` (time.time), telling every decision.

    Of several `ranks` the first decides, and all get the same settings. A task whose steps had to be measured, for a budget or
    because of `measuring`, is built anew behind that. Raises UserError for what its `build` refuses, and for a budget in which
    nothing fits.
    """

    def build(settings: TrainSettings) -> Task:
        return choice.build(dataset, weights, settings)

    chosen = choice.settings
    task = build(chosen)
    found = tuple(contradictions(chosen, task.settings, choice.net, len(task.train), task.sgd_rate))
    parts, line = ranks.of_first(fitting_subdivisions(task, ranks=ranks))
    refuse_lone_numbers(task, parts)
    if line:
        chosen = dataclasses.replace(chosen, subdivisions=parts)
        task = build(chosen)
    for told in (*task.told, *([line] if line else []), *(f"contradiction: {each}" for each in found)):
        say(told)
    measured = None
    if budget is not None or measuring:
        measured = _measured(task, began, budget, say, ranks)
        if budget is not None:
            left = budget - (0 if measuring else time.time() - began - measured.ready)
            chosen = ranks.of_first(_fitted(task, chosen, measured, ranks.of_first(left), say))
        task = build(chosen)
    return Outset(task, found, measured)


def _measured(task: Task, began: float, budget: float | None, say: Say, ranks: Ranks) -> Measured:
    """Return what a few steps and files take; at most a tenth of the budget is spent on the steps."""
    with tempfile.TemporaryDirectory(prefix="onelook-forecast-") as folder:
        return measure(task, Path(folder), began, say, budget / 10 if budget else None, ranks)


def _fitted(task: Task, chosen: TrainSettings, measured: Measured, budget: float, say: Say) -> TrainSettings:
    """Return the settings of a run that takes at most `budget` seconds, its time to get ready counted in."""
    total = task.settings.max_batches or 1
    steps = fitting_steps(_seconds_of(task, chosen, measured), total, budget * (1 - MARGIN))
    if steps == total:
        say(f"time budget: the whole run of {total} steps fits")
        return chosen
    say(f"time budget: max_batches {total} -> {steps}, so that the run takes about {duration(budget)} from its start")
    return shortened(chosen, total, steps)


def _seconds_of(task: Task, chosen: TrainSettings, measured: Measured) -> Callable[[int], float]:
    images, batch = len(task.train), task.settings.batch or 1

    def seconds(steps: int) -> float:
        every = chosen.eval_every or max(1.0, steps * batch / images / 20)
        settings = dataclasses.replace(task.settings, max_batches=steps, eval_every=every)
        return foreseen(dataclasses.replace(task, settings=settings), measured).seconds

    return seconds


def foreseen(task: Task, measured: Measured) -> Forecast:
    """Return what the whole run of `task` takes."""
    return forecast(workload(task, SAVE_EVERY, CHART_EVERY), measured)


def last_seconds(measured: Measured, task: Task) -> float:
    """Return what a run's last evaluation and its report take."""
    work = workload(task, SAVE_EVERY, CHART_EVERY)
    return (
        measured.evaluation
        + work.val_images * measured.image
        + measured.proof[0]
        + work.proof_images * measured.proof[1]
    )
