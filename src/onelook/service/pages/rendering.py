"""Templates to answers: who reads, in which language, and the headers that keep strangers' scripts out of the pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, partial
from urllib.parse import urlsplit

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from onelook.experiments.report.tables import in_words
from onelook.service.api.backend import Backend
from onelook.service.api.identity import session_secret
from onelook.service.clients import Client
from onelook.service.pages import amounts
from onelook.service.pages.files import static_address
from onelook.service.pages.navigation import NAVIGATION
from onelook.service.pages.places import UI
from onelook.service.pages.texts import COOKIE, LANGUAGES, language_of, texts, texts_of
from onelook.service.sessions import client_of_session, csrf_of

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Cache-Control": "private, no-cache",
}
"""Of every page. No script or style that stands in a page itself is run, whoever put it there; the camera is Try's."""

_SAID_BESIDES = {"train": ("setting", "fault"), "data": ("fault",)}
"""By page: the texts that its script needs besides its own: what the settings and the faults of data mean."""

_LANGUAGE_SECONDS = 365 * 86400


@dataclass(frozen=True)
class Reader:
    """Who looks at a page; a client of None has not signed in, and has no token."""

    client: Client | None
    csrf: str


async def reader_of(request: Request, backend: Backend) -> Reader:
    """Return who looks at a page, as the session tells."""
    secret = session_secret(request)
    client = await backend.client(secret, client_of_session) if secret else None
    if client is None:
        return Reader(None, "")
    request.state.client_id = client.id
    reader = Reader(client, csrf_of(secret))
    request.state.reader = reader  # for the page that says what went wrong
    return reader


async def page(
    request: Request, backend: Backend, name: str, values: Mapping[str, object] | None = None
) -> HTMLResponse:
    """Return the page `ui/templates/NAME.html.jinja` to whoever signed in, and the way to sign in, 401, to others."""
    reader = await reader_of(request, backend)
    if reader.client is None:
        url = request.url
        return sign_in_page(request, f"{url.path}?{url.query}" if url.query else url.path)
    return render(request, reader, name, values or {})


def sign_in_page(request: Request, target: str, mistake: str = "") -> HTMLResponse:
    """Return the page that asks for a key and then goes on to `target`; `mistake` is the key of a text that says why again."""
    values = {"next": local_path(target), "mistake": mistake}
    return render(request, Reader(None, ""), "session", values, 401)


def local_path(target: str) -> str:
    """Return a path of this service, with its query; `/` for whatever leads elsewhere."""
    parts = urlsplit(target.replace("\\", "/"))
    if parts.scheme or parts.netloc or not target.startswith("/") or any(ord(letter) < 33 for letter in target):
        return "/"
    return target


def render(
    request: Request, reader: Reader, name: str, values: Mapping[str, object], status: int = 200
) -> HTMLResponse:
    """Return a template as an answer, in the reader's language, which is kept when it was chosen in the query."""
    language = language_of(request)
    words = texts(language)
    context = {
        "client": reader.client,
        "csrf": reader.csrf,
        "language": language,
        "languages": {code: (own, _in_language(request, code)) for code, own in LANGUAGES.items()},
        "name": name,
        "path": request.url.path,
        "navigation": [
            each for each in NAVIGATION if reader.client and (reader.client.admin or not each.administrators)
        ],
        "text": lambda key: words[key],
        "script_texts": texts_of(language, "script", name, *_SAID_BESIDES.get(name, ())),
        "number": partial(amounts.number, language),
        "duration": partial(amounts.duration, language, words),
        "moment": partial(amounts.moment, language),
        "static": static_address,
    }
    html = _environment().get_template(f"{name}.html.jinja").render({**context, **values})
    response = HTMLResponse(html, status, HEADERS | {"Content-Language": language})
    if request.query_params.get("language") == language:
        response.set_cookie(COOKIE, language, _LANGUAGE_SECONDS, samesite="lax")
    return response


def _in_language(request: Request, code: str) -> str:
    """Return the address of the same page in another language."""
    url = request.url.include_query_params(language=code)
    return f"{url.path}?{url.query}"


@cache
def _environment() -> Environment:
    loader = FileSystemLoader(UI / "templates")
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters["told"] = in_words
    return made
