"""A served model, a picture, and a worker in a thread of this process."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from tests.structures.small_models import small_bundle

from onelook.service.clients import Client, add_client
from onelook.service.database import Database, open_database
from onelook.service.fetching import FetchSettings
from onelook.service.jobs.job import Accepted, Job, NewJob, Submission
from onelook.service.jobs.listing import find_job
from onelook.service.jobs.submit import submit
from onelook.service.migrations import migrate
from onelook.service.models.store import open_store, promote, publish
from onelook.service.settings import ServiceSettings
from onelook.service.worker.run import run_worker
from onelook.structures.bundle import write_bundle


@pytest.fixture
def served(tmp_path: Path) -> ServiceSettings:
    """Return settings of a database with tables and a store with one shared model, `default`; its threshold is high."""
    settings = ServiceSettings(
        database=f"sqlite:///{tmp_path / 'onelook.db'}",
        models=str(tmp_path / "models"),
        cache=tmp_path / "cache",
        lease=10,
        model_refresh=0,
        steal_after=0,
        poll=0.02,
    )
    made = small_bundle()
    write_bundle(tmp_path / "bundle", replace(made, settings=replace(made.settings, score=0.9)))
    store = open_store(settings.models)
    promote(store, "shared", "default", publish(store, "shared", "default", tmp_path / "bundle").version)
    database = open_database(settings.database)
    migrate(database)
    database.close()
    return settings


@pytest.fixture
def served_database(served: ServiceSettings) -> Iterator[Database]:
    """Give the database of `served`."""
    database = open_database(served.database)
    yield database
    database.close()


@pytest.fixture
def asker(served_database: Database) -> Client:
    """Return a client of `served`."""
    return add_client(served_database, "asker")


@pytest.fixture(scope="session")
def picture() -> bytes:
    """Return a JPEG of 96 x 64 with a bright corner."""
    image = np.zeros((64, 96, 3), np.uint8)
    image[:32, :48] = (250, 120, 30)
    return simplejpeg.encode_jpeg(image, quality=90)


@contextmanager
def at_work(settings: ServiceSettings) -> Iterator[None]:
    """Let a worker work in a thread of this process while the block runs."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def work() -> None:
        try:
            run_worker(settings, FetchSettings(allowed_networks=("127.0.0.0/8",), deadline=2), stop=stop)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert not failed


def send(database: Database, settings: ServiceSettings, client: Client, *jobs: NewJob) -> tuple[str, ...]:
    """Submit jobs and return their ids."""
    (accepted,) = submit(database, [Submission(client.id, jobs)], settings)
    assert isinstance(accepted, Accepted)
    return accepted.job_ids


def ended(database: Database, client: Client, ids: tuple[str, ...], seconds: float = 60) -> list[Job]:
    """Return the jobs once all have ended."""

    def look() -> list[Job]:
        return [job for id_ in ids if (job := find_job(database, client.id, id_)) is not None]

    wait_until(lambda: all(job.has_ended for job in look()), seconds)
    return look()


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Return once the condition holds; fail when it does not in time."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if condition():
            return
        pause.wait(0.05)
    raise AssertionError(f"not within {seconds} s")
