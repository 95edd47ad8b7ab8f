import queue
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.service.conftest import put
from tests.service.holding import done, let_leases_end, take
from tests.service.worker.conftest import wait_until

from onelook.service.clients import Client
from onelook.service.database import Database
from onelook.service.jobs.job import ClaimedJob
from onelook.service.jobs.listing import numbers
from onelook.service.settings import ServiceSettings
from onelook.service.worker.ahead import Ahead, Batch
from onelook.service.worker.holding import Holding


class NoPictures:
    """Opens nothing, at once."""

    def open(self, jobs: Sequence[ClaimedJob]) -> list[object]:
        return [None] * len(jobs)


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
        def open(self, jobs: Sequence[ClaimedJob]) -> list[object]:
            ahead._stop.set()
            return super().open(jobs)

    ahead = Ahead(database, settings, "w1", holding, Stopping(), lambda client, model: True, handed.put)
    put(database, settings, client, 5)
    ahead._thread.join(20)
    ahead.close()

    assert handed.empty()
    assert holding.held() == {}
    assert [(row.waiting, row.running) for row in numbers(database)] == [(5, 0)]
