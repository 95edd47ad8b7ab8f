"""Numbers, times and moments as each language writes them; tests/ui compares them with what Chromium writes."""

import pytest

from onelook.service.pages.amounts import HABITS, duration, moment, number
from onelook.service.pages.texts import LANGUAGES, texts


def test_every_language_has_habits() -> None:
    assert set(HABITS) == set(LANGUAGES)


@pytest.mark.parametrize(
    ("language", "value", "digits", "words"),
    [
        ("en", 0.5121, 3, "0.512"),
        ("pt", 0.5121, 3, "0,512"),
        ("it", 0.5121, 3, "0,512"),
        ("en", 12345, 0, "12,345"),
        ("pt", 1234567.5, 1, "1.234.567,5"),
        ("it", 1234, 0, "1234"),
        ("it", 12345, 0, "12.345"),
        ("pt", -1234, 0, "-1.234"),
        ("en", 1.0, None, "1"),
        ("it", 1.25, None, "1,25"),
        ("en", 1e30, None, "1e+30"),
        ("en", 0, 0, "0"),
    ],
)
def test_a_number_is_written_as_its_reader_does(language: str, value: float, digits: int | None, words: str) -> None:
    assert number(language, value, digits) == words


def test_times_are_told_in_the_unit_that_people_use() -> None:
    words = texts("it")

    assert [duration("it", words, seconds) for seconds in (0, 89, 90, 5399, 5400)] == [
        "0 s",
        "89 s",
        "2 min",
        "90 min",
        "1,5 h",
    ]


def test_a_moment_is_told_in_utc() -> None:
    assert [moment(language, 1_795_389_300) for language in ("en", "pt", "it")] == [
        "2026-11-22 23:15 UTC",
        "22/11/2026 23:15 UTC",
        "22/11/2026 23:15 UTC",
    ]
