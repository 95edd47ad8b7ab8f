"""Every page as its readers see it: in every language, on a phone and a desk, in light and dark; and by axe."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.experiments.test_overview import make_grid
from tests.ui.conftest import SIZES, STREET, Open, Served, keep_screen, serious_issues, service_of
from tests.ui.records import end_run, log_evaluation, log_steps, made_run

from onelook.service.pages.amounts import number
from onelook.service.pages.places import UI
from onelook.service.pages.texts import LANGUAGES, texts

pytestmark = pytest.mark.slow

CONTRAST = "color-contrast"
VIEWS: dict[str, tuple[tuple[str, str, tuple[str, ...] | None], ...]] = {
    "en": (("laptop", "light", ()),),
    "pt": (("phone", "dark", (CONTRAST,)), ("laptop", "light", None)),
    "it": (("phone", "light", None), ("laptop", "dark", None)),
}
"""By language: sizes and colours to look at, and the rules by which axe looks, too: all, what dark changes, or none."""

SAID = """() => {
  const said = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement.closest("script, body [lang], [translate=no]")) said.push(walker.currentNode.textContent);
  }
  const names = ["aria-label", "aria-valuetext", "placeholder", "title", "alt"];
  for (const element of document.querySelectorAll(names.map(name => `[${name}]`).join())) {
    said.push(...names.map(name => element.getAttribute(name) ?? ""));
  }
  return [...new Set(said.map(words => words.trim().replace(/\\s+/g, " ")))].filter(Boolean);
}"""
"""All that a page says, shown or not; but names, and what it marks as of another language: the service's own words."""

CUT = """() => {
  const words = document.querySelectorAll("button, .button, h1, h2, h3, p, label, legend, dt, dd, li, summary, output, nav a");
  const isCut = each => each.checkVisibility() && !each.closest(".scroll, .unseen, .skip")
    && getComputedStyle(each).display !== "inline" && each.scrollWidth > each.clientWidth + 1;
  return [...words].filter(isCut).map(each => each.outerHTML.slice(0, 200));
}"""
"""Elements with words that are wider than their place."""

AMOUNTS = """() => [...document.querySelectorAll("td.number, output, .numbers dd, .told, .hint")]
  .filter(each => !each.querySelector("code") && !each.closest("#more-settings, #main-settings, details#log"))
  .map(each => each.textContent)"""
ENGLISH_NUMBER = re.compile(r"\b0\.\d|\d\.\d(?!\d\d(?!\d))")
"""0.512 and 12.5; 1.234 is a thousand and more."""


@dataclass(frozen=True)
class Place:
    """A page: its address, what shows that all is there, and what is done before it is looked at."""

    path: str
    ready: str
    prepare: Callable[[Any], None] = lambda page: None


def look_at_pictures(page: Any) -> None:
    """Let two models look at two pictures."""
    page.locator("#choose").set_input_files([UI / "static" / "samples" / "cells.jpg", STREET])
    page.locator('.panel[data-model="default"][aria-busy="false"]').wait_for()
    page.locator('.panel[data-model="small"][aria-busy="false"]').wait_for()
    page.locator("summary").first.click()


def unfold(page: Any) -> None:
    """Show all settings of the form."""
    page.locator('#check[aria-busy="false"] table').wait_for()
    page.locator("#form summary").last.click()


def choose_val(page: Any) -> None:
    """Show the mistakes on val, with the pictures that load as they come into view."""
    page.locator("#split").select_option("val")
    page.locator("#worst li").nth(2).scroll_into_view_if_needed()
    page.locator("#worst li img").nth(2).wait_for()
    for part in page.locator("details").all():
        part.locator("summary").click()


