"""Signs of life, every third of a lease: for the jobs that are held and for the worker itself."""

import logging
import os
import threading
from collections.abc import Callable

from onelook.service.database import Database, DatabaseDownError
from onelook.service.jobs.leases import keep
from onelook.service.settings import ServiceSettings
from onelook.service.worker.holding import Holding
from onelook.service.workers import live

HUNG = 70
"""Exit code of a worker whose model did not come back."""

_log = logging.getLogger("onelook.service.worker")


class Heartbeat:
    """A thread that keeps the leases. A model that does not come back ends the whole process, so that its jobs go to others."""

    def __init__(
        self,
        database: Database,
        settings: ServiceSettings,
        worker: str,
        holding: Holding,
        models: Callable[[], tuple[str, ...]],
        give_up: Callable[[int], None] = os._exit,
    ) -> None:
        """Begin; `models` says what is loaded, `give_up` ends the process."""
        self._database, self._settings, self._worker = database, settings, worker
        self._holding, self._models, self._give_up = holding, models, give_up
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="heartbeat", daemon=True)
        self._thread.start()

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
        kept = keep(self._database, self._settings, self._worker, held)
        still = self._holding.held()  # what has ended meanwhile was not lost
        lost = [job_id for job_id, attempt in held.items() if job_id not in kept and still.get(job_id) == attempt]
        if lost:
            _log.warning("jobs were lost: cancelled, or kept for too long", extra={"jobs": lost})
            self._holding.drop(lost)
        live(self._database, self._settings, self._worker, self._models())
