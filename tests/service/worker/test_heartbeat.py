import threading

import pytest
from sqlalchemy import delete
from tests.service.conftest import put
from tests.service.holding import take

from onelook.service.clients import Client
from onelook.service.database import Database
from onelook.service.jobs.finish import cancel
from onelook.service.schema import workers
from onelook.service.settings import ServiceSettings
from onelook.service.worker import heartbeat as heartbeat_module
from onelook.service.worker.heartbeat import HUNG, Heartbeat
from onelook.service.worker.holding import Holding
from onelook.service.workers import Here, live_workers, register

HERE = Here("w1", "host", 1, "")


def test_leases_are_kept_by_signs_of_life_and_lost_jobs_are_dropped(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    short = ServiceSettings(lease=0.6, steal_after=0)
    put(database, settings, client, 3)
    taken = take(database, short)
    holding = Holding()
    holding.take(taken)
    register(database, short, HERE)
    beating = Heartbeat(database, short, HERE, holding, lambda: ("shared/default@v1",))
    cancel(database, settings, client.id, taken[0].id)

    threading.Event().wait(1.5)

    assert take(database, short, "w2") == ()
    beating.close()
    assert set(holding.held()) == {job.id for job in taken[1:]}
    assert [worker.models for worker in live_workers(database)] == [("shared/default@v1",)]
    threading.Event().wait(0.7)
    assert live_workers(database) == []
    assert len(take(database, short, "w2")) == 1


def test_a_model_that_does_not_come_back_ends_the_process(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    holding = Holding()
    holding.begin()
    monkeypatch.setattr(holding, "busy_seconds", lambda: 1000.0)
    ended: list[int] = []
    beating = Heartbeat(database, ServiceSettings(lease=0.2), HERE, holding, tuple, ended.append)

    beating._thread.join(5)

    assert ended == [HUNG]


def test_a_fault_of_the_thread_itself_ends_the_process(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*words: object) -> set[str]:
        raise KeyError("x")

    monkeypatch.setattr(heartbeat_module, "keep", broken)
    ended: list[int] = []
    beating = Heartbeat(database, ServiceSettings(lease=0.2), HERE, Holding(), tuple, ended.append)

    beating._thread.join(5)

    assert ended == [HUNG]


def test_a_worker_that_was_forgotten_while_its_machine_slept_is_there_again_until_it_leaves(database: Database) -> None:
    settings = ServiceSettings(lease=600)
    register(database, settings, HERE)
    beating = Heartbeat(database, settings, HERE, Holding(), tuple)
    with database.writing() as connection:
        connection.execute(delete(workers))

    beating.beat()
    assert [worker.id for worker in live_workers(database)] == ["w1"]
    beating.leave()
    beating.beat()

    assert live_workers(database) == []
    beating.close()
