"""An answer at once over HTTP, whatever the worker says or does not say; a worker that is played takes the place of a real one."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.service.api.conftest import URL, Api, Start, problem
from tests.service.holding import RESULT

from onelook.service.direct import DirectRequest
from onelook.service.fetching import FetchFailedError
from onelook.service.jobs.job import Fault, Result
from onelook.service.messages import ResultAnswer
from onelook.service.workers import WorkerInfo

Say = Callable[[Result | Fault | Exception], list[DirectRequest]]


@pytest.fixture
def say(api: Api, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Return a function that lets the worker say something to whatever it is asked, and returns what it was asked."""

    def begin(told: Result | Fault | Exception) -> list[DirectRequest]:
        asked: list[DirectRequest] = []

        async def worker_for(_: str) -> WorkerInfo:
            return WorkerInfo("w1", "host", 1, "unix:/tmp/x#t", (), 0.0, 0.0)

        async def ask_worker(_: WorkerInfo, request: DirectRequest) -> Result | Fault:
            asked.append(request)
            if isinstance(told, Exception):
                raise told
            return told

        monkeypatch.setattr(api.backend, "worker_for", worker_for)
        monkeypatch.setattr(api.backend.lines, "ask_worker", ask_worker)
        return asked

    return begin


def detect(api: Api, picture: bytes, **query: Any) -> Any:
    return api.ask("POST", "/v1/detect", content=picture, headers={"Content-Type": "image/jpeg"}, params=query)


def test_a_picture_is_handed_on_with_its_wishes_and_answered(api: Api, say: Say, picture: bytes) -> None:
    asked = say(RESULT)

    answer = detect(api, picture, model="default", threshold=0.25)

    assert answer.status_code == 200, answer.text
    found = ResultAnswer.model_validate_json(answer.content)
    assert found.detections is not None
    assert (found.detections[0].name, found.detections[0].box) == ("cat", (0.1, 0.2, 0.3, 0.4))
    (request,) = asked
    assert (request.client_id, request.model, request.threshold) == (api.clients["anna"].id, "default", 0.25)
    assert request.image == picture


FAULTS = {
    "busy": (Fault("busy", "the worker did not come to this picture in time"), 503, "busy"),
    "stopping": (Fault("stopping", "this worker is stopping; try again"), 503, "no_worker"),
    "gone": (ConnectionError("gone"), 503, "no_worker"),
    "no store": (Fault("store_down", "models: expected an answer of the store, got none"), 503, "no_store"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_passes_says_when_to_come_again(api: Api, say: Say, picture: bytes, name: str) -> None:
    told, status, code = FAULTS[name]
    say(told)

    answer = detect(api, picture)

    problem(answer, status, code)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60


def test_what_the_picture_or_the_model_is_at_fault_for_is_told_as_such(api: Api, say: Say, picture: bytes) -> None:
    say(Fault("image_unreadable", "image: expected a picture, got one that breaks off"))
    told = problem(detect(api, picture), 422, "image_unreadable")
    assert told["errors"] == [{"field": "image", "expected": "a picture", "got": "one that breaks off"}]

    say(Fault("prediction_failed", "shared/default@v1: it divides by zero"))
    problem(detect(api, picture), 500, "prediction_failed")
    say(TimeoutError())
    problem(detect(api, picture), 504, "late")


def test_without_a_worker_the_wait_grows_with_the_outage(api: Api, picture: bytes) -> None:
    backend = api.backend
    backend.outages._known["worker"] = (time.monotonic() - 20, time.monotonic())

    answer = detect(api, picture)

    problem(answer, 503, "no_worker")
    assert 20 <= int(answer.headers["Retry-After"]) <= 25
    backend.outages.over("worker")
    assert detect(api, picture).headers["Retry-After"] == "1"


def test_as_many_at_once_as_are_allowed(start: Start, picture: bytes) -> None:
    api = start(most_direct=1)
    api.backend.direct_under_way = 1
    api.backend.direct_latency.note(7.5)

    answer = detect(api, picture)

    problem(answer, 503, "full")
    assert answer.headers["Retry-After"] == "8", "the one that is at work takes so long"


def test_one_image_and_nothing_else_is_asked_for(api: Api, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    two = api.ask("POST", "/v1/detect", json={"jobs": [{"url": URL}, {"url": URL}]})
    callback = api.ask("POST", "/v1/detect", json={"url": URL, "callback": URL})
    private = api.ask("POST", "/v1/detect", json={"url": "http://127.0.0.1:8080/x.jpg"})

    def away(url: str, *_: object) -> bytes:
        raise FetchFailedError(f"{url}: expected an answer, got none")

    monkeypatch.setattr("onelook.service.api.routes.detect.fetch", away)
    silent = api.ask("POST", "/v1/detect", json={"url": URL})

    assert problem(two, 422, "invalid")["errors"][0]["field"] == "image"
    assert problem(callback, 422, "invalid")["errors"][0]["field"] == "callback"
    assert problem(private, 422, "invalid")["errors"][0]["field"] == "url"
    problem(silent, 502, "fetch_failed")
    problem(detect(api, b"GIF8?"), 422, "invalid")
