"""What an address refuses: a page to people, in their language and with the way back; the problem itself to programs."""

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.service.api.conftest import Api, problem
from tests.service.pages.test_session import sign_in

from onelook.service.pages.problem import as_page
from onelook.service.pages.texts import texts
from onelook.service.problems import ProblemError, answer_to, install_problems

PERSON = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "pt"}


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/runs/t0", 404, "problem.gone"),
        ("/data/d0", 404, "problem.gone"),
        ("/nowhere", 404, "problem.gone"),
        ("/service", 403, "problem.forbidden"),
        ("/runs/grids/x", 403, "problem.forbidden"),
        ("/runs/UPPER", 422, "problem.refused"),
    ],
)
def test_people_get_a_page(api: Api, browser: TestClient, path: str, status: int, title: str) -> None:
    sign_in(browser, api)
    page = browser.get(path, headers=PERSON)

    assert page.status_code == status
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"<h1>{texts('pt')[title]}</h1>" in page.text
    assert '<html lang="pt">' in page.text
    assert 'href="/"' in page.text
    assert "unsafe" not in page.headers["Content-Security-Policy"]


def test_who_signed_in_keeps_the_way_to_the_other_pages(api: Api, browser: TestClient) -> None:
    sign_in(browser, api)

    assert 'href="/runs"' in browser.get("/runs/t0", headers=PERSON).text


def test_programs_and_parts_of_a_page_get_the_problem(api: Api, browser: TestClient) -> None:
    sign_in(browser, api)

    problem(browser.get("/runs/t0", headers={"Accept": "*/*"}), 404, "no_training")
    problem(browser.get("/v1/trainings/t0", headers=PERSON), 404, "no_training")


def test_a_service_that_cannot_answer_now_says_when_to_come_back() -> None:
    async def none() -> None:
        raise ProblemError(503, "no_database", "database: expected an answer, got none", retry_after=7)

    app = FastAPI()
    install_problems(app, as_page(answer_to))
    app.get("/runs")(none)
    page = TestClient(app).get("/runs", headers=PERSON)

    assert (page.status_code, page.headers["Retry-After"]) == (503, "7")
    assert texts("pt")["problem.away_hint"] in page.text
