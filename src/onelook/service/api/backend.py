"""What the routes work on: the database, the model store and who waits; opened when the app starts, closed when it ends."""

import asyncio
import time
from collections.abc import Callable
from typing import Annotated

from fastapi import Depends, Request

from onelook.service.api.buckets import Buckets
from onelook.service.api.metrics import RequestNumbers
from onelook.service.api.outages import Outages
from onelook.service.api.pace import Latency, Pace
from onelook.service.api.waiting import Waiters
from onelook.service.clients import Client, client_of
from onelook.service.configuration import AllSettings
from onelook.service.database import Database, open_database
from onelook.service.direct import DirectLines, choose_worker
from onelook.service.jobs.listing import drain_rate, finished_among, numbers, oldest_waiting
from onelook.service.jobs.submit import Submitter
from onelook.service.migrations import migrate
from onelook.service.models.names import DEFAULT
from onelook.service.models.store import ModelStore, open_store, resolve
from onelook.service.problems import ProblemError, invalid
from onelook.service.settings import ServiceSettings
from onelook.service.trainings.running import Runner
from onelook.service.workers import WorkerInfo, live_workers

MOST_KEYS = 10_000
"""Keys whose client is remembered."""

Find = Callable[[Database, str], Client | None]
"""Says whose secret it is."""

LOOKS = 2
"""Requests that may read or decode pictures of training data at the same time; others wait for their turn."""

WORKERS_SECONDS = 1.0
"""Seconds for which the list of workers is trusted."""


class Backend:
    """What is open while the app runs."""

    def __init__(self, settings: AllSettings, requests: RequestNumbers) -> None:
        self.settings = settings
        self.requests = requests
        self.buckets = Buckets()
        self.database: Database = open_database(settings.service.database, settings.service.database_patience)
        self.store: ModelStore = open_store(settings.service.models)
        self.waiters = Waiters(lambda ids: finished_among(self.database, ids))
        self.pace = Pace(lambda: _seconds_to_empty(self.database, settings.service))
        self.lines = DirectLines()
        self.direct_under_way = 0
        self.direct_latency = Latency()
        self.outages = Outages()
        self.looks = asyncio.Semaphore(LOOKS)
        self._workers: tuple[float, list[WorkerInfo]] = (0.0, [])
        self._models: dict[tuple[str, str | None], float] = {}
        self._keys: dict[tuple[Find, str], tuple[float, Client]] = {}
        self._ends_at: float | None = None
        migrate(self.database)
        self.submitter = Submitter(self.database, settings.service)
        self.runner = Runner(settings.http.trainings, settings.http.most_trainings)

    def close(self) -> None:
        """Finish what was accepted, and close."""
        self.runner.close()
        self.submitter.close()
        self.database.close()

    @property
    def ready(self) -> bool:
        """Whether new requests should come here: false from SIGTERM on."""
        return self._ends_at is None

    def drain(self) -> None:
        """Begin to end: not ready any more, at first everything is answered still, then only what is under way ends."""
        if self._ends_at is None:
            self._ends_at = time.monotonic() + self.settings.http.notice_seconds + self.settings.http.drain_seconds

    def seconds_left(self) -> float:
        """Return the seconds until this process has ended; 0 while it does not end."""
        return 0.0 if self._ends_at is None else max(self._ends_at - time.monotonic(), 0.0)

    def check_open(self) -> None:
        """Raise the 503 that says when another process will have taken over, once the time of notice is over."""
        left = self.seconds_left()
        if self._ends_at is not None and left < self.settings.http.drain_seconds:
            raise ProblemError(503, "draining", "the service ends here; ask again later", retry_after=left)

    async def client(self, secret: str, find: Find = client_of) -> Client | None:
        """Return whose key it is, or with `client_of_session` whose session, remembered for a few seconds; None for nobody's."""
        known = self._keys.get((find, secret))
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        keys = self._keys  # another by the time of the answer, when a key was changed: this one is not remembered then
        client = await asyncio.to_thread(find, self.database, secret)
        if client is None:
            keys.pop((find, secret), None)
            return None
        if len(keys) >= MOST_KEYS:
            keys.clear()
        keys[find, secret] = (time.monotonic() + self.settings.http.key_seconds, client)
        return client

    async def check_model(self, client_id: str, name: str | None) -> None:
        """Raise the 422 for a model that is neither the client's own nor shared; one that is there is trusted for a moment."""
        if time.monotonic() < self._models.get((client_id, name), 0):
            return
        if await asyncio.to_thread(resolve, self.store, client_id, name) is None:
            raise invalid(
                "model", "one of your own or a shared one that has a current version", name or DEFAULT, "no_model"
            )
        if len(self._models) >= MOST_KEYS:
            self._models.clear()
        self._models[client_id, name] = time.monotonic() + self.settings.service.model_refresh

    async def worker_for(self, client_id: str) -> WorkerInfo:
        """Return the worker to ask at once for a client. Raises the 503 when no worker lives."""
        made, workers = self._workers
        if time.monotonic() > made + WORKERS_SECONDS or not workers:
            workers = await asyncio.to_thread(live_workers, self.database)
            self._workers = (time.monotonic(), workers)
        chosen = choose_worker(workers, client_id, self.lines.busy)
        if chosen is None:
            raise self.no_worker("detect: expected a worker that lives, got none")
        return chosen

    def no_worker(self, detail: str) -> ProblemError:
        """Return the 503 for a client whose worker is not there; it is asked anew which live."""
        self._workers = (0.0, [])
        return ProblemError(503, "no_worker", detail, retry_after=self.outages.seconds("worker"))

    def forget_keys(self) -> None:
        """Ask anew whose each key is: a client, a key or a session was changed here."""
        self._keys = {}


def _seconds_to_empty(database: Database, settings: ServiceSettings) -> float:
    """Return in how many seconds what waits now will have been done at the pace of the last minute.

    Where nothing has ended in that time, as long again as the oldest job has waited.
    """
    rate = drain_rate(database, settings)
    waiting = sum(each.waiting + each.delayed + each.running for each in numbers(database))
    return waiting / rate if rate else oldest_waiting(database)


async def backend_of(request: Request) -> Backend:
    """Return what the app has open."""
    backend: Backend = request.app.state.backend
    return backend


Open = Annotated[Backend, Depends(backend_of)]
