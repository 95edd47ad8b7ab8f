"""The pages' texts in every language: `ui/texts/LANGUAGE.json`, and which of them a reader gets."""

import functools
import json
from collections.abc import Mapping

from fastapi import Request

from onelook.service.pages.places import UI

LANGUAGES: dict[str, str] = {"en": "English", "pt": "Português", "it": "Italiano"}
"""By code, as each calls itself; the first stands in where a reader wants none of them."""

DEFAULT = next(iter(LANGUAGES))
COOKIE = "onelook-language"


@functools.cache
def texts(language: str) -> Mapping[str, str]:
    """Return the texts of one of LANGUAGES by key, such as `try.title`."""
    read: dict[str, str] = json.loads((UI / "texts" / f"{language}.json").read_text(encoding="utf-8"))
    return read


def texts_of(language: str, *starts: str) -> dict[str, str]:
    """Return the texts whose keys begin with one of `starts` and a dot."""
    return {key: words for key, words in texts(language).items() if key.partition(".")[0] in starts}


def language_of(request: Request) -> str:
    """Return the language that was chosen in the query, or before as the cookie tells, or that the browser prefers."""
    chosen = (request.query_params.get("language", ""), request.cookies.get(COOKIE, ""))
    wanted = [*chosen, *_preferred(request.headers.get("accept-language", ""))]
    return next((each for each in wanted if each in LANGUAGES), DEFAULT)


def _preferred(header: str) -> list[str]:
    """Return the languages of an Accept-Language header without their regions, most wanted first."""
    weighted = []
    for part in header.split(",")[:20]:
        code, _, weight = part.strip().partition(";q=")
        try:
            weighted.append((float(weight or 1), code.partition("-")[0].lower()))
        except ValueError:
            continue
    return [code for _, code in sorted(weighted, key=lambda each: -each[0])]
