"""The page Try as the server writes it; what its scripts do is tried in a real browser, in tests/ui."""

import re

from fastapi.testclient import TestClient
from tests.service.api.conftest import Api, Start
from tests.service.pages.conftest import browser_of
from tests.service.pages.test_session import sign_in

from onelook.service.pages.files import static_files, static_version


def test_who_has_not_signed_in_is_asked_to_and_comes_back(browser: TestClient) -> None:
    page = browser.get("/?model=cells")

    assert page.status_code == 401
    assert 'name="next" value="/?model=cells"' in page.text


def test_the_page_carries_the_session_s_token_and_the_limits(start: Start) -> None:
    api = start(most_upload=12345)
    mine = browser_of(api)
    token = sign_in(mine, api)
    page = mine.get("/")

    assert page.status_code == 200
    assert f'<meta name="csrf" content="{token}">' in page.text
    assert 'data-most-bytes="12345"' in page.text
    assert 'data-most-pixels="40000000"' in page.text
    assert '<a href="/" aria-current="page">Try</a>' in page.text


def test_every_file_that_the_page_names_is_there(browser: TestClient, api: Api) -> None:
    sign_in(browser, api)
    page = browser.get("/").text

    named = set(re.findall(rf'"/static/{static_version()}/([^"]+)"', page))
    assert {"scripts/try.js", "styles/page.css", "samples/street.jpg"} <= named <= set(static_files())


def test_a_client_s_name_is_shown_as_text(start: Start) -> None:
    api = start()
    api.add("<script>alert(1)</script>")
    mine = browser_of(api)
    sign_in(mine, api, "<script>alert(1)</script>")

    page = mine.get("/").text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_the_pages_are_no_part_of_the_api_s_document(api: Api) -> None:
    paths = api.http.get("/openapi.json").json()["paths"]

    assert not [path for path in paths if not path.startswith(("/v1/", "/healthz", "/readyz", "/metrics"))]