@pytest.fixture(scope="module")
def places(served: Served, uploads: Path) -> dict[str, Place]:
    """Give every page by a name, with something to show."""
    live, done, bare = (made_run(served, f"tlook{name}", "running") for name in ("live", "done", "bare"))
    log_steps(served, live, 20, 30, 40)
    log_evaluation(served, live, 40, best=0.04)
    log_steps(served, done, 20, 50, 100)
    log_evaluation(served, done, 100, best=0.4)
    end_run(served, done)
    make_grid(served.folder / "grids" / "readers")
    with service_of(served) as api:
        data = api.upload_data(uploads / "broken.zip", "cells").id
        (failed,) = api.post("http://127.0.0.1/private.jpg", "small")
        api.job(failed, 30)
    return {
        "try": Place("/?model=default&beside=small", "#models input", look_at_pictures),
        "train": Place(f"/train?data={data}", "#form[data-ready]", unfold),
        "runs": Place("/runs", "#grids"),
        "run-live": Place(f"/runs/{live.id}", "#pictures li"),
        "run-ended": Place(f"/runs/{done.id}", "#splits:not([hidden])", choose_val),
        "run-bare": Place(f"/runs/{bare.id}", "#score .none"),
        "compare": Place(f"/runs/compare?run={live.id}&run={done.id}&run=tgone", "#score[data-points]"),
        "grid": Place("/runs/grids/readers", "#grid table"),
        "data": Place("/data", "main table"),
        "data-set": Place(f"/data/{data}", "#set[data-ready]"),
        "service": Place("/service", "#failed"),
        "nothing": Place("/runs/tgone", "main h1"),
        "sign-in": Place("/session", "#key"),
    }


def english(language: str) -> re.Pattern[str]:
    """Return what matches every text that is English and should not be."""
    own = texts(language)
    left = [words for key, words in texts("en").items() if own[key] != words and words not in own.values()]
    return re.compile("|".join(re.sub(r"\\\{\w+\\\}", ".+", re.escape(words)) for words in left))


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_page_can_be_read_by_everybody(
    open_page: Open, places: dict[str, Place], served: Served, language: str
) -> None:
    page = open_page(f"/?language={language}")
    stranger = open_page(f"/session?language={language}", sign_in=False)
    told: list[str] = []
    for name, place in places.items():
        shown = stranger if name == "sign-in" else page
        shown.goto(served.address + place.path)
        shown.locator(place.ready).first.wait_for()
        place.prepare(shown)
        told += [f"{name}: {words}" for words in left_in_english(shown, language)]
        for size, colours, rules in VIEWS[language]:
            told += [f"{name}, {size}, {colours}: {words}" for words in what_is_wrong(shown, size, colours, rules)]
            keep_screen(shown, f"{name}-{language}-{size}-{colours}")

    assert told == []


def left_in_english(page: Any, language: str) -> list[str]:
    """Return what a page says in English, words and numbers, though its reader has another language."""
    if language == "en":
        return []
    assert page.locator("html").get_attribute("lang") == language
    wrong = english(language)
    words = [each for each in page.evaluate(SAID) if wrong.fullmatch(each)]
    return words + [each for each in page.evaluate(AMOUNTS) if ENGLISH_NUMBER.search(each)]


def what_is_wrong(page: Any, size: str, colours: str, rules: tuple[str, ...] | None) -> list[str]:
    """Return what stands out of the window, what is cut, and what axe finds."""
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=colours)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    told = [f"stands out of the window by {wide}"] if wide > 0 else []
    return [*told, *page.evaluate(CUT), *(serious_issues(page, *rules) if rules is not None else [])]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_server_writes_numbers_as_the_browser_does(open_page: Open, language: str) -> None:
    page = open_page("/session", sign_in=False)
    values = [0.5121, 12, 999, 1234, 12345.5, 1234567, -1234]
    written = page.evaluate(
        "([values, language]) => values.map(value => value.toLocaleString("
        "language, {minimumFractionDigits: 1, maximumFractionDigits: 1}))",
        [values, language],
    )

    assert [number(language, value, 1) for value in values] == written
