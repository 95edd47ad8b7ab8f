import threading

import pytest
from tests.service.conftest import put
from tests.service.holding import take

from onelook.service.clients import Client
from onelook.service.database import Database
from onelook.service.jobs.finish import cancel
from onelook.service.settings import ServiceSettings
from onelook.service.worker import heartbeat as heartbeat_module
from onelook.service.worker.heartbeat import HUNG, Heartbeat
from onelook.service.worker.holding import Holding
from onelook.service.workers import live_workers, register


def test_leases_are_kept_by_signs_of_life_and_lost_jobs_are_dropped(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    short = ServiceSettings(lease=0.6, steal_after=0)
    put(database, settings, client, 3)
    taken = take(database, short)
    holding = Holding()
    holding.take(taken)
    register(database, short, "w1", "host", 1, "")
    beating = Heartbeat(database, short, "w1", holding, lambda: ("shared/default@v1",))
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
    beating = Heartbeat(database, ServiceSettings(lease=0.2), "w1", holding, tuple, ended.append)

    beating._thread.join(5)

    assert ended == [HUNG]


def test_a_fault_of_the_thread_itself_ends_the_process(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*words: object) -> set[str]:
        raise KeyError("x")

    monkeypatch.setattr(heartbeat_module, "keep", broken)
    ended: list[int] = []
    beating = Heartbeat(database, ServiceSettings(lease=0.2), "w1", Holding(), tuple, ended.append)

    beating._thread.join(5)

    assert ended == [HUNG]
