"""Signing in by key and by ticket, what a session may ask, and what other sites may not."""

import re

import pytest
from fastapi.testclient import TestClient
from tests.service.api.conftest import Api, Start, problem
from tests.service.pages.conftest import browser_of

from onelook.service.api.identity import CSRF_HEADER
from onelook.service.sessions import add_ticket, csrf_of

COOKIE = "onelook-session-web"


def sign_in(browser: TestClient, api: Api, by: str = "anna") -> str:
    """Sign in and return the session's token."""
    answer = browser.post("/session", data={"key": api.keys[by]}, headers={"Accept": "application/json"})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["csrf"])


def test_a_key_signs_in_and_goes_on_to_where_one_was_going(browser: TestClient, api: Api) -> None:
    answer = browser.post("/session", data={"key": f" {api.keys['anna']}\n", "next": "/runs?state=done"})

    assert answer.status_code == 303
    assert answer.headers["Location"] == "/runs?state=done"
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert {"HttpOnly", "SameSite=strict", "Max-Age=604800", "Path=/"} <= set(cookie.split("; "))
    assert browser.get("/v1/self").json()["client"]["id"] == api.clients["anna"].id


def test_over_https_the_cookie_stays_there(api: Api) -> None:
    answer = browser_of(api, "https://testserver").post("/session", data={"key": api.keys["anna"]})

    assert "Secure" in answer.headers["Set-Cookie"].split("; ")


def test_a_wrong_key_is_said_beside_the_field(browser: TestClient) -> None:
    page = browser.post("/session", data={"key": "onelook_nonsense", "next": "/runs"})
    told = browser.post("/session", data={"key": ""}, headers={"Accept": "application/json"})

    assert page.status_code == 401
    assert "This key is unknown" in page.text
    assert 'aria-invalid="true"' in page.text
    assert 'name="next" value="/runs"' in page.text
    assert "onelook_nonsense" not in page.text
    assert problem(told, 422, "invalid")["errors"][0]["field"] == "key"
    assert COOKIE not in browser.cookies


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/a\r\nX: y"])
def test_signing_in_never_leads_to_another_site(browser: TestClient, api: Api, target: str) -> None:
    answer = browser.post("/session", data={"key": api.keys["anna"], "next": target})

    assert answer.headers["Location"] == "/"


def test_another_site_signs_nobody_in(browser: TestClient, api: Api) -> None:
    answer = browser.post("/session", data={"key": api.keys["anna"]}, headers={"Origin": "https://evil.example"})
    own = browser.post("/session", data={"key": api.keys["anna"]}, headers={"Origin": "http://testserver"})

    problem(answer, 403, "other_site")
    assert own.status_code == 303


def test_a_ticket_signs_in_once(browser: TestClient, api: Api) -> None:
    address = f"/session?ticket={add_ticket(api.backend.database, api.clients['bert'].id)}&next=/runs"
    answer = browser.get(address)

    assert (answer.status_code, answer.headers["Location"]) == (303, "/runs")
    assert browser.get("/v1/self").json()["client"]["id"] == api.clients["bert"].id
    assert browser.get(address).headers["Location"] == "/runs", "who signed in by it goes on"
    browser.cookies.clear()
    again = browser.get(address)
    assert again.status_code == 401
    assert "signs in once" in again.text
    assert 'name="next" value="/runs"' in again.text


def test_reading_needs_the_session_and_changing_the_token_too(browser: TestClient, api: Api) -> None:
    token = sign_in(browser, api)
    missing = browser.post("/v1/jobs", json={"url": "http://archive.example/1.jpg"})
    wrong = browser.post("/v1/jobs", json={"url": "http://archive.example/1.jpg"}, headers={CSRF_HEADER: csrf_of("x")})
    right = browser.post("/v1/jobs", json={"url": "http://archive.example/1.jpg"}, headers={CSRF_HEADER: token})

    problem(missing, 403, "no_csrf")
    problem(wrong, 403, "no_csrf")
    assert right.status_code == 202
    assert browser.get("/v1/jobs").json()["jobs"][0]["id"] == right.json()["jobs"][0]["id"]


def test_a_picture_at_once_needs_the_token_too(browser: TestClient, api: Api) -> None:
    """The shorter way of POST /v1/detect asks who it is as every other."""
    sign_in(browser, api)

    problem(browser.post("/v1/detect", content=b"x", headers={"Content-Type": "image/png"}), 403, "no_csrf")


def test_a_key_goes_before_a_session(browser: TestClient, api: Api) -> None:
    sign_in(browser, api)
    headers = {"Authorization": f"Bearer {api.keys['bert']}"}

    assert browser.get("/v1/self", headers=headers).json()["client"]["id"] == api.clients["bert"].id
    problem(browser.get("/v1/self", headers={"Authorization": "Bearer nonsense"}), 401, "no_key")


def test_a_session_s_secret_is_no_key(browser: TestClient, api: Api) -> None:
    sign_in(browser, api)
    browser.get("/v1/self")
    headers = {"Authorization": f"Bearer {browser.cookies[COOKIE]}"}

    problem(api.http.get("/v1/self", headers=headers), 401, "no_key")


def test_an_ended_session_is_told_so(browser: TestClient) -> None:
    browser.cookies.set(COOKIE, "an old one")
    told = problem(browser.get("/v1/self"), 401, "no_key")

    assert told["detail"] == "session: expected one that is open, got one that has ended; sign in again"


def test_signing_out_ends_the_session_and_needs_the_token(browser: TestClient, api: Api) -> None:
    token = sign_in(browser, api)
    secret = browser.cookies[COOKIE]
    problem(browser.post("/session/end", data={"csrf": "x"}), 403, "no_csrf")
    assert browser.get("/v1/self").status_code == 200
    answer = browser.post("/session/end", data={"csrf": token})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert COOKIE not in browser.cookies
    browser.cookies.set(COOKIE, secret)
    assert browser.get("/v1/self").status_code == 401


def test_a_session_outlives_the_server(start: Start) -> None:
    first = start()
    browser = browser_of(first)
    sign_in(browser, first)
    again = browser_of(start())
    again.cookies.set(COOKIE, browser.cookies[COOKIE])

    assert again.get("/v1/self").json()["client"]["id"] == first.clients["anna"].id


def test_the_page_to_sign_in_runs_no_stranger_s_script(browser: TestClient) -> None:
    page = browser.get("/session")

    policy = page.headers["Content-Security-Policy"]
    assert page.status_code == 401
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert {"default-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} <= set(
        policy.split("; ")
    )
    assert "unsafe" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert not re.search(r"<style|\bstyle=|\bon[a-z]+=", page.text)
    assert re.findall(r"<script(?! type=\"application/json\"| type=\"module\" src=| src=)", page.text) == []
