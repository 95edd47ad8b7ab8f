"""How fast a run goes and what holds it up: the loader, when the network waits for its batches, or the network itself."""

import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TypeVar

Item = TypeVar("Item")

LOADER_BOUND = 0.3
"""Share of the time spent waiting for data from which the loader is what limits."""


@dataclass(frozen=True)
class StepPace:
    """One step: its number from 1, its seconds without evaluations and the like, and those of them spent waiting for data."""

    step: int
    seconds: float
    waited: float


class Pace:
    """Takes the time of every step of a loop: where it waits for batches, and what is no part of a step."""

    def __init__(self) -> None:
        self._waited = self._outside = 0.0
        self._last = (time.perf_counter(), 0.0, 0.0)
        self.outside: dict[str, list[float]] = {}
        """Seconds by what was done between steps: evaluating, saving, drawing."""

    def over(self, batches: Generator[Item, None, None]) -> Generator[Item, None, None]:
        """Yield `batches`, which are closed with this, and count the seconds spent waiting for them."""
        with closing(batches):
            iterator: Iterator[Item] = iter(batches)
            while True:
                began = time.perf_counter()
                item = next(iterator, None)
                self._waited += time.perf_counter() - began
                if item is None:
                    return
                yield item

    @contextmanager
    def beside(self, what: str) -> Iterator[None]:
        """Count the seconds of a block as no part of a step."""
        began = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - began
            self._outside += passed
            self.outside.setdefault(what, []).append(passed)

    def restart(self) -> None:
        """Let the next step begin now."""
        self._last = (time.perf_counter(), self._waited, self._outside)

    def step(self, number: int) -> StepPace:
        """Return the pace of the step that ended now; the next one begins."""
        before = self._last
        self.restart()
        now, waited, outside = self._last
        return StepPace(number, max(1e-9, now - before[0] - (outside - before[2])), waited - before[1])


def waiting_share(steps: list[StepPace]) -> float:
    """Return the share (0..1) of the steps' time spent waiting for data; no steps give 0."""
    seconds = sum(step.seconds for step in steps)
    return min(1.0, sum(step.waited for step in steps) / seconds) if seconds > 0 else 0.0


def limit_told(share: float) -> str:
    """Return in words what limits a loop that waits `share` of its time for data."""
    bound = "loader-bound" if share >= LOADER_BOUND else "network-bound"
    return f"{bound}, {100 * share:.0f} % of the time waiting for data"
