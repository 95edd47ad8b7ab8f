"""Notes that a job has ended: had by one sender at a time, and kept as long as somebody is still to be told."""

from collections.abc import Callable

import pytest
from sqlalchemy import update
from tests.service.holding import take

from onelook.service.clients import Client, add_client
from onelook.service.database import Database
from onelook.service.jobs.again import retry
from onelook.service.jobs.callbacks import callback_failed, callback_sent, take_callbacks
from onelook.service.jobs.expiry import expire
from onelook.service.jobs.finish import Outcome, finish
from onelook.service.jobs.job import Accepted, Fault, NewJob, Submission
from onelook.service.jobs.submit import submit
from onelook.service.schema import callbacks, jobs
from onelook.service.settings import ServiceSettings

NEW = NewJob(url="http://example.org/1.jpg", callback="http://example.org/told")
BROKEN = Fault("image_unreadable", "expected a picture")


@pytest.fixture
def ended(database: Database, settings: ServiceSettings) -> Callable[[Client], str]:
    """Return a function that sends a job of a client, which fails, and returns its id."""

    def fail(client: Client) -> str:
        (accepted,) = submit(database, [Submission(client.id, (NEW,))], settings)
        assert isinstance(accepted, Accepted)
        _fail(database, settings)
        return accepted.job_ids[0]

    return fail


def _fail(database: Database, settings: ServiceSettings) -> None:
    (job,) = take(database, settings)
    finish(database, settings, "w1", [Outcome(job.id, job.attempt, fault=BROKEN)])


def test_a_late_sender_does_not_forget_the_note_of_the_job_s_next_end(
    database: Database, settings: ServiceSettings, client: Client, ended: Callable[[Client], str]
) -> None:
    id_ = ended(client)
    (first,) = take_callbacks(database, "one")
    retry(database, id_)
    _fail(database, settings)
    (second,) = take_callbacks(database, "two")

    callback_sent(database, first)
    assert callback_failed(database, first), "of another's note nothing changes"

    assert callback_failed(database, second)
    with database.writing() as connection:
        assert connection.execute(update(callbacks).values(due=0)).rowcount == 1
    assert [note.attempt for note in take_callbacks(database, "three")] == [2]


def test_clients_that_have_enough_under_way_are_left_out(
    database: Database, client: Client, ended: Callable[[Client], str]
) -> None:
    other = add_client(database, "another")
    mine, others = ended(client), ended(other)

    assert [note.job_id for note in take_callbacks(database, "one", without=[client.id])] == [others]
    assert [note.job_id for note in take_callbacks(database, "one")] == [mine]


def test_a_job_is_kept_past_its_time_until_its_note_was_sent_or_given_up(
    database: Database, settings: ServiceSettings, client: Client, ended: Callable[[Client], str]
) -> None:
    ended(client)
    with database.writing() as connection:
        connection.execute(update(jobs).values(due=0))

    assert expire(database, settings) == 0
    (note,) = take_callbacks(database, "one")
    callback_sent(database, note)

    assert expire(database, settings) == 1


def test_a_fault_in_whatever_words_is_kept(database: Database, settings: ServiceSettings, client: Client) -> None:
    submit(database, [Submission(client.id, (NEW, NEW))], settings)
    first, second = take(database, settings)
    strange = Fault("prediction_failed", "node a\0b, half \ud800 of a pair" + "x" * 10_000)

    outcomes = [Outcome(first.id, 1, fault=strange), Outcome(second.id, 1, fault=strange, passing=True)]

    assert finish(database, settings, "w1", outcomes) == {first.id, second.id}
