"""Numbers, times and moments as the reader's language writes them, where the server writes them; scripts ask the browser."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_MINUTES, _HOURS = 90, 5400
"""Seconds from which a time is told in minutes, and in hours."""


@dataclass(frozen=True)
class Habits:
    """How a language writes numbers and moments, as browsers do."""

    group: str
    """Between thousands."""
    point: str
    """Before the fraction."""
    grouped: int
    """Digits from which thousands are set apart."""
    moment: str
    """As strftime takes it."""


HABITS: Mapping[str, Habits] = {
    "en": Habits(",", ".", 4, "%Y-%m-%d %H:%M"),
    "pt": Habits(".", ",", 4, "%d/%m/%Y %H:%M"),
    "it": Habits(".", ",", 5, "%d/%m/%Y %H:%M"),
}


def number(language: str, value: float, digits: int | None = 0) -> str:
    """Return a number with so many digits behind the point, with None as few as tell it whole."""
    habits = HABITS[language]
    written = f"{value:.12g}" if digits is None else f"{value:.{digits}f}"
    whole, _, rest = written.partition(".")
    if not whole.lstrip("-").isdigit():  # a power of ten, or no number
        return written
    if len(whole.lstrip("-")) >= habits.grouped:
        whole = f"{int(whole):,}".replace(",", habits.group)
    return f"{whole}{habits.point}{rest}" if rest else whole


def duration(language: str, words: Mapping[str, str], seconds: float) -> str:
    """Return seconds as 45 s, 12 min or 3.5 h; `words` are the language's texts."""
    if seconds < _MINUTES:
        return words["script.seconds"].replace("{count}", number(language, seconds))
    if seconds < _HOURS:
        return words["script.minutes"].replace("{count}", number(language, seconds / 60))
    return words["script.hours"].replace("{count}", number(language, seconds / 3600, 1))


def moment(language: str, seconds: float) -> str:
    """Return seconds since 1970 as a day and a time, in UTC, which is said."""
    return f"{datetime.fromtimestamp(seconds, UTC).strftime(HABITS[language].moment)} UTC"
