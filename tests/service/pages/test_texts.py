"""The catalogues: the same keys in every language, none unknown, none unused; and which language a reader gets."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from onelook.datasets.findings import CODES
from onelook.service.pages.navigation import NAVIGATION
from onelook.service.pages.places import UI
from onelook.service.pages.texts import COOKIE, LANGUAGES, texts
from onelook.training.setting_words import describe_settings

CALLED = re.compile(r"""\btext\(\s*["']([\w.]+)["'](?!\s*~)""")
NAMED = re.compile(r"""["']([a-z]+\.[a-z0-9_]+)["']""")
PYTHON = sorted((Path(__file__).resolve().parents[3] / "src/onelook/service/pages").glob("*.py"))
LITERAL = {"onelook", "JSON", "CSV", "Darknet .txt", "VOC .xml", "settings.toml", "onelook client key admin", "MB"}
"""Words that stand in templates as they are: names, units, file names, commands."""
SYMBOLS = {
    *("script.seconds", "script.minutes", "script.hours"),
    *("compare.ap", "compare.ap50", "compare.f1", "compare.top1"),
}
ALIKE = {"en": set(texts("en")), "pt": {"sets.classes", *SYMBOLS}, "it": {"run.for_me", *SYMBOLS}}
"""By language: texts that are rightly the same as in English."""
JINJA = re.compile(r"\{%.*?%\}|\{\{.*?\}\}|\{#.*?#\}", re.DOTALL)
TAG = re.compile(r'<(?:[^>"]|"[^"]*")*>')
WORDS = re.compile(r"[^\W\d_]{2}")
WRITTEN = [*UI.glob("templates/*.jinja"), *UI.glob("static/scripts/**/*.js"), *PYTHON]


def test_every_language_has_the_same_keys_and_an_own_file() -> None:
    assert {path.stem for path in UI.glob("texts/*.json")} == set(LANGUAGES)
    for language in LANGUAGES:
        assert list(texts(language)) == list(texts("en")), language


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_says_something_with_the_same_places_to_fill(language: str) -> None:
    for key, words in texts(language).items():
        assert words.strip() == words != "", key
        assert set(re.findall(r"\{\w+\}", words)) == set(re.findall(r"\{\w+\}", texts("en")[key])), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_left_in_english_but_what_is_rightly_alike(language: str) -> None:
    alike = {key for key, words in texts(language).items() if words == texts("en")[key]}

    assert alike == ALIKE[language]


@pytest.mark.parametrize("path", sorted(UI.glob("templates/*.jinja")), ids=lambda path: path.name)
def test_no_template_says_anything_but_by_the_catalogues(path: Path) -> None:
    whole = JINJA.sub("", path.read_text())
    said = [words.strip(" \n\N{EN DASH}") for words in TAG.split(whole)]
    attributes = re.findall(r'(?:aria-label|alt|title|placeholder)="([^"]*)"', whole)

    assert {words for words in (*said, *attributes) if WORDS.search(words)} <= LITERAL


def test_what_settings_and_faults_mean_is_translated_as_it_stands_in_the_code() -> None:
    """Whoever changes the words under a setting changes them in `ui/texts` too, in every language."""
    settings = {f"setting.{each.name}": each.words for each in describe_settings()}
    faults = {f"fault.{code}": meaning for code, (_, meaning) in CODES.items()}

    said = {key: words for key, words in texts("en").items() if key.startswith(("setting.", "fault."))}
    assert said == settings | faults


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.name)
def test_no_template_or_script_asks_for_an_unknown_text(path: Path) -> None:
    unknown = set(CALLED.findall(path.read_text())) - set(texts("en"))

    assert not unknown


@pytest.mark.parametrize("path", sorted(UI.glob("static/scripts/**/*.js")), ids=lambda path: path.name)
def test_a_script_asks_only_for_texts_that_its_page_carries(path: Path) -> None:
    """Of a page the scripts know its own texts and those that begin with `script`: shared scripts may use no other."""
    pages = {path.name.partition(".")[0] for path in UI.glob("templates/*.jinja")} - {"layout"}
    own = {path.stem, *(part for part in path.parts if part in pages)} & pages

    used = {key.partition(".")[0] for key in CALLED.findall(path.read_text())}
    assert used <= {"script", *own}


def test_every_text_is_used() -> None:
    whole = "\n".join(path.read_text() for path in WRITTEN)
    starts = set(re.findall(r"[`\"']([a-z]+\.[a-z_]*)\$\{", whole)) | set(re.findall(r"'([a-z]+\.[a-z_]*)' ~", whole))

    unused = {key for key in texts("en") if key not in set(NAMED.findall(whole)) and not key.startswith(tuple(starts))}
    assert not unused


def test_every_entry_of_the_navigation_has_a_name() -> None:
    for entry in NAVIGATION:
        assert entry.text in texts("en")


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("pt-BR,pt;q=0.9,en;q=0.8", "pt"),
        ("fr;q=0.9,it;q=0.5,en;q=0.4", "it"),
        ("en;q=0.2, it-CH", "it"),
        ("fr", "en"),
        ("", "en"),
        ("it;q=x, ,;q=", "en"),
    ],
)
def test_a_reader_gets_the_language_that_the_browser_wants(browser: TestClient, accepted: str, language: str) -> None:
    page = browser.get("/session", headers={"Accept-Language": accepted})

    assert f'<html lang="{language}">' in page.text
    assert texts(language)["session.how"] in page.text


def test_a_choice_is_kept(browser: TestClient) -> None:
    browser.get("/session?language=it", headers={"Accept-Language": "pt"})
    later = browser.get("/session", headers={"Accept-Language": "pt"})

    assert browser.cookies[COOKIE] == "it"
    assert '<html lang="it">' in later.text
    assert 'lang="it" hreflang="it" aria-current="true"' in later.text
