"""What goes wrong with what readers bring: said beside the field, in words, and nothing that was typed is lost."""

import re
from pathlib import Path
from typing import Any

import pytest
from tests.ui.conftest import MOST_DATA, Open, keep_screen, serious_issues
from tests.ui.uploads import MIB, bring, write_bomb, write_escaping_zip, write_sparse

pytestmark = pytest.mark.slow

HALF_GIGABYTE = 500 * MIB


def form(open_page: Open, path: str = "/train") -> Any:
    """Return the page Train, ready to be typed into."""
    page = open_page(path)
    page.locator("#form[data-ready]").wait_for()
    return page


def refused(page: Any, path: Path) -> str:
    """Return what is said beside the field when a file is uploaded."""
    page.locator("#zip").set_input_files(path)
    page.locator("#zip-mistake:not(:empty)").wait_for()
    page.locator("#zip:not([disabled])").wait_for()
    return str(page.locator("#zip-mistake").inner_text())


def test_archives_that_are_wrong_are_said_beside_the_field_and_what_was_typed_stays(
    open_page: Open, tmp_path: Path
) -> None:
    page = form(open_page)
    page.fill("#set-epochs", "7")

    assert refused(page, write_escaping_zip(tmp_path / "escaping.zip")) == (
        "data: expected names inside the archive, got '../../evil.txt'"
    )
    keep_screen(page, "train-escaping-zip")
    assert serious_issues(page) == []
    bomb = write_bomb(tmp_path / "bomb.zip")
    assert bomb.stat().st_size < MOST_DATA
    told = re.search(r"expected at most (\d+) bytes unpacked, got more", refused(page, bomb))
    assert told is not None
    assert MOST_DATA / 2 < int(told[1]) <= MOST_DATA  # less what other tests of this service have brought
    (tmp_path / "text.zip").write_bytes(b"no archive at all")
    assert "expected a whole zip archive" in refused(page, tmp_path / "text.zip")
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.method))
    assert refused(page, write_sparse(tmp_path / "large.zip", HALF_GIGABYTE)) == "Expected at most 29 MiB, got 500 MiB."
    assert "POST" not in asked, "it is not even sent"
    assert page.input_value("#set-epochs") == "7"
    assert page.locator("#zip").get_attribute("aria-invalid") == "true"


def test_half_a_gigabyte_of_text_is_said_at_once_and_never_read(open_page: Open, tmp_path: Path) -> None:
    text = write_sparse(tmp_path / "novel.txt", HALF_GIGABYTE)
    page = open_page("/?model=small")
    page.locator("#choose").set_input_files(text)
    page.locator("#picture-mistake:not(:empty)").wait_for()
    assert page.locator("#picture-mistake").inner_text().startswith("novel.txt is no picture")
    page = form(open_page)
    page.locator("#cfg-file").set_input_files(text)
    page.locator("#cfg-mistake:not(:empty)").wait_for()

    assert page.locator("#cfg-mistake").inner_text() == "Expected at most 1,000,000 bytes, got 524,288,000."
    assert page.locator("#network").is_enabled()


def test_a_cfg_that_is_wrong_is_said_beside_its_field(open_page: Open, data: str, tmp_path: Path) -> None:
    (tmp_path / "wrong.cfg").write_text("no sections at all\n")
    page = form(open_page, f"/train?data={data}")
    page.locator("#cfg-file").set_input_files(tmp_path / "wrong.cfg")
    page.get_by_role("button", name="Start training").click()
    page.locator("#cfg-mistake:not(:empty)").wait_for()

    assert page.locator("#form-mistake").inner_text() == ""
    assert page.locator("#cfg-told").inner_text().startswith("wrong.cfg is used")


def test_what_is_wrong_with_a_broken_picture_stands_in_its_place(open_page: Open, uploads: Path) -> None:
    page = form(open_page)
    bring(page, uploads / "broken.zip")
    page.get_by_text("truncated-image: 1").click()
    page.locator("#check .lost .mistake").wait_for()

    words = page.locator("#check .lost .mistake").inner_text()
    assert ".jpg: expected" in words
    assert "/" not in words.partition(":")[0], "our folders are not told"
    keep_screen(page, "train-broken-picture")
    assert serious_issues(page) == []


def test_a_service_that_is_gone_is_said_beside_and_nothing_typed_is_lost(
    open_page: Open, uploads: Path, data: str
) -> None:
    page = form(open_page, f"/train?data={data}")
    page.fill("#set-epochs", "7")
    page.context.set_offline(True)
    page.get_by_role("button", name="Start training").click()
    page.locator("#form-mistake:not(:empty)").wait_for()
    assert page.locator("#form-mistake").inner_text().startswith("The service cannot be reached.")
    assert refused(page, uploads / "cells.zip").startswith("The service cannot be reached.")
    keep_screen(page, "train-gone")
    page.context.set_offline(False)
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url("**/runs/t*")

    assert page.locator("dl.numbers dd").last.text_content() == "7"
    page.get_by_role("button", name="Stop").click()
    page.locator("#state.stopped").wait_for()


def test_two_tabs_that_start_the_same_training_start_one_that_is_stopped_and_duplicated(
    open_page: Open, uploads: Path, data: str
) -> None:
    page = form(open_page, f"/train?data={data}")
    page.locator("#cfg-file").set_input_files(uploads / "tiny.cfg")
    page.get_by_text("tiny.cfg is used").wait_for()
    page.fill("#set-epochs", "3")
    other = page.context.new_page()
    other.goto(page.url)
    other.locator("#form[data-ready]").wait_for()
    other.locator("#cfg-file").set_input_files(uploads / "tiny.cfg")
    other.get_by_text("tiny.cfg is used").wait_for()
    assert other.input_value("#set-epochs") == "3"
    for tab in (page, other):
        tab.get_by_role("button", name="Start training").click(no_wait_after=True)
    for tab in (page, other):
        tab.wait_for_url("**/runs/t*")
    assert page.url == other.url

    assert page.locator("h1").inner_text() == "Run: tiny.cfg, smears"
    page.get_by_role("button", name="Stop").click()
    page.locator("#state.stopped").wait_for()
    other.locator("#state.stopped").wait_for()
    page.get_by_role("button", name="Resume").click()
    page.locator("#state.waiting").wait_for()
    page.get_by_role("button", name="Stop").click()
    page.locator("#state.stopped").wait_for()
    page.get_by_role("link", name="Duplicate with changes").click()
    page.locator("#form[data-ready]").wait_for()
    assert page.input_value("#set-epochs") == "3"
    assert page.locator("#cfg-told").inner_text().startswith("tiny.cfg is used")
    page.fill("#set-epochs", "4")
    page.get_by_role("button", name="Start training").click()
    page.wait_for_url(lambda url: "/runs/t" in url and url != other.url)
    assert page.locator("h1").inner_text() == "Run: tiny.cfg, smears"
    page.get_by_role("button", name="Stop").click()
    page.locator("#state.stopped").wait_for()
