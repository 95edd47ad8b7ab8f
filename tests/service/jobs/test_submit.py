import re
import time
from concurrent.futures import wait

import pytest
from sqlalchemy import select, update

from onelook.service.clients import Client, add_client, change_client
from onelook.service.database import Database, DatabaseDownError, open_database
from onelook.service.jobs.job import Accepted, NewJob, Submission
from onelook.service.jobs.listing import find_job, list_jobs, numbers
from onelook.service.jobs.refusals import IdempotencyError, QueueFullError, QuotaError, UnknownClientError
from onelook.service.jobs.submit import Submitter, submit
from onelook.service.schema import shares, uploads
from onelook.service.settings import ServiceSettings
from onelook.structures.errors import UserError

ONE = (NewJob(url="http://example.org/1.jpg"),)


def test_a_job_is_as_it_was_asked_for(database: Database, settings: ServiceSettings, client: Client) -> None:
    new = NewJob(upload=b"a picture", model="cells", threshold=0.5, callback="http://example.org/done")

    (accepted,) = submit(database, [Submission(client.id, (new, *ONE))], settings)

    assert isinstance(accepted, Accepted)
    job = find_job(database, client.id, accepted.job_ids[0])
    assert job is not None
    assert (job.state, job.model, job.threshold, job.callback) == ("waiting", "cells", 0.5, "http://example.org/done")
    assert (job.attempt, job.started_at, job.expires_at, job.result, job.error) == (0, None, None, None, None)
    assert abs(job.created_at - time.time()) < 5
    assert [each.model for each in list_jobs(database, client.id)] == ["default", "cells"]
    with database.reading() as connection:
        assert connection.execute(select(uploads.c.data)).scalars().all() == [b"a picture"]


