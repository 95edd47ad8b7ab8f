"""One batch ahead: while the model is at a batch, the next is taken, its pictures fetched and decoded.

A job that was tried before is taken only when nothing else is held, and nothing is taken beside it: whatever it does to this
process, it does alone.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

from onelook.service.database import Database, DatabaseDownError
from onelook.service.jobs.claim import Taker, anything_waits, claim
from onelook.service.jobs.job import ClaimedJob
from onelook.service.jobs.leases import release
from onelook.service.settings import ServiceSettings
from onelook.service.worker.holding import Holding
from onelook.service.worker.pictures import Opened, Pictures

_SHORTEST_PAUSE = 0.002
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
    ) -> None:
        """Begin to take; `hand_over` gets each batch, and `batch_done` must be called when it is done."""
        self._database, self._settings, self._worker = database, settings, worker
        self._holding, self._pictures, self._loaded, self._hand_over = holding, pictures, loaded, hand_over
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
        pictures = tuple(self._pictures.open(taken))
        if self._stop.is_set():
            self._give_back(taken)
            return
        with self._changed:
            self._handed += 1
        self._hand_over(Batch(taken, pictures))
        if taken[0].failures:
            with self._changed:
                self._changed.wait_for(lambda: self._handed == 0 or self._stop.is_set())

    def _give_back(self, taken: tuple[ClaimedJob, ...]) -> None:
        try:
            release(self._database, self._worker, {job.id: job.attempt for job in taken})
        except DatabaseDownError as error:
            _log.warning("jobs could not be given back, their leases end by themselves: %s", error)
        self._holding.drop(job.id for job in taken)
