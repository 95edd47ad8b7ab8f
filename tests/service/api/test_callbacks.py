"""Notes that a job has ended: sent with the job itself, again later when they do not arrive."""

import pytest
from tests.service.api.conftest import URL, Start

from onelook.service.api.callbacks import send_callbacks
from onelook.service.fetching import FetchFailedError
from onelook.service.messages import JobAnswer

NOTE = "http://archive.example/told"


def test_the_job_is_sent_when_it_has_ended_and_only_once(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    api, sent = start(), []
    monkeypatch.setattr("onelook.service.api.callbacks.post", lambda url, body, _: sent.append((url, body)))
    id_ = api.post(json={"url": URL, "callback": NOTE})
    assert send_callbacks(api.backend) == 0, "it has not ended yet"

    api.work()

    assert send_callbacks(api.backend) + len(sent) >= 1
    assert send_callbacks(api.backend) == 0
    ((url, body),) = sent
    job = JobAnswer.model_validate_json(body)
    assert (url, job.id, job.state) == (NOTE, id_, "done")
    assert job.result is not None


def test_a_note_that_does_not_arrive_waits_for_its_next_try(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    api, tried = start(), []

    def away(url: str, *_: object) -> None:
        tried.append(url)
        raise FetchFailedError(f"{url}: expected an answer, got none")

    monkeypatch.setattr("onelook.service.api.callbacks.post", away)
    api.post(json={"url": URL, "callback": NOTE})
    api.work()
    send_callbacks(api.backend)

    assert send_callbacks(api.backend) == 0
    assert tried == [NOTE], "the next try is some seconds away"
