"""The page of one data set in Chromium: filtered by keyboard, divided, removed; its long lists lead on."""

from typing import Any

import pytest
from tests.ui.conftest import Open, Served, keep_screen, service_of

pytestmark = pytest.mark.slow


def test_by_keyboard_alone_data_is_filtered(open_page: Open, data: str) -> None:
    page = open_page(f"/data/{data}")
    page.locator("#set[data-ready]").wait_for()
    page.locator("#by-class").focus()
    page.keyboard.press("w")  # white
    page.get_by_text("1 to 16 of 16").wait_for(state="detached")
    page.keyboard.press("Tab")

    assert page.evaluate("document.activeElement.id") == "by-code"
    assert page.input_value("#by-class") == "white"
    assert "class=white" in page.url


def kept(served: Served) -> set[str]:
    """Return the ids of all data."""
    with service_of(served) as api:
        return {each.id for each in api.data()}


def test_data_is_divided_once_however_often_it_is_pressed_and_a_removed_one_is_gone(
    open_page: Open, served: Served, data: str
) -> None:
    before = kept(served)
    page = open_page(f"/data/{data}")
    page.locator("#set[data-ready]").wait_for()
    page.fill("#ratios", "all of it")
    page.get_by_role("button", name="Divide").click()
    page.locator("#split .mistake:not(:empty)").first.wait_for()
    page.fill("#ratios", "50/50")
    page.get_by_role("button", name="Divide").dblclick()
    page.wait_for_url(lambda url: "/data/d" in url and data not in url)
    assert len(kept(served) - before) == 1
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#set[data-ready]").wait_for()
    removed = page.url
    page.get_by_role("button", name="Remove").click()
    page.wait_for_url("**/data")
    page.goto(removed)

    assert page.get_by_role("heading", level=1).inner_text() == "There is nothing here"


def test_long_lists_say_where_they_end_and_lead_on(open_page: Open, served: Served, data: str) -> None:
    page = open_page("/session")
    line = {
        "path": "a.txt",
        "line": 1,
        "code": "tiny-box",
        "severity": "warning",
        "what": "small",
        "fix": "no",
        "images": [],
    }

    def long(route: Any) -> None:
        found = route.fetch().json()
        code = {"code": "tiny-box", "severity": "warning", "meaning": "?", "count": 700}
        route.fulfill(json={**found, "warnings": 700, "codes": [code], "findings": [line] * 120})

    def guilty(route: Any) -> None:
        found = route.fetch(url=route.request.url.replace("code=tiny-box", "")).json()
        route.fulfill(json={**found, "total": 90})

    page.route("**/check", long)
    page.route("**/images?limit=12&code=tiny-box", guilty)
    page.goto(f"{served.address}/data/{data}")
    page.get_by_text("tiny-box: 700").click()
    lines = page.locator("#check details > ul:not(.gallery) > li")
    assert lines.count() == 50
    page.get_by_role("button", name="Show more (70 left)").click()
    assert lines.count() == 100
    page.get_by_role("button", name="Show more (20 left)").click()
    assert lines.count() == 120
    assert page.get_by_text("and 580 more: onelook data check lists them all").is_visible()
    page.get_by_text("12 of 90 pictures.").wait_for()
    keep_screen(page, "data-long-lists")
    page.unroute_all(behavior="wait")
    page.get_by_role("link", name="See all of them").click()

    page.wait_for_url(f"**/data/{data}?code=tiny-box#browse")
