"""Clients over HTTP: managed by an administrator, known to themselves."""

import asyncio
from typing import Any

import pytest
from tests.service.api.conftest import URL, Api, Start, problem

from onelook.service.clients import Client, client_of, list_keys, revoke_key
from onelook.service.database import Database


def made(api: Api, **limits: Any) -> dict[str, Any]:
    """Return a client that an administrator has added."""
    answer = api.ask(
        "POST", "/v1/clients", "admin", json={"name": f"new {id(limits)} {api.clients['anna'].id}", **limits}
    )
    assert answer.status_code == 201, answer.text
    client: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"/v1/clients/{client['id']}"
    return client


def test_a_new_client_asks_with_its_new_key_until_that_is_revoked(api: Api) -> None:
    client = made(api, weight=2.5, max_waiting=7)
    place = f"/v1/clients/{client['id']}/keys"
    key = api.ask("POST", place, "admin", json={"label": "office"}).json()
    api.keys["new"] = key["secret"]

    known = api.ask("GET", "/v1/self", "new").json()
    listed = api.ask("GET", place, "admin").json()["keys"]
    api.ask("DELETE", f"{place}/{key['id']}", "admin")

    assert known["client"] == client
    assert (client["weight"], client["max_waiting"], client["jobs_per_minute"], client["admin"]) == (2.5, 7, 0, False)
    assert [(each["id"], each["label"], each["revoked_at"]) for each in listed] == [(key["id"], "office", None)]
    assert key["secret"] not in str(listed)
    problem(api.ask("GET", "/v1/self", "new"), 401, "no_key")
    assert api.ask("GET", place, "admin").json()["keys"][0]["revoked_at"] is not None


def test_a_client_is_changed_and_disabled(api: Api) -> None:
    place = f"/v1/clients/{api.clients['bert'].id}"

    assert api.ask("PATCH", place, "admin", json={"weight": 3, "jobs_per_minute": 60}).json()["weight"] == 3
    assert api.ask("GET", place, "admin").json()["jobs_per_minute"] == 60
    assert api.ask("PATCH", place, "admin", json={"disabled": True}).json()["disabled"]
    problem(api.ask("GET", "/v1/self", "bert"), 401, "no_key")


ADMIN = [
    ("GET", "/v1/clients", None),
    ("POST", "/v1/clients", {"name": "x"}),
    ("GET", "/v1/clients/{id}", None),
    ("PATCH", "/v1/clients/{id}", {"weight": 5}),
    ("GET", "/v1/clients/{id}/keys", None),
    ("POST", "/v1/clients/{id}/keys", {}),
    ("DELETE", "/v1/clients/{id}/keys/k1", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ADMIN)
def test_only_an_administrator_manages_clients(api: Api, method: str, path: str, body: Any) -> None:
    path = path.format(id=api.clients["anna"].id)

    problem(api.ask(method, path, "anna", json=body), 403, "no_admin")
    problem(api.http.request(method, path, json=body), 401, "no_key")


@pytest.mark.parametrize("path", ["", "/keys"])
def test_a_client_that_is_not_there_is_404(api: Api, path: str) -> None:
    problem(api.ask("GET", f"/v1/clients/c123{path}", "admin"), 404, "no_client")
    problem(api.ask("GET", f"/v1/clients/c%00{path}", "admin"), 422, "invalid")


@pytest.mark.parametrize(
    ("field", "value"),
    [("weight", 0), ("weight", "heavy"), ("max_waiting", 0), ("jobs_per_minute", -1), ("name", ""), ("colour", "red")],
)
def test_a_wrong_client_names_the_field(api: Api, field: str, value: Any) -> None:
    told = problem(api.ask("POST", "/v1/clients", "admin", json={"name": "wrong"} | {field: value}), 422, "invalid")

    assert told["errors"][0]["field"] == field


def test_a_name_that_is_taken_or_unprintable_is_refused(api: Api) -> None:
    for name in (api.clients["anna"].name, "a\0b", "shared"):
        told = problem(api.ask("POST", "/v1/clients", "admin", json={"name": name}), 422, "invalid")
        assert told["errors"][0]["field"] == "name"


def test_an_administrator_does_not_lock_itself_out(api: Api) -> None:
    place = f"/v1/clients/{api.clients['admin'].id}"

    problem(api.ask("PATCH", place, "admin", json={"disabled": True}), 409, "own_rights")
    problem(api.ask("PATCH", place, "admin", json={"admin": False}), 409, "own_rights")


def test_a_client_sees_how_its_jobs_stand(api: Api) -> None:
    api.post("anna")
    api.post("anna")

    assert api.ask("GET", "/v1/self").json()["queues"][0]["waiting"] == 2
    assert api.ask("GET", "/v1/self", "bert").json()["queues"] == []


def test_metrics_tell_all_jobs_to_everyone_and_clients_to_an_administrator(api: Api) -> None:
    api.post("anna")

    plain, full = api.http.get("/metrics").text, api.ask("GET", "/metrics", "admin").text

    id_ = api.clients["anna"].id
    assert 'onelook_jobs{state="waiting"}' in plain
    assert 'onelook_http_requests_total{method="POST",route="/v1/jobs",status="202"}' in plain
    assert id_ not in plain
    assert id_ not in api.ask("GET", "/metrics", "anna").text
    assert f'onelook_jobs{{client="{id_}",model="default",state="waiting"}} 1.0' in full
    assert "onelook_oldest_waiting_seconds" in plain
    assert "onelook_workers 0.0" in plain


def test_paths_that_are_made_up_are_one_series(api: Api) -> None:
    for number in range(5):
        api.http.get(f"/made/up/{number}")

    assert "made/up" not in api.http.get("/metrics").text


def test_an_answer_carries_the_id_that_came_or_a_new_one(api: Api) -> None:
    assert api.http.get("/healthz", headers={"X-Request-Id": "abc-1"}).headers["X-Request-Id"] == "abc-1"
    assert len(api.http.get("/healthz", headers={"X-Request-Id": "a b"}).headers["X-Request-Id"]) == 16


def test_the_log_is_json_with_client_and_jobs(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    import json
    import logging

    from onelook.service.api.logs import JsonFormatter

    with caplog.at_level(logging.INFO, "onelook.http"):
        id_ = api.post(json={"url": URL})

    line = json.loads(JsonFormatter().format(caplog.records[-1]))
    assert line["client"] == api.clients["anna"].id
    assert line["jobs"] == [id_]
    assert (line["route"], line["status"], line["level"], line["method"]) == ("/v1/jobs", 202, "info", "POST")


def test_a_key_that_is_revoked_while_it_is_looked_up_is_not_remembered(start: Start) -> None:
    api = start(key_seconds=600)
    (key,) = list_keys(api.backend.database, api.clients["anna"].id)

    def late(database: Database, secret: str) -> Client | None:
        found = client_of(database, secret)
        revoke_key(database, key.id)
        api.backend.forget_keys()
        return found

    assert asyncio.run(api.backend.client(api.keys["anna"], late)) == api.clients["anna"]
    assert asyncio.run(api.backend.client(api.keys["anna"], late)) is None
