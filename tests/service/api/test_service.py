"""The service as a whole, for administrators alone: queues, workers, failed jobs and one more try."""

import pytest
from tests.service.api.conftest import Api, Start, problem
from tests.service.holding import take

from onelook.service.jobs.finish import Outcome, finish
from onelook.service.jobs.job import Fault
from onelook.service.workers import Here, register


@pytest.fixture
def own(start: Start) -> Api:
    """Return an API of one's own: these tests look at everybody's jobs."""
    return start()


def fail(api: Api, id_: str, passing: bool = False) -> None:
    """End a job with a fault, as a worker that tried it as often as it may."""
    settings = api.backend.settings.service
    state = ""
    while state not in ("failed", "dead"):
        taken = take(api.backend.database, settings)
        outcomes = [
            Outcome(job.id, job.attempt, fault=Fault("fetch_failed", "no answer"), passing=passing) for job in taken
        ]
        finish(api.backend.database, settings, "w1", outcomes)
        state = api.ask("GET", f"/v1/jobs/{id_}").json()["state"]


def test_the_depth_and_age_of_all_queues_and_the_workers_are_told(own: Api) -> None:
    own.post("anna")
    own.post("bert")
    register(own.backend.database, own.backend.settings.service, Here("w1", "here", 7, ""))

    told = own.ask("GET", "/v1/service", "admin").json()

    assert (told["waiting"], told["running"]) == (2, 0)
    assert told["oldest_seconds"] >= 0
    assert sorted(each["client_name"] for each in told["queues"]) == sorted(
        own.clients[name].name for name in ("anna", "bert")
    )
    assert [(each["id"], each["host"], each["models"]) for each in told["workers"]] == [("w1", "here", [])]


def test_a_failed_job_tells_its_cause_and_is_tried_again(own: Api) -> None:
    id_ = own.post("anna")
    fail(own, id_)

    (told,) = own.ask("GET", "/v1/service/failed", "admin").json()["jobs"]
    again = own.ask("POST", f"/v1/service/failed/{id_}/retry", "admin")

    assert (told["id"], told["error"]["code"], told["client_id"]) == (id_, "fetch_failed", own.clients["anna"].id)
    assert told["retries"] is True
    assert (again.status_code, again.json()["state"], again.json()["error"]) == (200, "waiting", None)
    assert own.ask("GET", "/v1/service/failed", "admin").json()["jobs"] == []
    assert own.work() == {id_}
    assert own.ask("GET", f"/v1/jobs/{id_}").json()["state"] == "done"
    told = problem(own.ask("POST", f"/v1/service/failed/{id_}/retry", "admin"), 422, "invalid")
    assert "got one that is done" in told["detail"]
    problem(own.ask("POST", "/v1/service/failed/nothing/retry", "admin"), 404, "no_job")


def test_an_upload_is_tried_again_when_it_died_and_not_when_it_was_refused(own: Api, picture: bytes) -> None:
    jpeg = {"content": picture, "headers": {"Content-Type": "image/jpeg"}}
    refused = own.post("anna", **jpeg)
    fail(own, refused)
    died = own.post("anna", **jpeg)
    while own.ask("GET", f"/v1/jobs/{died}").json()["state"] != "dead":
        fail(own, died, passing=True)

    told = {each["id"]: each["retries"] for each in own.ask("GET", "/v1/service/failed", "admin").json()["jobs"]}

    assert told == {refused: False, died: True}
    problem(own.ask("POST", f"/v1/service/failed/{refused}/retry", "admin"), 422, "invalid")
    assert own.ask("POST", f"/v1/service/failed/{died}/retry", "admin").status_code == 200
    assert own.work() == {died}


def test_pages_of_failed_jobs_follow_each_other(own: Api) -> None:
    ids = [own.post("anna") for _ in range(3)]
    for id_ in ids:
        fail(own, id_)

    first = own.ask("GET", "/v1/service/failed?limit=2", "admin").json()
    second = own.ask("GET", f"/v1/service/failed?limit=2&before={first['next']}", "admin").json()

    assert [each["id"] for each in first["jobs"] + second["jobs"]] == ids[::-1]
    assert second["next"] is None


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "/failed"), ("POST", "/failed/x/retry")])
def test_only_administrators_are_told(api: Api, method: str, path: str) -> None:
    problem(api.ask(method, f"/v1/service{path}"), 403, "no_admin")
