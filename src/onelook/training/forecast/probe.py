"""A few real steps, evaluations and files of a run, measured on a copy that is thrown away."""

import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import psutil

from onelook.training.forecast.forecast import WIDE, Measured
from onelook.training.forecast.pace import StepPace
from onelook.training.forecast.process_memory import available_memory, children_memory, peak_to_come, tree_memory
from onelook.training.forecast.workload import cache_growth, piece, sampled_loads
from onelook.training.loop import training_steps
from onelook.training.ranks import ALONE, Ranks
from onelook.training.report.chart import draw_chart
from onelook.training.run import Run
from onelook.training.session import Session
from onelook.training.settings import settings_toml
from onelook.training.tasks.task import Say, StepLoad, Task

STEPS, WARM_UP = 20, 3
"""Steps that are measured, and those before them of each kind that are not: memory is still being found, kernels chosen."""

MOST_SECONDS = 120.0
"""For the steps; when twenty would take longer, fewer are measured."""

IMAGES, IMAGE_SHARE = 24, 0.125
"""Validation images that are evaluated, at most so many, and so long as a share of the steps' most seconds."""


def measure(
    task: Task, folder: Path, began: float, say: Say, seconds: float | None = None, ranks: Ranks = ALONE
) -> Measured:
    """Return what was measured of a run of `task`, whose network is trained a little by it; `folder` takes its files.

    `began` is when (time.time) the process or the call began: what has passed since is what a run needs to get ready. The
    steps take at most `seconds`, by default MOST_SECONDS. All `ranks` take them together; the rest the first measures alone.
    """
    available = available_memory() + tree_memory()
    run = Run(folder / "run")
    session = Session(run, task, task.facts(), _silent, ranks)
    run.begin(settings_toml(task.settings), {})
    session.save()
    ready = time.time() - began
    probe = _Steps(session, say)
    seconds = min(seconds or MOST_SECONDS, MOST_SECONDS)
    probe.run(seconds)
    found = _measured(probe, run, ready, seconds, available) if ranks.first else None
    found = ranks.of_first(found)
    assert found is not None
    return found


def _measured(probe: "_Steps", run: Run, ready: float, seconds: float, available: int) -> Measured:
    """Return what the steps took, and what evaluations and files take, of which `run` gets some."""
    session, task = probe.session, probe.task
    images = min(IMAGES, len(task.val))
    small = replace(task, val=piece(task.val, 1), test=None)
    once = _seconds(lambda: small.validate(session.state.average.network, session.device))
    images = max(1, min(images, int(seconds * IMAGE_SHARE / max(once, 1e-3))))
    some = replace(task, val=piece(task.val, images), test=None)
    image = _seconds(lambda: some.validate(session.state.average.network, session.device)) / images
    model = _least(lambda: task.write_model(run.model, session.state.average.network, {"step": 1}))
    saving = _least(session.save)
    draw_chart([], run.chart, None)  # its first drawing imports what draws
    chart = _least(lambda: draw_chart([], run.chart, None))
    proof = _proof(some, run, session, images)
    return Measured(
        ready + probe.first,
        tuple(probe.measured),
        image,
        model + saving + chart,
        saving,
        chart,
        proof,
        (peak_to_come() + probe.children + cache_growth(task, probe.drawn)) * session.ranks.local_size,
        _disk(run, task, images),
        available,
        shutil.disk_usage(run.folder).free,
    )


