"""The runs of a grid on a Ray cluster: the same processes, watched in the same way, by workers of the cluster.

Every machine must see the grid's folder, the data and the weights under the same paths as the machine that asks.
"""

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from onelook.experiments.grid import Grid, Queue
from onelook.experiments.local import KEEP_EVERY, LOOK_EVERY
from onelook.experiments.outcome import Outcome, read_outcome, row_path, write_outcome
from onelook.experiments.request import Request
from onelook.experiments.running import PRUNED, STOPPED, Place, Running
from onelook.inference.bulk_ray import joined_cluster
from onelook.training.survival.interrupt import StopFlag


def run_on_ray(grid: Grid, queue: Queue, parallel: int | None, stop: StopFlag) -> Iterator[Outcome]:
    """Yield the row of each run as it ends, as many at a time as the cluster has room for, at most `parallel`.

    Whatever ends this generator, the runs under way are asked to save and stop. Raises UserError without Ray, or without an answer.
    """
    with joined_cluster() as ray:
        resources = grid.plan.resources
        task = ray.remote(num_cpus=resources.cpus, num_gpus=resources.gpus, max_retries=0)(whole_run)
        most = parallel or max(1, int(ray.cluster_resources().get("CPU", 1) / resources.cpus))
        running: dict[Any, Request] = {}
        hopeless: set[str] = set()
        asked: set[Any] = set()
        try:
            while True:
                while len(running) < most and not stop.wished and (following := queue.next()):
                    request, row = following
                    running[task.remote(request, row, _absolute(grid.place), str(Path.cwd()))] = request
                if not running:
                    return
                hopeless |= {each.name for each in running.values() if queue.is_hopeless(each)}
                gone = [task for task, each in running.items() if stop.wished or each.name in hopeless]
                _cancel(ray, gone, asked)
                done, _ = ray.wait(list(running), timeout=LOOK_EVERY)
                for each in done:
                    request = running.pop(each)
                    row = _row(ray, each, grid, request, request.name in hopeless)
                    queue.ended(request, row)
                    yield row
        finally:
            _cancel(ray, list(running), asked)
            if running:
                ray.wait(list(running), num_returns=len(running), timeout=60)


def _absolute(place: Place) -> Place:
    return replace(place, folder=place.folder.resolve())


def _cancel(ray: Any, tasks: Sequence[Any], asked: set[Any]) -> None:
    """Ask tasks to save and stop, each once: a second word would cut their saving short."""
    for task in tasks:
        if task not in asked:
            asked.add(task)
            ray.cancel(task)


def _row(ray: Any, task: Any, grid: Grid, request: Request, pruned: bool) -> Outcome:
    """Return the row of a run that a worker ended; where the worker was cancelled or died, what it kept last."""
    try:
        row: Outcome = ray.get(task)
    except ray.exceptions.RayError as error:
        path = row_path(grid.folder, request.name)
        kept = read_outcome(path) if path.is_file() else request.row()
        if kept.ended:
            return kept
        if isinstance(error, ray.exceptions.TaskCancelledError):
            state, cause = PRUNED if pruned else STOPPED
            return replace(kept, state=state, cause=cause)
        return replace(kept, state="failed", cause=f"its Ray worker ended: {str(error).strip().splitlines()[-1]}")
    return row


def whole_run(request: Request, row: Outcome, place: Place, root: str) -> Outcome:
    """Return the row of a run from its beginning to its end; in a worker of the cluster, which keeps it as it goes."""
    os.chdir(root)
    running = Running(request, row, place)
    write_outcome(place.folder, running.row)
    kept, found = time.monotonic(), None
    try:
        while (found := running.look()) is None:
            if time.monotonic() - kept > KEEP_EVERY:
                kept = time.monotonic()
                write_outcome(place.folder, running.so_far())
            time.sleep(LOOK_EVERY)
        return found
    finally:
        if found is None:  # cancelled, which is a KeyboardInterrupt here
            running.stop(*STOPPED)
            with suppress(KeyboardInterrupt):
                while (found := running.look()) is None:
                    time.sleep(LOOK_EVERY)
                write_outcome(place.folder, found)
