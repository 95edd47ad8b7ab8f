"""The runs of a grid on this machine: a few processes at a time, looked at by one loop that mostly sleeps."""

import time
from collections.abc import Iterator

from onelook.experiments.grid import Grid, Queue
from onelook.experiments.outcome import Outcome
from onelook.experiments.request import Request
from onelook.experiments.running import PRUNED, STOPPED, Running
from onelook.training.survival.interrupt import StopFlag

LOOK_EVERY = 0.2
"""Seconds between two looks at what runs."""

KEEP_EVERY = 5.0
"""Seconds between two writings of what a run under way has taken, so that a grid that is killed has counted it."""


def run_locally(grid: Grid, queue: Queue, parallel: int, running: list[Running], stop: StopFlag) -> Iterator[Outcome]:
    """Yield the row of each run as it ends, `parallel` at a time, until there is none left, or `stop` is wished.

    `running` holds those under way, for who draws them. Whatever ends this generator, it leaves no run behind: those under way are
    asked to save and stop, and wait for the next time.
    """
    kept = time.monotonic()
    try:
        while True:
            while len(running) < parallel and not stop.wished and (following := queue.next()):
                running.append(_begun(grid, *following))
            if not running:
                return
            if stop.wished:
                for each in running:
                    each.stop(*STOPPED)
            yield from _ended(queue, running)
            if time.monotonic() - kept > KEEP_EVERY:
                kept = time.monotonic()
                for each in running:
                    grid.keep(each.so_far())
            time.sleep(LOOK_EVERY)
    finally:
        for each in running:
            each.stop(*STOPPED)
        while running:
            for _ in _ended(queue, running):
                pass
            time.sleep(LOOK_EVERY)


def _begun(grid: Grid, request: Request, row: Outcome) -> Running:
    """Begin a run; its row says so before anything else can happen."""
    run = Running(request, row, grid.place)
    grid.keep(run.row)
    return run


def _ended(queue: Queue, running: list[Running]) -> Iterator[Outcome]:
    """Look at each run once; yield the rows of those that ended."""
    for each in list(running):
        row = each.look()
        if row is not None:
            running.remove(each)
            queue.ended(each.request, row)
            yield row
        elif queue.is_hopeless(each.request):
            each.stop(*PRUNED)
