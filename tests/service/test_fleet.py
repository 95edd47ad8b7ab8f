import os
import signal
from dataclasses import replace

import pytest
from tests.service.worker.conftest import asker, ended, picture, send, served, served_database, wait_until

from onelook.service.clients import Client
from onelook.service.database import Database
from onelook.service.fleet import Fleet
from onelook.service.jobs.job import NewJob
from onelook.service.settings import ServiceSettings
from onelook.service.workers import live_workers

__all__ = ["asker", "picture", "served", "served_database"]


@pytest.mark.slow
def test_a_worker_that_is_killed_is_begun_again_and_all_end_when_they_are_asked(
    served: ServiceSettings, served_database: Database, asker: Client, picture: bytes
) -> None:
    settings = replace(served, lease=2)
    fleet = Fleet(settings, 2)
    fleet.start()
    try:
        wait_until(lambda: len(live_workers(served_database)) == 2)
        before = set(fleet.pids)
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: fleet.check() == 1)
        ids = send(served_database, settings, asker, *[NewJob(upload=picture)] * 20)
        wait_until(lambda: fleet.check() == 2)
        jobs = ended(served_database, asker, ids)
    finally:
        fleet.stop()

    assert {job.state for job in jobs} == {"done"}
    assert fleet.pids == []
    wait_until(lambda: live_workers(served_database) == [])  # the killed one is held for alive until its lease ends
