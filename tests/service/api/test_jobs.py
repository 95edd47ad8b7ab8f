"""Jobs over HTTP: accepted whole or not at all, seen by their own client alone, waited for, cancelled, bounded."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.service.api.conftest import URL, Api, Start, problem

from onelook.service.clients import add_client, change_client, client_of
from onelook.service.database import Database
from onelook.service.jobs.submit import Submitter
from onelook.service.messages import AcceptedJobs, JobAnswer, JobList


@pytest.fixture
def everywhere(start: Start, empty_database: Database) -> Api:
    """Return an API on each kind of database."""
    url = empty_database.engine.url
    return start({"database": url.render_as_string(hide_password=False)})


def test_a_job_goes_from_the_request_to_its_result(everywhere: Api) -> None:
    answer = everywhere.ask("POST", "/v1/jobs", json={"url": URL, "threshold": 0.5})
    accepted = AcceptedJobs.model_validate_json(answer.content).jobs[0]

    assert answer.status_code == 202
    assert answer.headers["Location"] == accepted.location == f"/v1/jobs/{accepted.id}"
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    before = everywhere.ask("GET", accepted.location)
    waiting = JobAnswer.model_validate_json(before.content)
    assert (waiting.state, waiting.url, waiting.threshold, waiting.model) == ("waiting", URL, 0.5, "default")
    assert "Retry-After" in before.headers
    assert everywhere.work() == {accepted.id}
    after = everywhere.ask("GET", accepted.location)
    job = JobAnswer.model_validate_json(after.content)
    assert job.state == "done"
    assert job.result is not None
    assert job.finished_at is not None
    assert job.expires_at is not None
    assert "Retry-After" not in after.headers


def test_an_image_may_be_the_body(api: Api, picture: bytes) -> None:
    query = {"model": "default", "threshold": "0.25"}

    id_ = api.post(content=picture, headers={"Content-Type": "image/jpeg"}, params=query)

    assert api.ask("GET", f"/v1/jobs/{id_}").json()["threshold"] == 0.25


def test_a_form_holds_many_images_and_addresses(everywhere: Api, picture: bytes) -> None:
    files = [("image", ("a.jpg", picture)), ("image", ("b.bin", picture))]

    answer = everywhere.ask("POST", "/v1/jobs", files=files, data={"url": URL, "model": "default"})

    jobs = answer.json()["jobs"]
    assert answer.status_code == 202
    assert len(jobs) == 3
    assert answer.headers["Location"] == "/v1/jobs"
    assert everywhere.work() == {job["id"] for job in jobs}


def test_many_are_accepted_in_order_or_not_at_all(api: Api) -> None:
    good = [{"url": f"http://archive.example/{number}.jpg"} for number in range(5)]

    ids = [job["id"] for job in api.ask("POST", "/v1/jobs", json={"jobs": good}).json()["jobs"]]
    told = problem(api.ask("POST", "/v1/jobs", json={"jobs": [*good, {"url": "ftp://x"}]}), 422, "invalid")

    assert [api.ask("GET", f"/v1/jobs/{id_}").json()["url"] for id_ in ids] == [each["url"] for each in good]
    assert told["errors"][0]["field"] == "jobs.5.url"
    assert len(api.ask("GET", "/v1/jobs").json()["jobs"]) == 5


JSON = {"Content-Type": "application/json"}
WRONG: dict[str, tuple[dict[str, Any], int, str, str]] = {
    "no JSON": ({"content": b"{url", "headers": JSON}, 400, "not_json", "body"),
    "no image": ({"json": {}}, 422, "invalid", "url"),
    "a list": ({"json": []}, 422, "invalid", "body"),
    "no jobs": ({"json": {"jobs": []}}, 422, "invalid", "jobs"),
    "an unknown field": ({"json": {"url": URL, "colour": 1}}, 422, "invalid", "colour"),
    "a file's address": ({"json": {"url": "file:///etc/passwd"}}, 422, "invalid", "url"),
    "a threshold of 2": ({"json": {"url": URL, "threshold": 2}}, 422, "invalid", "threshold"),
    "a threshold that is none": ({"content": b'{"url":"http://a/","threshold":NaN}', "headers": JSON}, 422, "invalid", "threshold"),
    "a model's name with a slash": ({"json": {"url": URL, "model": "../x"}}, 422, "invalid", "model"),
    "a model that is not there": ({"json": {"url": URL, "model": "other"}}, 422, "no_model", "model"),
    "a callback that is none": ({"json": {"url": URL, "callback": "http://"}}, 422, "invalid", "callback"),
    "half a character": ({"content": b'{"url":"\\ud800"}', "headers": JSON}, 422, "invalid", "url"),
    "a page in place of an image": ({"content": b"<html>", "headers": {"Content-Type": "image/png"}}, 422, "invalid", "image"),
    "an empty image": ({"content": b"", "headers": {"Content-Type": "image/png"}}, 422, "invalid", "image"),
    "an empty form": ({"data": {"model": "default"}, "files": {"image2": b""}}, 422, "invalid", "image2"),
    "an unknown parameter": ({"json": {"url": URL}, "params": {"treshold": 1}}, 422, "invalid", "treshold"),
    "a long key": ({"json": {"url": URL}, "headers": {"Idempotency-Key": "k" * 256}}, 422, "invalid", "Idempotency-Key"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_names_the_field_and_leaves_no_job(api: Api, name: str) -> None:
    request, status, code, field = WRONG[name]

    told = problem(api.ask("POST", "/v1/jobs", **request), status, code)

    assert told["errors"][0]["field"] == field
    assert told["errors"][0]["expected"]
    assert api.ask("GET", "/v1/jobs").json() == {"jobs": [], "next": None}


def test_a_body_of_another_kind_is_415(api: Api) -> None:
    told = problem(api.ask("POST", "/v1/jobs", content=b"x", headers={"Content-Type": "text/plain"}), 415, "media_type")

    assert "got 'text/plain'" in told["detail"]


def test_a_body_that_is_too_large_is_413_however_it_comes(api: Api) -> None:
    head = {"Content-Type": "application/json"}

    problem(api.ask("POST", "/v1/jobs", content=bytes(1024**2 + 1), headers=head), 413, "too_large")
    problem(api.ask("POST", "/v1/jobs", content=(bytes(1024) for _ in range(1025)), headers=head), 413, "too_large")


def test_another_clients_job_is_not_there(everywhere: Api) -> None:
    id_ = everywhere.post("anna")

    for method in ("GET", "DELETE"):
        there = problem(everywhere.ask(method, f"/v1/jobs/{id_}", "bert"), 404, "no_job")
        nowhere = problem(everywhere.ask(method, f"/v1/jobs/{id_[:-1]}x", "bert"), 404, "no_job")
        assert there["detail"].replace(id_, "") == nowhere["detail"].replace(f"{id_[:-1]}x", "")
    assert everywhere.ask("GET", "/v1/jobs", "bert").json()["jobs"] == []
    assert everywhere.ask("GET", f"/v1/jobs/{id_}", "anna").json()["state"] == "waiting"


@pytest.mark.parametrize("key", ["", "wrong", "x" * 500])
def test_without_a_valid_key_nothing_is_told(api: Api, key: str) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}

    for method, path in (("POST", "/v1/jobs"), ("GET", "/v1/jobs"), ("GET", "/v1/jobs/abc")):
        answer = api.http.request(method, path, headers=headers)
        problem(answer, 401, "no_key")
        assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_disabled_client_is_shut_out(api: Api) -> None:
    change_client(api.backend.database, api.clients["anna"].id, disabled=True)

    problem(api.ask("POST", "/v1/jobs", json={"url": URL}), 401, "no_key")


def test_the_same_key_gives_the_same_jobs_and_another_request_is_refused(everywhere: Api, picture: bytes) -> None:
    key = {"Idempotency-Key": "order-7"}

    first = everywhere.ask("POST", "/v1/jobs", files={"image": ("a", picture)}, headers=key)
    again = everywhere.ask("POST", "/v1/jobs", files={"image": ("b", picture)}, headers=key)
    raw = everywhere.ask("POST", "/v1/jobs", content=picture, headers={**key, "Content-Type": "image/jpeg"})
    other = everywhere.ask("POST", "/v1/jobs", json={"url": URL}, headers=key)
    bert = everywhere.ask("POST", "/v1/jobs", "bert", json={"url": URL}, headers=key)

    assert first.json()["jobs"] == again.json()["jobs"] == raw.json()["jobs"]
    assert [each.json()["replayed"] for each in (first, again, raw)] == [False, True, True]
    assert problem(other, 422, "invalid")["errors"][0]["field"] == "Idempotency-Key"
    assert bert.status_code == 202
    assert len(everywhere.ask("GET", "/v1/jobs").json()["jobs"]) == 1


def test_waiting_ends_with_the_job(everywhere: Api) -> None:
    ids = [everywhere.post() for _ in range(3)]
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(everywhere.ask, "GET", f"/v1/jobs/{id_}", params={"wait": 20}) for id_ in ids]
        time.sleep(0.3)
        assert not any(each.done() for each in asked)
        everywhere.work()
        states = {each.result().json()["state"] for each in asked}

    assert states == {"done"}
    assert time.monotonic() - began < 10


def test_waiting_ends_with_its_time(api: Api) -> None:
    id_, began = api.post(), time.monotonic()

    answer = api.ask("GET", f"/v1/jobs/{id_}", params={"wait": 0.3})

    assert answer.json()["state"] == "waiting"
    assert 0.3 <= time.monotonic() - began < 5
    problem(api.ask("GET", f"/v1/jobs/{id_}", params={"wait": -1}), 422, "invalid")
    problem(api.ask("GET", f"/v1/jobs/{id_}", params={"wait": "nan"}), 422, "invalid")


def test_the_list_goes_page_by_page_newest_first(everywhere: Api) -> None:
    ids = [everywhere.post() for _ in range(5)]
    seen, before = [], None
    while True:
        page = JobList.model_validate_json(
            everywhere.ask("GET", "/v1/jobs", params={"limit": 2} | ({"before": before} if before else {})).content
        )
        seen += [job.id for job in page.jobs]
        before = page.next
        if before is None:
            break

    assert seen == ids[::-1]
    everywhere.ask("DELETE", f"/v1/jobs/{ids[0]}")
    found = everywhere.ask("GET", "/v1/jobs", params={"state": "cancelled"}).json()["jobs"]
    assert [job["id"] for job in found] == [ids[0]]


def test_a_cancelled_job_is_done_by_nobody(everywhere: Api) -> None:
    id_ = everywhere.post()

    answer = everywhere.ask("DELETE", f"/v1/jobs/{id_}")

    assert answer.json()["state"] == "cancelled"
    assert everywhere.work() == set()
    assert everywhere.ask("DELETE", f"/v1/jobs/{id_}").json()["state"] == "cancelled"


def test_what_is_beyond_the_quota_is_429_and_says_when(everywhere: Api) -> None:
    everywhere.add("few", max_waiting=2)
    everywhere.add("slow", jobs_per_minute=2)

    for name, field in (("few", "max_waiting"), ("slow", "jobs_per_minute")):
        everywhere.post(name)
        everywhere.post(name)
        answer = everywhere.ask("POST", "/v1/jobs", name, json={"url": URL})

        assert problem(answer, 429, "quota")["errors"][0]["field"] == field
        assert int(answer.headers["Retry-After"]) >= 1
    assert int(answer.headers["Retry-After"]) <= 31, "at two a minute the next may come in half one"
    everywhere.post("admin")


def test_a_full_queue_is_503_for_everybody(start: Start) -> None:
    api = start({"max_waiting": 1})
    api.post()

    answer = api.ask("POST", "/v1/jobs", "bert", json={"url": URL})

    problem(answer, 503, "full")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_service_that_ends_is_first_not_ready_then_closed(start: Start) -> None:
    api = start(notice_seconds=100, drain_seconds=7)
    id_ = api.post()

    api.backend.drain()
    problem(api.http.get("/readyz"), 503, "draining")
    assert api.http.get("/healthz").status_code == 200
    api.post()
    api.backend._ends_at = time.monotonic() + 6.5
    answer = api.ask("POST", "/v1/jobs", json={"url": URL})

    problem(answer, 503, "draining")
    assert 5 <= int(answer.headers["Retry-After"]) <= 7
    assert api.ask("GET", f"/v1/jobs/{id_}").json()["state"] == "waiting", "what is there may still be looked at"


def test_whoever_waits_is_let_go_when_the_service_ends(start: Start) -> None:
    api = start()
    id_, began = api.post(), time.monotonic()
    portal = api.http.portal
    assert portal is not None
    timer = threading.Timer(0.3, lambda: portal.call(api.backend.waiters.release))
    timer.start()

    answer = api.ask("GET", f"/v1/jobs/{id_}", params={"wait": 20})
    timer.join()

    assert answer.json()["state"] == "waiting"
    assert time.monotonic() - began < 5


def test_a_lost_database_is_503(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    from onelook.service.database import DatabaseDownError

    def lost(*_: object) -> None:
        raise DatabaseDownError("database: expected an answer, got none")

    monkeypatch.setattr("onelook.service.api.routes.jobs.list_jobs", lost)
    answer = api.ask("GET", "/v1/jobs")

    problem(answer, 503, "no_database")
    assert int(answer.headers["Retry-After"]) >= 1


def test_a_fault_of_ours_is_500_and_tells_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("secret")

    monkeypatch.setattr(Submitter, "submit", broken)
    monkeypatch.setattr("onelook.service.api.routes.jobs.list_jobs", broken)

    for answer in (api.ask("POST", "/v1/jobs", json={"url": URL}), api.ask("GET", "/v1/jobs")):
        assert "secret" not in str(problem(answer, 500, "fault"))
        assert answer.headers["X-Request-Id"]
    assert (
        'onelook_http_requests_total{method="GET",route="/v1/jobs",status="500"} 1.0' in api.http.get("/metrics").text
    )


def test_a_client_that_was_removed_meanwhile_is_told_so(start: Start) -> None:
    api = start(key_seconds=100)
    gone = add_client(api.backend.database, "gone")
    assert api.ask("GET", "/v1/jobs").status_code == 200
    api.backend._keys[client_of, api.keys["anna"]] = (time.monotonic() + 100, gone)
    change_client(api.backend.database, gone.id, disabled=True)

    problem(api.ask("POST", "/v1/jobs", json={"url": URL}), 401, "no_key")
