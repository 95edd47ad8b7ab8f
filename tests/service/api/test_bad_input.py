"""What is wrong with a request, on every operation of the document: a problem with the field, what was expected and what came."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.service.api.conftest import Api, problem, with_clients

from onelook.service.api.app import create_app
from onelook.service.problems import MEDIA_TYPE

DOCUMENT = create_app().openapi()
GOOD = {"number": "0", "name": "cells", "version": "v1"}
"""Values of the right form, for what the path names; ids are of the form t1."""
BAD_PATHS = ("..", "%2e%2e", "a%00b", "a%2f..%2fb", "A" * 300, "ä", "'--", "%F0%9F%92%A9")
FILE_NAME = "/v1/trainings/{training_id}/files/{name}"
JSON = "application/json"
Operation = tuple[str, str]


def operations() -> Iterator[tuple[Operation, dict[str, Any]]]:
    """Yield every operation that needs a key, by method and path."""
    for path, methods in DOCUMENT["paths"].items():
        for method, told in methods.items():
            if path.startswith("/v1"):
                yield (method.upper(), path), told


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a schema, by its name where it is a reference."""
    name = schema.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = DOCUMENT["components"]["schemas"][name] if name else schema
    return found


def path_of(path: str, **values: str) -> str:
    """Return the path with something of the right form in each place, `values` going before."""
    for name in [part[1:-1] for part in path.split("/") if part.startswith("{")]:
        good = "report.html" if (path, name) == (FILE_NAME, "name") else GOOD.get(name, "t1")
        path = path.replace(f"{{{name}}}", values.get(name, good))
    return path


PLACES = [
    (operation, each["name"])
    for operation, told in operations()
    for each in told.get("parameters", [])
    if each["in"] == "path"
]
QUERIES = [
    (operation, each["name"])
    for operation, told in operations()
    for each in told.get("parameters", [])
    if each["in"] == "query"
]
BODIES = {
    operation: resolved(told["requestBody"]["content"][JSON]["schema"])
    for operation, told in operations()
    if "$ref" in told.get("requestBody", {}).get("content", {}).get(JSON, {}).get("schema", {})
}
FIELDS = [(operation, name) for operation, schema in BODIES.items() for name in schema["properties"]]


@pytest.fixture(scope="module")
def asked(running: TestClient) -> Iterator[Api]:
    """Give an API with clients for all of these tests: nothing that they ask may have changed anything."""
    api = with_clients(running)
    places = ("/v1/self", "/v1/models", "/v1/data", "/v1/trainings", "/v1/clients", "/v1/service/failed")

    def everything() -> list[Any]:
        return [api.ask("GET", path, by).json() for path in places for by in ("anna", "admin")]

    before = everything()
    yield api
    assert everything() == before


def refused(asked: Api, operation: Operation, path: str, field: str | None, **request: Any) -> dict[str, Any]:
    """Return the problem that a request is answered with, after a look whether it names the field."""
    answer = asked.ask(operation[0], path, "admin", **request)
    assert 400 <= answer.status_code < 500, (operation, answer.status_code, answer.text)
    assert answer.headers["Content-Type"] == MEDIA_TYPE
    told: dict[str, Any] = answer.json()
    assert ": expected " in told["detail"], (operation, told)
    if field is not None:
        (error,) = told["errors"]
        assert error["field"] == field, (operation, told)
        assert error["expected"], (operation, told)
        assert error["got"], (operation, told)
    return told


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_a_wrong_place_is_refused(asked: Api, place: tuple[Operation, str]) -> None:
    operation, name = place
    for value in BAD_PATHS:
        refused(
            asked,
            operation,
            path_of(operation[1], **{name: value}),
            None,
            content=b"{}",
            headers={"Content-Type": JSON},
        )


@pytest.mark.parametrize("query", QUERIES, ids=str)
def test_a_wrong_parameter_is_named(asked: Api, query: tuple[Operation, str]) -> None:
    operation, name = query

    refused(
        asked,
        operation,
        path_of(operation[1]),
        name,
        params={name: "\x01" + "x" * 9000},
        content=b"{}",
        headers={"Content-Type": JSON},
    )


