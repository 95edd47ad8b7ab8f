"""Notes that a job has ended: sent with the job itself, again later when they do not arrive."""

import threading

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


def test_addresses_that_do_not_answer_keep_nobody_else_s_notes_waiting(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    api, free, told = start(), threading.Event(), threading.Event()

    def slow_for_some(url: str, *_: object) -> None:
        if url == NOTE:
            free.wait(30)
        else:
            told.set()

    monkeypatch.setattr("onelook.service.api.callbacks.post", slow_for_some)
    api.post(json={"jobs": [{"url": URL, "callback": NOTE}] * 40})
    while api.work():
        pass
    threading.Event().wait(1.5)  # the service itself has begun to send
    api.post("bert", json={"url": URL, "callback": f"{NOTE}/bert"})
    api.work()

    arrived = told.wait(10)
    free.set()

    assert arrived