def test_ids_that_are_drawn_together_are_as_many_as_jobs_and_all_different(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    urls = [[f"https://example.org/{n}.jpg" for n in range(count)] for count in (1, 3, 200)]
    given = [Submission(client.id, tuple(NewJob(url) for url in group)) for group in urls]

    answers = submit(database, given, settings)

    ids = [answer.job_ids for answer in answers if isinstance(answer, Accepted)]
    assert [len(each) for each in ids] == [1, 3, 200]
    assert len({id_ for each in ids for id_ in each}) == 204
    assert all(re.fullmatch("[0-9a-f]{32}", id_) for each in ids for id_ in each)


def test_another_clients_job_is_not_there(database: Database, settings: ServiceSettings, client: Client) -> None:
    other = add_client(database, "another")
    (accepted,) = submit(database, [Submission(client.id, ONE)], settings)
    assert isinstance(accepted, Accepted)

    assert find_job(database, other.id, accepted.job_ids[0]) is None
    assert list_jobs(database, other.id) == []


@pytest.mark.parametrize("values", [{}, {"url": "http://x/", "upload": b"x"}])
def test_a_job_has_an_address_or_a_picture(values: dict[str, object]) -> None:
    with pytest.raises(UserError, match="url, upload: expected one of them"):
        NewJob(**values)


@pytest.mark.parametrize("model", ["", "../x", "UPPER", "a/b", "a..b", "x" * 65])
def test_a_models_name_cannot_lead_elsewhere(model: str) -> None:
    with pytest.raises(UserError, match="model: expected 1 to 64 small letters"):
        NewJob(url="http://x/", model=model)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan"), float("inf")])
def test_a_threshold_is_a_share(threshold: float) -> None:
    with pytest.raises(UserError, match="threshold: expected a number from 0 to 1"):
        NewJob(url="http://x/", threshold=threshold)


def test_a_key_that_comes_again_gives_the_same_jobs(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    first = Submission(client.id, ONE * 2, "key", "digest")

    (before,) = submit(database, [first], settings)
    again = [first, Submission(client.id, ONE, "key", "other"), Submission(client.id, ONE, "k2", "d")]
    together = submit(database, again * 2, settings)

    assert isinstance(before, Accepted)
    assert together[0] == Accepted(before.job_ids, replayed=True) == together[3]
    assert isinstance(together[1], IdempotencyError)
    assert isinstance(together[2], Accepted)
    assert together[5] == Accepted(together[2].job_ids, replayed=True)
    assert len(list_jobs(database, client.id)) == 3


def test_keys_of_two_clients_are_two_keys(database: Database, settings: ServiceSettings, client: Client) -> None:
    other = add_client(database, "another")

    answers = submit(database, [Submission(each.id, ONE, "key", each.id) for each in (client, other)], settings)

    assert [isinstance(answer, Accepted) and not answer.replayed for answer in answers] == [True, True]


def test_one_requests_refusal_leaves_the_others(database: Database, settings: ServiceSettings, client: Client) -> None:
    change_client(database, client.id, max_waiting=3)

    asked = [
        Submission(client.id, ONE * 2),
        Submission(client.id, ONE * 2),
        Submission("nobody", ONE),
        Submission(client.id, ONE),
    ]
    answers = submit(database, asked, settings)

    assert [type(answer) for answer in answers] == [Accepted, QuotaError, UnknownClientError, Accepted]
    assert len(list_jobs(database, client.id)) == 3


def test_jobs_a_minute_are_limited_and_come_back_with_time(database: Database, settings: ServiceSettings) -> None:
    client = add_client(database, "slow", jobs_per_minute=60)
    assert isinstance(submit(database, [Submission(client.id, ONE * 60)], settings)[0], Accepted)

    (refused,) = submit(database, [Submission(client.id, ONE * 10)], settings)

    assert isinstance(refused, QuotaError)
    assert refused.field == "jobs_per_minute"
    assert 8 < refused.retry_after <= 10
    with database.writing() as connection:
        connection.execute(update(shares).values(tokens_at=shares.c.tokens_at - refused.retry_after))
    assert isinstance(submit(database, [Submission(client.id, ONE * 10)], settings)[0], Accepted)


def test_a_request_above_the_whole_bucket_passes_when_it_is_full(database: Database, settings: ServiceSettings) -> None:
    client = add_client(database, "slow", jobs_per_minute=5)

    first, second = submit(database, [Submission(client.id, ONE * 10), Submission(client.id, ONE)], settings)

    assert isinstance(first, Accepted)
    assert isinstance(second, QuotaError)
    assert second.retry_after == pytest.approx(72, abs=1)


def test_a_full_queue_accepts_nothing(database: Database, settings: ServiceSettings, client: Client) -> None:
    small = ServiceSettings(max_waiting=2)

    answers = submit(database, [Submission(client.id, ONE * 2), Submission(client.id, ONE)], small)

    assert isinstance(answers[1], QueueFullError)
    assert answers[1].retry_after == 60


def test_a_disabled_client_is_unknown(database: Database, settings: ServiceSettings, client: Client) -> None:
    change_client(database, client.id, disabled=True)

    assert isinstance(submit(database, [Submission(client.id, ONE)], settings)[0], UnknownClientError)


def test_the_submitter_groups_what_waits_and_answers_each(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    submitter = Submitter(database, settings)
    futures = [submitter.submit(Submission(client.id, ONE)) for _ in range(100)]
    futures.append(submitter.submit(Submission("nobody", ONE)))
    submitter.close()

    assert not wait(futures, timeout=0).not_done
    assert len({future.result().job_ids[0] for future in futures[:-1]}) == 100
    assert isinstance(futures[-1].exception(), UnknownClientError)
    assert [(row.waiting, row.done) for row in numbers(database)] == [(100, 0)]
    with pytest.raises(RuntimeError):
        submitter.submit(Submission(client.id, ONE))


def test_a_database_that_cannot_be_reached_is_told() -> None:
    away = open_database("postgresql://nobody@127.0.0.1:9/none", patience=0.1)
    submitter = Submitter(away, ServiceSettings())
    future = submitter.submit(Submission("client", ONE))

    with pytest.raises(DatabaseDownError, match="database: expected an answer"):
        future.result(timeout=20)
    submitter.close()
    away.close()


def test_a_commit_whose_answer_was_lost_is_not_done_twice(
    database: Database, settings: ServiceSettings, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = database.run
    lost = []

    def run_and_lose(work):
        if not lost:
            lost.append(original(work))
        return original(work)

    monkeypatch.setattr(database, "run", run_and_lose)

    (accepted,) = submit(database, [Submission(client.id, ONE, "key", "d")], settings)

    assert accepted == lost[0][0]
    assert [row.waiting for row in numbers(database)] == [1]


def test_a_request_that_cannot_be_written_takes_none_of_its_neighbours_along(
    database: Database, settings: ServiceSettings, client: Client
) -> None:
    submitter = Submitter(database, settings)
    asked = [ONE, (NewJob(url="http://x/\ud800"),), ONE]
    with database.writing():  # they all wait, and are one group
        futures = [submitter.submit(Submission(client.id, new)) for new in (ONE, *asked)]
        time.sleep(0.2)
    submitter.close()

    assert [type(future.exception()) for future in futures] == [type(None), type(None), UnicodeEncodeError, type(None)]
    assert [row.waiting for row in numbers(database)] == [3]
