"""A worker: one thread computes; others take ahead, give signs of life and answer at once. It has no torch.

What is handed to the computing thread comes through one queue: batches, and single pictures that somebody waits for, which go
first. The version that serves is looked up before every batch, so that a batch is of one version.
"""

import logging
import os
import queue
import secrets
import socket
import threading
import time
from collections import deque
from functools import partial

from onelook.service.database import Database, DatabaseDownError, open_database
from onelook.service.decoding import DecodeSettings
from onelook.service.fetching import FetchSettings
from onelook.service.jobs.finish import Outcome, finish
from onelook.service.jobs.job import ClaimedJob, Fault, Timings
from onelook.service.jobs.leases import release
from onelook.service.migrations import check_version
from onelook.service.models.cache import Loaded, ModelCache, ModelMissingError, ModelUnusableError
from onelook.service.models.faults import report
from onelook.service.models.store import StoreDownError, open_store
from onelook.service.settings import ServiceSettings
from onelook.service.worker.ahead import Ahead, Batch
from onelook.service.worker.answering import Answering, Call
from onelook.service.worker.heartbeat import Heartbeat
from onelook.service.worker.holding import Holding
from onelook.service.worker.looking import look
from onelook.service.worker.pictures import Opened, Pictures
from onelook.service.workers import Here, register
from onelook.structures.errors import UserError

_log = logging.getLogger("onelook.service.worker")
_LOOK_UP = 0.2
"""Seconds between two looks whether to stop."""


def run_worker(
    settings: ServiceSettings,
    fetching: FetchSettings | None = None,
    decoding: DecodeSettings | None = None,
    stop: threading.Event | None = None,
) -> None:
    """Work until `stop` is set, then end the batch, give back what is not begun, and return.

    Raises UserError for settings or a database that does not fit.
    """
    database = open_database(settings.database, settings.database_patience)
    try:
        check_version(database)
        worker = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"
        desk = Desk(database, settings, worker)
        desk.work(fetching or FetchSettings(), decoding or DecodeSettings(), stop or threading.Event())
    finally:
        database.close()


