"""One batch ahead: while the model is at a batch, the next is taken, its pictures fetched and decoded.

A job that was tried before is taken only when nothing else is held, and nothing is taken beside it: whatever it does to this
process, it does alone.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from onelook.service.database import Database, DatabaseDownError
from onelook.service.jobs.claim import Taker, anything_waits, claim
from onelook.service.jobs.job import ClaimedJob
from onelook.service.jobs.leases import release
from onelook.service.settings import ServiceSettings
from onelook.service.worker.heartbeat import HUNG
from onelook.service.worker.holding import Holding
from onelook.service.worker.pictures import Opened, Pictures

_SHORTEST_PAUSE = 0.002
MOST_DECODED = 256 * 1024**2
"""Bytes of pixels from which on a batch is handed over in parts: what large pictures take of the memory is known beforehand."""
_log = logging.getLogger("onelook.service.worker")


@dataclass(frozen=True)
class Batch:
    """Jobs of one client for one model name, and their pictures."""

    jobs: tuple[ClaimedJob, ...]
    pictures: tuple[Opened, ...]


class Ahead:
    """A thread that takes batches and hands each over, never more than one ahead of the one at work."""

    def __init__(
        self,
        database: Database,
        settings: ServiceSettings,
        worker: str,
        holding: Holding,
        pictures: Pictures,
        loaded: Callable[[str, str], bool],
        hand_over: Callable[[Batch], None],
        give_up: Callable[[int], None] = os._exit,
    ) -> None:
        """Begin to take; `hand_over` gets each batch, and `batch_done` must be called when it is done.

        `give_up` ends the process: of a fault of this thread itself, as a worker that lives and takes nothing helps nobody.
        """
        self._database, self._settings, self._worker = database, settings, worker
        self._holding, self._pictures, self._loaded, self._hand_over = holding, pictures, loaded, hand_over
        self._give_up = give_up
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._handed = 0
        self._thread = threading.Thread(target=self._work, name="ahead", daemon=True)
        self._thread.start()

    def batch_done(self) -> None:
        """Note that a batch that was handed over is done."""
        with self._changed:
            self._handed -= 1
            self._changed.notify()

    def close(self) -> None:
        """Take nothing more, and return when what was being fetched is handed over or given back."""
        self._stop.set()
        with self._changed:
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        try:
            self._go_on()
        except Exception:
            _log.exception("nothing can be taken: this worker ends")
            self._give_up(HUNG)

    def _go_on(self) -> None:
        pause = _SHORTEST_PAUSE
        while not self._stop.is_set():
            alone = self._wait_for_room()
            if self._stop.is_set():
                return
            taken = self._take(alone)
            if not taken:
                pause = min(pause * 2, self._settings.poll)
                self._rest(pause, alone)
                continue
            pause = _SHORTEST_PAUSE
            self._prepare(taken)

    def _wait_for_room(self) -> bool:
        """Return, once at most one batch is out, whether none is."""
        with self._changed:
            self._changed.wait_for(lambda: self._handed <= 1 or self._stop.is_set())
            return self._handed == 0

    def _rest(self, seconds: float, alone: bool) -> None:
        """Wait, but not beyond the moment when the batch at work is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._stop.is_set() or (not alone and self._handed == 0), timeout=seconds)

    def _take(self, alone: bool) -> tuple[ClaimedJob, ...]:
        try:
            if not anything_waits(self._database):
                return ()
            taker = Taker(self._worker, self._loaded, alone)
            return claim(self._database, self._settings, taker)
        except DatabaseDownError as error:
            _log.warning("nothing could be taken: %s", error)
            self._stop.wait(min(1.0, self._settings.lease / 3))
            return ()

    def _prepare(self, taken: tuple[ClaimedJob, ...]) -> None:
        self._holding.take(taken)
        left = taken
        for batch in _parts(zip(taken, self._pictures.open(taken), strict=True)):
            if self._stop.is_set():
                break
            with self._changed:
                self._handed += 1
            left = left[len(batch.jobs) :]
            self._hand_over(batch)
            self._wait_for_room()
        if left:
            self._give_back(left)
        elif taken[0].failures:
            with self._changed:
                self._changed.wait_for(lambda: self._handed == 0 or self._stop.is_set())

    def _give_back(self, taken: tuple[ClaimedJob, ...]) -> None:
        try:
            release(self._database, self._worker, {job.id: job.attempt for job in taken})
        except DatabaseDownError as error:
            _log.warning("jobs could not be given back, their leases end by themselves: %s", error)
        self._holding.drop(job.id for job in taken)


def _parts(opened: Iterable[tuple[ClaimedJob, Opened]]) -> Iterator[Batch]:
    """Yield a batch in parts of about MOST_DECODED bytes of pixels; what comes behind a part is opened when it is asked for."""
    part: list[tuple[ClaimedJob, Opened]] = []
    size = 0
    for job, picture in opened:
        part.append((job, picture))
        size += 0 if picture.image is None else picture.image.nbytes
        if size >= MOST_DECODED:
            yield _batch(part)
            part, size = [], 0
    if part:
        yield _batch(part)


def _batch(part: list[tuple[ClaimedJob, Opened]]) -> Batch:
    return Batch(tuple(job for job, _ in part), tuple(picture for _, picture in part))
