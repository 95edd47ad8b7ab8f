import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from tests.service.conftest import put
from tests.service.holding import RESULT, counted, done, kept_counts, let_leases_end, take

from onelook.service.clients import Client, add_client
from onelook.service.database import Database, open_database
from onelook.service.jobs.claim import anything_waits
from onelook.service.jobs.expiry import expire, expire_all
from onelook.service.jobs.finish import Outcome, cancel, finish
from onelook.service.jobs.job import ClaimedJob, Fault, NewJob, Submission
from onelook.service.jobs.leases import keep, release
from onelook.service.jobs.listing import drain_rate, find_job, finished_among, list_jobs, numbers, oldest_waiting
from onelook.service.jobs.submit import submit
from onelook.service.migrations import migrate
from onelook.service.schema import jobs, results, uploads
from onelook.service.settings import ServiceSettings

BROKEN = Fault("image_unreadable", "expected a picture")


def test_a_result_is_kept_with_its_job_until_its_time(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    submit(database, [Submission(client.id, (NewJob(upload=b"pixels"),))], settings)
    taken = take(database, settings)

    assert done(database, settings, taken) == {taken[0].id}

    job = find_job(database, client.id, taken[0].id)
    assert job is not None
    assert (job.state, job.result, job.has_ended) == ("done", RESULT, True)
    assert job.finished_at is not None
    assert job.expires_at == pytest.approx(job.finished_at + settings.result_ttl)
    with database.reading() as connection:
        assert connection.execute(select(uploads)).all() == []
    assert finished_among(database, [taken[0].id, "gone"]) == {taken[0].id, "gone"}
    assert drain_rate(database, settings) == drain_rate(database, settings, client.id) == 1 / 60
    assert drain_rate(database, settings, "nobody") == 0


def test_a_fault_ends_a_job_and_says_why(database: Database, settings: ServiceSettings, client: Client) -> None:
    put(database, settings, client, 2)
    broken, whole = take(database, settings)

    finish(database, settings, "w1", [Outcome(broken.id, 1, fault=BROKEN), Outcome(whole.id, 1, result=RESULT)])

    job = find_job(database, client.id, broken.id)
    assert job is not None
    assert (job.state, job.error, job.result) == ("failed", BROKEN, None)
    assert [(row.done, row.failed, row.running) for row in numbers(database)] == [(1, 1, 0)]


def test_a_passing_fault_delays_a_job_ever_longer_until_it_is_dead(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    settings = replace(settings, retry_delay=60)  # time passes by let_leases_end alone, however slow the machine is
    (id_,) = put(database, settings, client)
    states = []
    for attempt in (1, 2, 3):
        assert [job.attempt for job in take(database, settings)] == [attempt]
        finish(
            database, settings, "w1", [Outcome(id_, attempt, fault=Fault("fetch_failed", "no answer"), passing=True)]
        )
        job = find_job(database, client.id, id_)
        assert job is not None
        states.append((job.state, job.failures))
        assert take(database, ServiceSettings()) == ()
        let_leases_end(database)

    assert states == [("delayed", 1), ("delayed", 2), ("dead", 2)]
    assert job.error == Fault("fetch_failed", "no answer")
    assert not anything_waits(database)


def test_a_job_that_takes_its_worker_down_again_and_again_is_dead_and_its_neighbours_are_done(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    poison, *innocent = put(database, settings, client, 5)
    for _ in range(20):
        taken = take(database, settings)
        if poison in {job.id for job in taken}:
            let_leases_end(database)  # the worker is gone
        else:
            done(database, settings, taken)

    states = {job.id: job.state for job in list_jobs(database, client.id)}
    assert states == {poison: "dead", **dict.fromkeys(innocent, "done")}
    job = find_job(database, client.id, poison)
    assert job is not None
    assert job.error is not None
    assert job.error.code == "too_many_tries"
    assert job.attempt == 3


def test_a_late_result_is_refused_whether_the_job_was_taken_again_or_not(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    put(database, settings, client)
    late = take(database, settings, "stopped")
    let_leases_end(database)

    assert done(database, settings, late, "stopped") == set()
    again = take(database, settings, "w2")
    assert done(database, settings, late, "stopped") == set()
    assert keep(database, settings, "stopped", {late[0].id: 1}) == set()
    assert done(database, settings, again, "w2") == {again[0].id}
    assert done(database, settings, late, "stopped") == set()
    assert done(database, settings, again, "w2") == set()
    with database.reading() as connection:
        assert [(row.owner, row.attempt) for row in connection.execute(select(results))] == [("w2", 2)]


def test_the_same_worker_cannot_write_for_an_earlier_attempt(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    put(database, settings, client)
    first = take(database, settings)
    let_leases_end(database)
    second = take(database, settings)

    assert done(database, settings, first) == set()
    assert done(database, settings, second) == {second[0].id}


def test_a_sign_of_life_prolongs_leases(database: Database, settings: ServiceSettings, client: Client) -> None:
    put(database, settings, client, 3)
    taken = take(database, ServiceSettings(lease=0.3))
    held = {job.id: job.attempt for job in taken}

    assert keep(database, settings, "w1", held) == set(held)
    assert keep(database, settings, "w2", held) == set()
    assert take(database, settings) == ()
    assert keep(database, settings, "w1", {}) == set()


def test_a_cancelled_job_takes_no_result(database: Database, settings: ServiceSettings, client: Client) -> None:
    put(database, settings, client, 2)
    running, other = take(database, settings)

    job = cancel(database, settings, client.id, running.id)

    assert job is not None
    assert job.state == "cancelled"
    assert done(database, settings, (running, other)) == {other.id}
    after = cancel(database, settings, client.id, other.id)
    assert after is not None
    assert after.state == "done"
    assert cancel(database, settings, "somebody", running.id) is None


def test_a_finish_whose_answer_was_lost_counts_once(
    database: Database, settings: ServiceSettings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(database, settings, client, 2)
    taken = take(database, settings)
    original = database.run
    monkeypatch.setattr(database, "run", lambda work: (original(work), original(work))[1])

    assert done(database, settings, taken) == {job.id for job in taken}
    monkeypatch.undo()
    assert [row.done for row in numbers(database)] == [2]


def test_what_ended_long_ago_is_forgotten(database: Database, settings: ServiceSettings, client: Client) -> None:
    short = ServiceSettings(result_ttl=1)
    put(database, settings, client, 3)
    first, second, third = take(database, settings)
    done(database, settings, (first,))
    finish(database, short, "w1", [Outcome(second.id, 1, result=RESULT)])
    assert expire(database, settings) == 0

    time.sleep(1.05)

    assert expire(database, settings) == 1
    assert {job.id for job in list_jobs(database, client.id)} == {first.id, third.id}
    with database.reading() as connection:
        assert connection.execute(select(results.c.job_id)).scalars().all() == [first.id]


def test_all_that_is_past_its_time_is_forgotten_however_much_it_is(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    put(database, settings, client, 7)
    done(database, settings, take(database, settings))
    with database.writing() as connection:
        connection.execute(update(jobs).values(due=jobs.c.due - 2 * settings.result_ttl))

    assert expire_all(database, settings, lambda: True, limit=2) == 2
    assert expire_all(database, settings, lambda: False, limit=2) == 5
    assert list_jobs(database, client.id) == []


def test_how_long_the_oldest_has_waited(database: Database, settings: ServiceSettings, client: Client) -> None:
    assert oldest_waiting(database) == 0
    put(database, settings, client)

    assert 0 <= oldest_waiting(database) < 5


EVENTS = st.lists(
    st.sampled_from(
        ["submit", "take w1", "take w2", "finish", "stale", "fail", "later", "pass", "release", "cancel", "keep"]
    ),
    min_size=10,
    max_size=40,
)


class History:
    """Two clients and two workers on a database of their own, and what is known of the jobs from outside."""

    def __init__(self, folder: Path) -> None:
        self.database = open_database(f"sqlite:///{folder / 'onelook.db'}")
        migrate(self.database)
        self.settings = ServiceSettings(batch=4, steal_after=0)
        self.clients = [add_client(self.database, name) for name in ("one", "two")]
        self.taken: list[tuple[str, ClaimedJob]] = []
        self.held: dict[str, tuple[str, ClaimedJob]] = {}
        self.wrote: Counter[str] = Counter()

    def happen(self, event: str, number: int) -> None:
        """Let a client, a worker or time do something; `number` chooses who and what."""
        word, _, worker = event.partition(" ")
        if word == "submit":
            put(self.database, self.settings, self.clients[number % 2], 1 + number % 5)
        elif word == "take":
            took = take(self.database, self.settings, worker)
            self.taken += [(worker, job) for job in took]
            self.held.update({job.id: (worker, job) for job in took})
        elif word == "pass":
            let_leases_end(self.database)
            self.held.clear()
        elif word == "stale":
            for owner, job in self.taken:
                if (owner, job) not in self.held.values():
                    assert done(self.database, self.settings, (job,), owner) == set()
        elif self.held:
            job_id = sorted(self.held)[number % len(self.held)]
            self.happen_to(word, *self.held.pop(job_id))

    def happen_to(self, word: str, owner: str, job: ClaimedJob) -> None:
        """Let a job that a worker holds be kept, given back, cancelled, or ended by it."""
        if word == "keep":
            assert keep(self.database, self.settings, owner, {job.id: job.attempt}) == {job.id}
            self.held[job.id] = owner, job
        elif word == "release":
            assert release(self.database, owner, {job.id: job.attempt}) == 1
        elif word == "cancel":
            assert cancel(self.database, self.settings, job.client_id, job.id) is not None
        elif word == "finish":
            assert done(self.database, self.settings, (job,), owner) == {job.id}
            self.wrote[job.id] += 1
        else:
            outcome = Outcome(job.id, job.attempt, fault=BROKEN, passing=word == "later")
            assert finish(self.database, self.settings, owner, [outcome]) == {job.id}


@given(EVENTS)
@hypothesis_settings(max_examples=12, deadline=None)
def test_whatever_happens_each_job_has_one_end_one_result_and_is_counted_once(
    tmp_path_factory: pytest.TempPathFactory, events: list[str]
) -> None:
    history = History(tmp_path_factory.mktemp("any"))
    for number, event in enumerate(events):
        history.happen(event, number)

    assert counted(history.database) == {key: count for key, count in kept_counts(history.database).items() if count}
    with history.database.reading() as connection:
        kept = Counter(connection.execute(select(results.c.job_id)).scalars().all())
    assert kept == history.wrote
    assert set(kept.values()) <= {1}
    history.database.close()
