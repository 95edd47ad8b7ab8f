import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, select, update
from tests.service.conftest import put
from tests.service.holding import done, let_leases_end, take

from onelook.service.clients import Client, add_client
from onelook.service.database import Database, DatabaseDownError
from onelook.service.jobs.claim import anything_waits
from onelook.service.jobs.finish import Outcome, finish
from onelook.service.jobs.job import Fault, NewJob, Submission
from onelook.service.jobs.leases import put_back, release
from onelook.service.jobs.listing import find_job
from onelook.service.jobs.submit import submit
from onelook.service.scheduler import home_of
from onelook.service.schema import jobs, queues, shares
from onelook.service.settings import ServiceSettings
from onelook.service.workers import Here, leave, register


def test_a_batch_is_the_oldest_of_one_client_and_one_model(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    other = add_client(database, "another")
    ids = put(database, settings, client, 20)
    put(database, settings, client, 3, model="cells")
    put(database, settings, other, 3)

    taken = take(database, settings)

    assert len({(job.client_id, job.model) for job in taken}) == 1
    mine = [take(database, settings), taken, take(database, settings), take(database, settings)]
    whole = next(batch for batch in mine if len(batch) == 16)
    assert [job.id for job in whole] == ids[:16]
    assert take(database, settings) == ()
    assert not anything_waits(database)


def test_a_claimed_job_runs_with_its_picture_and_its_attempt(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    new = (NewJob(upload=b"pixels", threshold=0.3), NewJob(url="http://x/"))
    submit(database, [Submission(client.id, new)], settings)

    taken = take(database, settings)

    seen = [(job.upload, job.url, job.threshold, job.attempt) for job in taken]
    assert seen == [(b"pixels", None, 0.3, 1), (None, "http://x/", None, 1)]
    job = find_job(database, client.id, taken[0].id)
    assert job is not None
    assert job.state == "running"
    assert job.started_at == pytest.approx(taken[0].claimed_at, abs=0.01)


def test_two_clients_take_turns_as_their_weights_say(database: Database, settings: ServiceSettings) -> None:
    light, heavy = add_client(database, "light"), add_client(database, "heavy", weight=3)
    for each in (light, heavy):
        put(database, settings, each, 600)
    fair = ServiceSettings(affinity=0, away=0, batch=10, steal_after=0)
    taken = [take(database, fair)[0].client_id for _ in range(40)]

    assert taken.count(heavy.id) == 30
    assert taken.count(light.id) == 10


def test_the_loaded_model_goes_on_until_another_client_is_behind_by_the_affinity(
    database: Database, settings: ServiceSettings
) -> None:
    first, second = add_client(database, "first"), add_client(database, "second")
    put(database, settings, first, 200, model="one")
    put(database, settings, second, 200, model="two")

    taken = [take(database, settings, loaded="one")[0].model for _ in range(5)]

    assert taken.index("two") in (2, 3)  # 32 jobs ahead, the affinity: from there either may be next


def test_a_client_that_idled_has_saved_up_nothing(database: Database, settings: ServiceSettings) -> None:
    fair = ServiceSettings(affinity=0, away=0, batch=10, steal_after=0)
    busy, idle = add_client(database, "busy"), add_client(database, "idle")
    put(database, settings, busy, 400)
    for _ in range(20):
        take(database, fair)
    put(database, settings, idle, 400)

    taken = [take(database, fair)[0].client_id for _ in range(10)]

    assert taken.count(idle.id) == 5


def test_a_worker_leaves_what_just_came_to_its_home_and_takes_what_waits_too_long(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    patient = ServiceSettings(steal_after=30)
    for worker in ("w1", "w2"):
        register(database, patient, Here(worker, "host", 1, ""))
    home = home_of(client.id, ["w1", "w2"])
    away = "w2" if home == "w1" else "w1"
    put(database, settings, client, 3)

    assert take(database, patient, away) == ()
    assert len(take(database, patient, away, loaded="default")) == 3
    put(database, settings, client, 3)
    with database.writing() as connection:
        connection.execute(update(jobs).values(created_at=jobs.c.created_at - 31))
    assert len(take(database, patient, away)) == 3
    put(database, settings, client, 3)
    assert home is not None
    leave(database, home)
    assert len(take(database, patient, away)) == 3


def test_what_was_tried_before_is_taken_alone(database: Database, settings: ServiceSettings, client: Client) -> None:
    put(database, settings, client, 4)
    lost = take(database, settings)
    let_leases_end(database)
    put(database, settings, client, 4)

    batches = [take(database, settings) for _ in range(5)]

    assert [len(batch) for batch in batches] == [1, 1, 1, 1, 4]
    assert [batch[0].id for batch in batches[:4]] == [job.id for job in lost]
    assert all(batch[0].attempt == 2 for batch in batches[:4])


def test_what_was_given_back_unbegun_goes_on_as_if_never_taken(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    put(database, settings, client, 4)
    taken = take(database, settings)

    assert release(database, "w1", {job.id: job.attempt for job in taken}) == 4
    assert release(database, "w1", {job.id: job.attempt for job in taken}) == 0
    again = take(database, settings, "w2")

    assert [job.id for job in again] == [job.id for job in taken]
    assert {job.failures for job in again} == {0}
    assert done(database, settings, taken, "w1") == set()
    assert len(done(database, settings, again, "w2")) == 4


def test_many_workers_at_once_take_every_job_once(database: Database, settings: ServiceSettings) -> None:
    for number in range(3):
        put(database, settings, add_client(database, f"client {number}"), 100)
    taken: list[str] = []

    def work(worker: str) -> None:
        while batch := take(database, settings, worker):
            taken.extend(job.id for job in batch)
            done(database, settings, batch, worker)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == len(set(taken)) == 300


def test_a_client_whose_jobs_all_wait_for_their_moment_saves_up_nothing(
    database: Database, settings: ServiceSettings
) -> None:
    fair = ServiceSettings(affinity=0, away=0, batch=10, steal_after=0, retry_delay=3000)
    busy, idle = add_client(database, "busy"), add_client(database, "idle")
    put(database, settings, idle)
    (job,) = take(database, fair)
    late = Outcome(job.id, job.attempt, fault=Fault("fetch_failed", "no answer"), passing=True)
    finish(database, fair, "w1", [late])
    put(database, settings, busy, 600)
    for _ in range(20):
        take(database, fair)
    put(database, settings, idle, 200)
    asked = [take(database, fair)[0].client_id for _ in range(10)]
    assert asked.count(idle.id) == 5

    with database.writing() as connection:  # what is left of it is cancelled; a moment comes later
        connection.execute(update(shares).where(shares.c.client_id == idle.id).values(virtual_time=0))
        connection.execute(update(jobs).where(jobs.c.client_id == idle.id, jobs.c.id != job.id).values(state="done"))
        connection.execute(update(queues).where(queues.c.client_id == idle.id).values(waiting=0, running=0, delayed=1))
        connection.execute(update(jobs).where(jobs.c.id == job.id).values(due=0))
    put_back(database, fair)

    with database.reading() as connection:
        rows = connection.execute(select(shares.c.client_id, shares.c.virtual_time)).all()
    times = {row.client_id: row.virtual_time for row in rows}
    assert times[idle.id] == times[busy.id] > 0


def test_putting_back_and_accepting_at_the_same_time_never_wait_for_each_other_in_a_ring(
    database: Database, settings: ServiceSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that had put back held the counts while it asked for the shares; one that accepted held the shares."""
    two = [add_client(database, name) for name in ("one", "two")]
    lost: list[str] = []
    original = database.writing

    @contextmanager
    def noting() -> Iterator[Connection]:
        try:
            with original() as connection:
                yield connection
        except DatabaseDownError as error:
            lost.append(str(error))
            raise

    monkeypatch.setattr(database, "writing", noting)
    ends = threading.Event()

    def accept() -> None:
        for _ in range(40):
            new = (NewJob(url="http://example.org/1.jpg"),)
            submit(database, [Submission(each.id, new) for each in two], settings)
        ends.set()

    def work(worker: str) -> None:
        while not ends.is_set():
            take(database, settings, worker)
            let_leases_end(database)

    threads = [threading.Thread(target=accept), *[threading.Thread(target=work, args=(f"w{n}",)) for n in range(2)]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert lost == []