class _Steps:
    """The probe's steps, of every kind that the run has, and the memory that they take."""

    def __init__(self, session: Session, say: Say) -> None:
        self.session, self.task, self.say = session, session.task, say
        self.ranks = session.ranks
        """The first decides how many steps are taken: the clocks of the others say otherwise."""
        self.measured: list[tuple[StepLoad, StepPace]] = []
        self.first = 0.0
        """By how many seconds the run's first step is slower than the others."""
        self.children = 0
        """Most bytes of the loader's first workers. Later ones are forked from a process that has trained: they keep copies of
        the pages that it writes to, as none of a run's workers does, which begin before its first step."""
        self.drawn = 0
        """Training images that the first workers met."""
        self._first_workers = True

    def run(self, seconds: float) -> None:
        """Take steps of every kind, in proportion to how many the run has, and one of the largest input."""
        loads = sampled_loads(self.task)
        left = seconds
        for start, share in _places(loads):
            began = time.perf_counter()
            self._take(start, max(4, round(STEPS * share)), left)
            left = self.ranks.of_first(max(0.0, left - (time.perf_counter() - began)))
        largest = max(loads, key=lambda step: loads[step].pixels)
        if loads[largest].pixels > max(load.pixels for load, _ in self.measured):
            for _ in self._steps(largest, 1):
                pass

    def _take(self, start: int, count: int, seconds: float) -> None:
        """Measure `count` steps from number `start` on, fewer when they would take longer than `seconds`."""
        began, warm = time.perf_counter(), WARM_UP
        paces: list[StepPace] = []
        for own in self._steps(start, count + WARM_UP):
            pace, spent = self.ranks.of_first((own, time.perf_counter() - began))
            paces.append(pace)
            if len(paces) == 1:
                affordable = max(1, int(seconds / max(pace.seconds, 1e-6)))
                warm = min(WARM_UP, affordable - 1, self.session.total - start - 1)
            if len(paces) > warm and spent > seconds:
                break
        kept = paces[max(0, min(warm, len(paces) - 1)) :]
        if len(kept) < count and spent > seconds:
            self.say(f"forecast: {len(kept)} steps measured instead of {count}, as they took {spent:.0f} s")
        if not self.measured:
            usual = float(np.median([pace.seconds for pace in kept]))
            self.first = sum(max(0.0, pace.seconds - usual) for pace in paces[:warm])
        self.measured += [(self.task.load(pace.step - 1), pace) for pace in kept]

    def _steps(self, start: int, count: int) -> Iterator[StepPace]:
        """Yield the pace of `count` steps of the run, from number `start` on."""
        session = self.session
        session.state.step = start
        pace = session.watch.pace
        batches = pace.over(session.batches())
        pace.restart()
        steps = training_steps(
            session.state, batches, session.settings, session.rate_at, session.device, session.dtype, session.ranks
        )
        try:
            for result in islice(steps, count):
                if self._first_workers:
                    self.drawn += session.settings.batch or 0
                yield pace.step(result.step)
        finally:
            if self._first_workers:
                self.children, self._first_workers = children_memory(psutil.Process()), False
            batches.close()


def _places(loads: dict[int, StepLoad]) -> list[tuple[int, float]]:
    """Return from which step numbers on to measure, in the run's order, and the share of the run's steps that each stands for.

    They are the first of every kind; where the input grows much from there, half of the kind's share is taken at its largest.
    """
    places: list[tuple[int, float]] = []
    for kind in {load.kind for load in loads.values()}:
        mine = {step: load.pixels for step, load in loads.items() if load.kind == kind}
        first, largest = min(mine), max(mine, key=lambda step: mine[step])
        starts = [first, largest] if mine[largest] >= WIDE * mine[first] else [first]
        places += [(start, len(mine) / len(loads) / len(starts)) for start in starts]
    return sorted(places)


def _proof(task: Task, run: Run, session: Session, images: int) -> tuple[float, float]:
    """Return the seconds of the run's end: once, and an image on top."""
    few = max(1, images // 4)
    small = replace(task, val=piece(task.val, few))
    less = _seconds(lambda: small.prove(run, {}, session.device, _silent))
    if few == images:
        return less, 0.0
    more = _seconds(lambda: task.prove(run, {}, session.device, _silent))
    an_image = max(0.0, more - less) / (images - few)
    return max(0.0, more - images * an_image), an_image


def _disk(run: Run, task: Task, images: int) -> int:
    """Return the bytes of the run's folder at its end."""
    sizes = {path: path.stat().st_size for path in run.folder.rglob("*") if path.is_file()}
    state = sum(count for path, count in sizes.items() if path.is_relative_to(run.state.parent))
    said = sizes.get(run.predictions, 0)
    proven = len(task.val) + (len(task.test) if task.test else 0)
    lines = (task.settings.max_batches or 0) * 60  # a line of metrics every ten steps, of some 600 bytes
    return sum(sizes.values()) + state + said * max(0, proven - images) // max(1, images) + lines


def _seconds(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _least(act: Callable[[], object]) -> float:
    """Return the lesser of two tries' seconds: writing a file is now and then held up for seconds by somebody else's."""
    return min(_seconds(act), _seconds(act))


def _silent(_: str) -> None:
    """Say nothing: what a probe's run tells is not the user's."""
