"""Static files: only what is listed, kept for ever under an address of their content, in the wheel as in the tree."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.service.api.conftest import problem

from onelook.service.pages.files import static_address, static_files, static_version
from onelook.service.pages.places import UI


def test_a_file_is_given_with_its_kind_and_kept(browser: TestClient) -> None:
    answer = browser.get(static_address("styles/page.css"))

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.content == (UI / "static" / "styles" / "page.css").read_bytes()


def test_an_address_of_another_version_is_not_kept(browser: TestClient) -> None:
    assert browser.get("/static/000000000000/icon.svg").headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "name", ["../templates/layout.html.jinja", "..%2f..%2ftexts/en.json", "/etc/passwd", "", "vendor/htmx.LICENSE"]
)
def test_nothing_else_can_be_had(browser: TestClient, name: str) -> None:
    answer = browser.get(f"/static/{static_version()}/{name}")

    assert answer.status_code == 404
    assert "root" not in answer.text


def test_a_file_that_is_not_there_is_a_problem_that_names_it(browser: TestClient) -> None:
    assert "'none.js'" in problem(browser.get("/static/1/none.js"), 404, "no_file")["detail"]


def test_every_vendored_script_has_its_licence_beside_it() -> None:
    for name in static_files():
        if name.startswith("vendor/"):
            licence = UI / "static" / "vendor" / f"{Path(name).name.partition('.')[0]}.LICENSE"
            assert "permi" in licence.read_text().lower(), name