class Desk:
    """The thread that computes, and what comes to it."""

    def __init__(self, database: Database, settings: ServiceSettings, worker: str) -> None:
        """Open the model store; nothing is taken before `work`."""
        self._database, self._settings, self._worker = database, settings, worker
        self._inbox: queue.SimpleQueue[Batch | Call] = queue.SimpleQueue()
        self._batches: deque[Batch] = deque()
        self._holding = Holding()
        self._cache = ModelCache(
            open_store(settings.models),
            settings.cache,
            settings.cache_bytes,
            settings.model_refresh,
            settings.threads,
            self._tell_fault,
        )

    def work(self, fetching: FetchSettings, decoding: DecodeSettings, stop: threading.Event) -> None:
        """Compute until `stop` is set and what is left is done or given back."""
        pictures = Pictures(fetching, decoding)
        answering = Answering(self._inbox.put, decoding, _own_address(self._settings.direct_host))
        here = Here(self._worker, socket.gethostname(), os.getpid(), answering.address)
        register(self._database, self._settings, here)
        heartbeat = Heartbeat(self._database, self._settings, here, self._holding, self._cache.labels)
        ahead = Ahead(
            self._database,
            self._settings,
            self._worker,
            self._holding,
            pictures,
            self._cache.is_loaded,
            self._inbox.put,
        )
        _log.info("worker %s began", self._worker)
        try:
            while not stop.is_set():
                self._serve(ahead, _LOOK_UP)
            heartbeat.leave()
            self._end(ahead, answering)
        finally:
            answering.close()
            heartbeat.close()
            pictures.close()

    def _serve(self, ahead: Ahead, seconds: float) -> None:
        """Do what waits: calls first, then one batch; wait `seconds` at most for something to come."""
        self._collect(seconds if not self._batches else 0)
        if self._batches:
            self._compute(self._batches.popleft())
            ahead.batch_done()

    def _collect(self, seconds: float) -> None:
        """Answer every call that waits, and put batches aside."""
        try:
            item = self._inbox.get(timeout=seconds) if seconds else self._inbox.get_nowait()
            while True:
                if isinstance(item, Call):
                    self._answer(item)
                else:
                    self._batches.append(item)
                item = self._inbox.get_nowait()
        except queue.Empty:
            return

    def _end(self, ahead: Ahead, answering: Answering) -> None:
        """Take nothing more, give back what has not begun."""
        answering.refuse()
        ahead.close()
        self._collect(0)
        held = {job.id: job.attempt for batch in self._batches for job in batch.jobs}
        self._give_back(held)
        _log.info("worker %s ended", self._worker)

    def _compute(self, batch: Batch) -> None:
        """Look at a batch's pictures by one version, and write what came of it."""
        self._holding.begin()
        first = batch.jobs[0]
        try:
            loaded, fault, passing = self._model(first.client_id, first.model)
            outcomes = []
            for job, picture in zip(batch.jobs, batch.pictures, strict=True):
                if not self._holding.has(job):
                    continue  # cancelled, or kept for too long
                if loaded is None:
                    outcomes.append(Outcome(job.id, job.attempt, fault=fault, passing=passing))
                else:
                    outcomes.append(outcome_of(job, picture, loaded))
                self._collect(0)
            self._write(batch, outcomes, loaded)
        finally:
            self._holding.drop(job.id for job in batch.jobs)
            self._holding.end()

    def _model(self, client_id: str, name: str) -> tuple[Loaded | None, Fault | None, bool]:
        """Return the model that serves, or why there is none and whether there may be one later."""
        try:
            return self._cache.get(client_id, name), None, False
        except ModelMissingError as error:
            return None, Fault("model_missing", str(error)), False
        except ModelUnusableError as error:
            return None, Fault("model_unusable", str(error)), False
        except StoreDownError as error:
            return None, Fault("store_down", str(error)), True

    def _write(self, batch: Batch, outcomes: list[Outcome], loaded: Loaded | None) -> None:
        told = {"client": batch.jobs[0].client_id, "jobs": [job.id for job in batch.jobs]}
        try:
            written = finish(self._database, self._settings, self._worker, outcomes)
        except DatabaseDownError as error:
            _log.warning("results could not be written, the jobs are done again: %s", error, extra=told)
            return
        model = loaded.label if loaded else batch.jobs[0].model
        _log.info("%d of %d jobs ended by %s", len(written), len(batch.jobs), model, extra=told)

    def _answer(self, call: Call) -> None:
        """Look at a picture that somebody waits for, unless nobody does any more."""
        try:
            if call.answer.set_running_or_notify_cancel():
                self._look_at(call)
        finally:
            call.release()

    def _look_at(self, call: Call) -> None:
        loaded, fault, _ = self._model(call.client_id, call.model)
        if loaded is None:
            assert fault is not None
            call.answer.set_result(fault)
            return
        began = time.monotonic()
        timed = partial(_call_timings, call, began)
        try:
            call.answer.set_result(look(loaded, call.image, call.threshold, timed))
        except Exception as error:  # whatever a model does with a picture, the next one is looked at
            _log.exception("a model failed at a picture", extra={"client": call.client_id})
            call.answer.set_result(Fault("prediction_failed", f"{loaded.label}: {error}"))

    def _give_back(self, held: dict[str, int]) -> None:
        try:
            release(self._database, self._worker, held)
        except DatabaseDownError as error:
            _log.warning("jobs could not be given back, their leases end by themselves: %s", error)

    def _tell_fault(self, owner: str, name: str, version: str, why: str) -> None:
        _log.error("a version would not load: %s", why, extra={"client": owner})
        try:
            report(self._database, owner, name, version, self._worker, why)
        except DatabaseDownError as error:
            _log.warning("the version's fault could not be written down: %s", error)


def outcome_of(job: ClaimedJob, picture: Opened, loaded: Loaded) -> Outcome:
    """Return what becomes of a job whose picture was opened, by the model that serves."""
    if picture.image is None:
        return Outcome(job.id, job.attempt, fault=picture.fault, passing=picture.passing)
    waited = max(0.0, job.claimed_at - job.created_at)

    def timed(predicted: float) -> Timings:
        total = waited + time.monotonic() - picture.began
        return Timings(round(waited, 6), round(picture.seconds, 6), predicted, round(total, 6))

    try:
        return Outcome(job.id, job.attempt, result=look(loaded, picture.image, job.threshold, timed))
    except Exception as error:  # whatever a model does with a picture, the next one is looked at
        _log.exception("a model failed at a picture", extra={"client": job.client_id, "jobs": [job.id]})
        return Outcome(job.id, job.attempt, fault=Fault("prediction_failed", f"{loaded.label}: {error}"))


def _call_timings(call: Call, began: float, predicted: float) -> Timings:
    total = time.monotonic() - call.came
    return Timings(round(began - call.came - call.decoded, 6), round(call.decoded, 6), predicted, round(total, 6))


def _own_address(host: str) -> str:
    """Return the address to listen on; `auto` is what this machine's name means. Raises UserError when that is nothing."""
    if host != "auto":
        return host
    try:
        return socket.gethostbyname(socket.gethostname())
    except OSError as error:
        raise UserError(
            f"direct_host: expected a name of this machine that means an address, got {error}; give one"
        ) from None