@pytest.mark.parametrize("operation", [operation for operation, _ in operations()], ids=str)
def test_a_parameter_that_nobody_knows_is_named(asked: Api, operation: Operation) -> None:
    request: dict[str, Any] = (
        {"content": b"{}", "headers": {"Content-Type": JSON}} if operation not in BODIES else {"json": {}}
    )
    answer = asked.ask(operation[0], path_of(operation[1]), "admin", params={"colour": "red"}, **request)

    assert answer.status_code == 422, answer.text
    (error,) = (each for each in answer.json()["errors"] if each["field"] == "colour")
    assert (error["expected"], error["got"]) in (
        (f"no {kind} of this name", "'red'") for kind in ("parameter", "field")
    )


@pytest.mark.parametrize("field", FIELDS, ids=str)
def test_a_field_of_the_wrong_kind_is_named(asked: Api, field: tuple[Operation, str]) -> None:
    operation, name = field
    answer = asked.ask(operation[0], path_of(operation[1]), "admin", json={name: {"wrong": [None]}})

    assert answer.status_code == 422, answer.text
    errors = {each["field"].partition(".")[0]: each for each in answer.json()["errors"]}
    assert errors[name]["expected"], answer.text
    assert "wrong" in str(errors[name]), answer.text


@pytest.mark.parametrize("operation", BODIES, ids=str)
def test_a_body_that_is_none_is_told(asked: Api, operation: Operation) -> None:
    path = path_of(operation[1])
    for value in ([], "x", 7, None):
        refused(asked, operation, path, "body", content=json.dumps(value), headers={"Content-Type": JSON})
    for broken in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        refused(asked, operation, path, "body", content=broken, headers={"Content-Type": JSON})
    for kind in ({"Content-Type": "text/plain"}, {}):
        told = refused(asked, operation, path, None, content=b"{}", headers=kind)
        assert told["type"] == "urn:onelook:problem:media_type", told


@pytest.mark.parametrize("operation", BODIES, ids=str)
def test_a_field_that_nobody_knows_and_one_that_is_missing_are_named(asked: Api, operation: Operation) -> None:
    answer = asked.ask(operation[0], path_of(operation[1]), "admin", json={"colour": "red"})

    errors = {each["field"]: each for each in answer.json()["errors"]}
    assert errors.pop("colour") == {"field": "colour", "expected": "no field of this name", "got": "'red'"}
    assert set(errors) == set(BODIES[operation].get("required", []))
    assert all((each["expected"], each["got"]) == ("a value", "none") for each in errors.values())


FORMS = [
    operation
    for operation, told in operations()
    if "multipart/form-data" in told.get("requestBody", {}).get("content", {})
]
BROKEN_FORMS = {
    "no boundary": (b"x", "multipart/form-data"),
    "another boundary": (b"--y\r\n\r\n", "multipart/form-data; boundary=x"),
    "broken off": (b"--x\r\nContent-Disposition: form-data; name=url\r\n\r\nhttp", "multipart/form-data; boundary=x"),
    "a part without a name": (
        b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
    "a field of 2 MB": (
        b"--x\r\nContent-Disposition: form-data; name=model\r\n\r\n" + b"a" * 1_000_000 + b"\r\n--x--\r\n",
        "multipart/form-data; boundary=x",
    ),
}


@pytest.mark.parametrize("form", BROKEN_FORMS)
@pytest.mark.parametrize("operation", FORMS, ids=str)
def test_a_broken_form_is_told(asked: Api, operation: Operation, form: str) -> None:
    content, kind = BROKEN_FORMS[form]

    told = refused(asked, operation, path_of(operation[1]), None, content=content, headers={"Content-Type": kind})

    assert told["errors"], told


def test_a_form_in_an_odd_character_set_brings_no_halves_of_characters_in(asked: Api) -> None:
    form = b"--x\r\nContent-Disposition: form-data; name=url\r\n\r\nhttp://a.example/+2AA-\r\n--x--\r\n"
    kind = {"Content-Type": "multipart/form-data; boundary=x; charset=utf-7"}

    told = problem(asked.ask("POST", "/v1/jobs", content=form, headers=kind), 422, "invalid")

    assert told["errors"][0]["field"] == "url"
