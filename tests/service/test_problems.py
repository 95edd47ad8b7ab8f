"""Problems as application/problem+json: the field, what was expected, what came."""

from collections.abc import Iterator
from typing import Annotated, Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field

from onelook.service.problems import MEDIA_TYPE, ProblemError, install_problems, invalid, not_found
from onelook.structures.errors import FormatError, UserError


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: Annotated[int, Field(ge=1)]
    name: str = "x"


def raising(error: Exception) -> Any:
    def route() -> None:
        raise error

    return route


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    app = FastAPI()
    install_problems(app)

    @app.post("/order")
    def take(order: Order) -> Order:
        return order

    app.get("/user")(raising(UserError("threshold: expected a number from 0 to 1, got 7; leave it out")))
    app.get("/plain")(raising(UserError("the moon is full")))
    app.get("/file")(raising(FormatError("upload: expected a picture (png), got an empty file")))
    app.get("/busy")(raising(ProblemError(503, "draining", "the service ends", retry_after=1.2)))
    app.get("/none")(raising(not_found("job", "abc")))
    app.get("/field")(raising(invalid("wait", "seconds from 0 to 60", 99)))
    app.get("/bug")(raising(ZeroDivisionError("secret")))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def problem(response: Any, status: int) -> dict[str, Any]:
    """Return the answer's members, after a look at what every problem has."""
    assert response.status_code == status
    assert response.headers["Content-Type"] == MEDIA_TYPE
    told: dict[str, Any] = response.json()
    assert told["status"] == status
    assert told["type"].startswith("urn:onelook:problem:")
    assert told["title"]
    return told


def test_a_users_mistake_is_taken_apart_into_field_expected_and_got(client: TestClient) -> None:
    told = problem(client.get("/user"), 422)

    assert told["detail"] == "threshold: expected a number from 0 to 1, got 7; leave it out"
    assert told["errors"] == [{"field": "threshold", "expected": "a number from 0 to 1", "got": "7; leave it out"}]


def test_a_broken_file_names_the_field(client: TestClient) -> None:
    assert problem(client.get("/file"), 422)["errors"] == [
        {"field": "upload", "expected": "a picture (png)", "got": "an empty file"}
    ]


def test_a_mistake_told_in_other_words_keeps_them(client: TestClient) -> None:
    told = problem(client.get("/plain"), 422)

    assert told["detail"] == "the moon is full"
    assert "errors" not in told


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, {"field": "count", "expected": "a value", "got": "none"}),
        ({"count": 0}, {"field": "count", "expected": "greater than or equal to 1", "got": "0"}),
        (
            {"count": "many"},
            {"field": "count", "expected": "a valid integer, unable to parse string as an integer", "got": "'many'"},
        ),
        ({"count": 1, "colour": 2}, {"field": "colour", "expected": "no field of this name", "got": "2"}),
    ],
)
def test_a_request_that_does_not_fit_names_the_field(client: TestClient, body: Any, error: dict[str, str]) -> None:
    told = problem(client.post("/order", json=body), 422)

    assert told["errors"] == [error]
    assert told["detail"] == f"{error['field']}: expected {error['expected']}, got {error['got']}"


def test_every_field_that_is_wrong_is_told(client: TestClient) -> None:
    told = problem(client.post("/order", json={"count": 0, "name": 5}), 422)

    assert [error["field"] for error in told["errors"]] == ["count", "name"]


def test_what_is_no_json_is_400(client: TestClient) -> None:
    told = problem(client.post("/order", content=b"{count: 1}", headers={"Content-Type": "application/json"}), 400)

    assert told["type"] == "urn:onelook:problem:not_json"
    assert told["errors"][0]["expected"] == "JSON"


def test_a_long_value_is_cut(client: TestClient) -> None:
    told = problem(client.post("/order", json={"count": "9" * 5000 + "x"}), 422)

    assert len(told["errors"][0]["got"]) < 250


def test_a_problem_says_when_to_come_again(client: TestClient) -> None:
    response = client.get("/busy")

    assert problem(response, 503)["detail"] == "the service ends"
    assert response.headers["Retry-After"] == "2"


def test_another_clients_thing_and_none_are_the_same(client: TestClient) -> None:
    assert problem(client.get("/none"), 404)["type"] == "urn:onelook:problem:no_job"


def test_one_field_may_be_refused_by_a_route(client: TestClient) -> None:
    assert problem(client.get("/field"), 422)["errors"] == [
        {"field": "wait", "expected": "seconds from 0 to 60", "got": "99"}
    ]


def test_a_path_and_a_method_that_are_not_there_are_problems_too(client: TestClient) -> None:
    assert "'/nowhere'" in problem(client.get("/nowhere"), 404)["detail"]
    response = client.delete("/order")
    assert problem(response, 405)["detail"] == "method: expected POST on '/order', got DELETE"
    assert response.headers["Allow"] == "POST"


def test_a_fault_of_ours_tells_nothing_of_the_inside(client: TestClient) -> None:
    told = problem(client.get("/bug"), 500)

    assert "secret" not in str(told)
