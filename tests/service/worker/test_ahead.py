import queue
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pytest
from tests.service.conftest import put
from tests.service.holding import done, let_leases_end, take
from tests.service.worker.conftest import wait_until

from onelook.service.clients import Client
from onelook.service.database import Database
from onelook.service.jobs.job import ClaimedJob
from onelook.service.jobs.listing import numbers
from onelook.service.settings import ServiceSettings
from onelook.service.worker import ahead as ahead_module
from onelook.service.worker.ahead import Ahead, Batch
from onelook.service.worker.heartbeat import HUNG
from onelook.service.worker.holding import Holding
from onelook.service.worker.pictures import Opened


class NoPictures:
    """Opens nothing, at once."""

    def open(self, jobs: Sequence[ClaimedJob]) -> Iterable[Opened]:
        return [Opened(None, None, False, 0.0, 0.0)] * len(jobs)


@contextmanager
def taking(database: Database, settings: ServiceSettings) -> Iterator[tuple[Ahead, "queue.Queue[Batch]", Holding]]:
    """Let batches be taken while the block runs."""
    handed: queue.Queue[Batch] = queue.Queue()
    holding = Holding()
    ahead = Ahead(database, settings, "w1", holding, NoPictures(), lambda client, model: True, handed.put)
    try:
        yield ahead, handed, holding
    finally:
        ahead.close()


def test_one_batch_is_taken_ahead_and_no_more(database: Database, settings: ServiceSettings, client: Client) -> None:
    put(database, settings, client, 64)
    with taking(database, settings) as (ahead, handed, holding):
        first = handed.get(timeout=20)
        wait_until(lambda: handed.qsize() == 1)
        assert len(holding.held()) == 32
        done(database, settings, first.jobs)
        ahead.batch_done()
        wait_until(lambda: handed.qsize() == 2)

    (counts,) = numbers(database)
    assert (counts.done, counts.running, counts.waiting) == (16, 32, 16)


def test_what_was_tried_before_is_taken_when_nothing_else_is_held_and_nothing_beside_it(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    put(database, settings, client, 2)
    take(database, settings, "gone")
    let_leases_end(database)
    take(database, settings, "w2")  # puts the others back, and takes one of them, alone
    put(database, settings, client, 20)

    with taking(database, settings) as (ahead, handed, holding):
        sizes, most_held = [], 0
        for _ in range(3):
            batch = handed.get(timeout=20)
            tried = bool(batch.jobs[0].failures)
            if tried:
                assert len(holding.held()) == 1
                assert handed.empty()
            sizes.append(len(batch.jobs))
            most_held = max(most_held, len(holding.held()))
            done(database, settings, batch.jobs)
            holding.drop(job.id for job in batch.jobs)
            ahead.batch_done()

    assert sizes == [1, 16, 4]


def test_what_was_taken_while_it_had_to_stop_is_given_back(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    holding = Holding()
    handed: queue.Queue[Batch] = queue.Queue()

    class Stopping(NoPictures):
        def open(self, jobs: Sequence[ClaimedJob]) -> Iterable[Opened]:
            ahead._stop.set()
            return super().open(jobs)

    ahead = Ahead(database, settings, "w1", holding, Stopping(), lambda client, model: True, handed.put)
    put(database, settings, client, 5)
    ahead._thread.join(20)
    ahead.close()

    assert handed.empty()
    assert holding.held() == {}
    assert [(row.waiting, row.running) for row in numbers(database)] == [(5, 0)]


def test_large_pictures_are_handed_over_in_parts_so_that_few_are_decoded_at_once(
    database: Database, settings: ServiceSettings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead_module, "MOST_DECODED", 2000)
    handed: queue.Queue[Batch] = queue.Queue()
    opened: list[str] = []

    class Large:
        def open(self, jobs: Sequence[ClaimedJob]) -> Iterable[Opened]:
            for job in jobs:
                opened.append(job.id)
                yield Opened(np.zeros((10, 100, 3), np.uint8)[:, : 34 * len(opened)], None, False, 0.0, 0.0)

    ids = put(database, settings, client, 5)
    ahead = Ahead(database, settings, "w1", Holding(), Large(), lambda client, model: True, handed.put)
    wait_until(lambda: handed.qsize() == 2)
    threading.Event().wait(0.1)
    assert opened == ids[:3], "two parts are out, nothing more is decoded"
    batches = []
    for _ in range(4):
        batches.append(handed.get(timeout=20))
        assert len(batches[-1].jobs) == len(batches[-1].pictures)
        ahead.batch_done()
    ahead.close()

    assert [len(batch.jobs) for batch in batches] == [2, 1, 1, 1]
    assert [job.id for batch in batches for job in batch.jobs] == ids == opened


def test_what_is_left_of_a_batch_in_parts_is_given_back(
    database: Database, settings: ServiceSettings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ahead_module, "MOST_DECODED", 1)
    handed: queue.Queue[Batch] = queue.Queue()

    class Large:
        def open(self, jobs: Sequence[ClaimedJob]) -> Iterable[Opened]:
            for _ in jobs:
                yield Opened(np.zeros((1, 1, 3), np.uint8), None, False, 0.0, 0.0)

    put(database, settings, client, 5)
    ahead = Ahead(database, settings, "w1", Holding(), Large(), lambda client, model: True, handed.put)
    wait_until(lambda: handed.qsize() == 2)
    ahead.close()

    assert handed.qsize() == 2
    assert [(row.waiting, row.running) for row in numbers(database)] == [(3, 2)]


def test_a_fault_of_the_thread_itself_ends_the_process(
    database: Database, settings: ServiceSettings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> tuple[ClaimedJob, ...]:
        raise KeyError("x")

    monkeypatch.setattr(ahead_module, "claim", broken)
    put(database, settings, client)
    ended: list[int] = []

    ahead = Ahead(
        database, settings, "w1", Holding(), NoPictures(), lambda client, model: True, pytest.fail, ended.append
    )
    ahead._thread.join(20)

    assert ended == [HUNG]
