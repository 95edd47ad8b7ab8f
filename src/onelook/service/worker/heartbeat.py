"""Signs of life, every third of a lease: for the jobs that are held and for the worker itself."""

import logging
import os
import threading
from collections.abc import Callable

from onelook.service.database import Database, DatabaseDownError
from onelook.service.jobs.leases import keep
from onelook.service.settings import ServiceSettings
from onelook.service.worker.holding import Holding
from onelook.service.workers import Here, leave, live, register

HUNG = 70
"""Exit code of a worker whose model did not come back."""

_log = logging.getLogger("onelook.service.worker")


class Heartbeat:
    """A thread that keeps the leases. A model that does not come back ends the whole process, so that its jobs go to others."""

    def __init__(
        self,
        database: Database,
        settings: ServiceSettings,
        here: Here,
        holding: Holding,
        models: Callable[[], tuple[str, ...]],
        give_up: Callable[[int], None] = os._exit,
    ) -> None:
        """Begin; `models` says what is loaded, `give_up` ends the process."""
        self._database, self._settings, self._here = database, settings, here
        self._holding, self._models, self._give_up = holding, models, give_up
        self._stop, self._left = threading.Event(), threading.Event()
        self._telling = threading.Lock()
        self._thread = threading.Thread(target=self._work, name="heartbeat", daemon=True)
        self._thread.start()

    def leave(self) -> None:
        """Write down that the worker takes nothing more: its clients are at home with others; jobs that it has are kept still."""
        with self._telling:
            self._left.set()
            try:
                leave(self._database, self._here.id)
            except DatabaseDownError as error:
                _log.warning("the worker's entry ends by itself: %s", error)

    def close(self) -> None:
        """Give no more signs of life."""
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(self._settings.lease / 3):
            busy = self._holding.busy_seconds()
            if busy > self._settings.batch_seconds:
                _log.critical("the model has been at one batch for %.0f s: this worker ends", busy)
                self._give_up(HUNG)
                return
            try:
                self.beat()
            except DatabaseDownError as error:
                _log.warning("no sign of life could be given: %s", error)
            except Exception:  # without signs of life this process would do everything in vain
                _log.exception("signs of life cannot be given: this worker ends")
                self._give_up(HUNG)
                return

    def beat(self) -> None:
        """Give a sign of life now; jobs that were lost are dropped. Raises DatabaseDownError."""
        held = self._holding.held()
        kept = keep(self._database, self._settings, self._here.id, held)
        still = self._holding.held()  # what has ended meanwhile was not lost
        lost = [job_id for job_id, attempt in held.items() if job_id not in kept and still.get(job_id) == attempt]
        if lost:
            _log.warning("jobs were lost: cancelled, or kept for too long", extra={"jobs": lost})
            self._holding.drop(lost)
        self._tell()

    def _tell(self) -> None:
        """Write down that the worker lives; anew where it was forgotten, as when the machine slept for an hour."""
        with self._telling:
            if not self._left.is_set() and not live(self._database, self._settings, self._here.id, self._models()):
                register(self._database, self._settings, self._here)
