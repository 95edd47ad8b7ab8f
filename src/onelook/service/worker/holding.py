"""The jobs that this worker has, for the three threads that must know: who takes, who computes, who gives signs of life."""

import threading
import time
from collections.abc import Iterable

from onelook.service.jobs.job import ClaimedJob


class Holding:
    """Jobs by id with the attempt at which each was taken, and since when the model has been at work."""

    def __init__(self) -> None:
        """Hold nothing."""
        self._lock = threading.Lock()
        self._held: dict[str, int] = {}
        self._busy_since: float | None = None

    def take(self, jobs: Iterable[ClaimedJob]) -> None:
        """Hold these too."""
        with self._lock:
            self._held.update({job.id: job.attempt for job in jobs})

    def drop(self, job_ids: Iterable[str]) -> None:
        """Hold these no longer."""
        with self._lock:
            for job_id in job_ids:
                self._held.pop(job_id, None)

    def held(self) -> dict[str, int]:
        """Return what is held now."""
        with self._lock:
            return dict(self._held)

    def has(self, job: ClaimedJob) -> bool:
        """Return whether the job is held at that attempt."""
        with self._lock:
            return self._held.get(job.id) == job.attempt

    def begin(self) -> None:
        """Note that the model begins a batch."""
        with self._lock:
            self._busy_since = time.monotonic()

    def end(self) -> None:
        """Note that the batch is done."""
        with self._lock:
            self._busy_since = None

    def busy_seconds(self) -> float:
        """Return for how long the model has been at its batch, 0 when it is at none."""
        with self._lock:
            return 0.0 if self._busy_since is None else time.monotonic() - self._busy_since
