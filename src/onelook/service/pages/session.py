"""Signing in and out: a client's key, or a ticket, for a session in a cookie that no script can read."""

import asyncio
from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse

from onelook.service.api.backend import Backend, Open
from onelook.service.api.identity import session_cookie, session_secret
from onelook.service.pages.rendering import local_path, reader_of, sign_in_page
from onelook.service.problems import ProblemError, invalid
from onelook.service.sessions import close_session, csrf_of, is_csrf_of, open_session, use_ticket

router = APIRouter(prefix="/session", include_in_schema=False)

_LONGEST = 200
Word = Annotated[str, Form(max_length=_LONGEST)]


@router.get("")
async def get_session(request: Request, backend: Open) -> Response:
    """Sign in by a ticket, once; without a good one ask for a key, unless the browser has signed in already."""
    target = local_path(request.query_params.get("next", "/"))
    ticket = request.query_params.get("ticket", "")
    seconds = backend.settings.http.session_seconds
    secret = await asyncio.to_thread(use_ticket, backend.database, ticket, seconds) if ticket else None
    if secret is not None:
        return _signed_in(request, backend, secret, RedirectResponse(target, 303))
    if (await reader_of(request, backend)).client is not None:
        return RedirectResponse(target, 303)
    return sign_in_page(request, target, "session.used" if ticket else "")


@router.post("")
async def post_session(
    request: Request, backend: Open, key: Word = "", next_: Annotated[str, Form(alias="next")] = "/"
) -> Response:
    """Sign in by a key; a script that accepts JSON is told the new session's token, a form goes on to `next`."""
    _check_own(request)
    wants_json = "application/json" in request.headers.get("accept", "")
    secret = await asyncio.to_thread(open_session, backend.database, key.strip(), backend.settings.http.session_seconds)
    if secret is None and wants_json:
        raise invalid("key", "a valid key of a client", "one that is unknown, revoked or disabled")
    if secret is None:
        return sign_in_page(request, next_, "session.wrong")
    if wants_json:
        return _signed_in(request, backend, secret, JSONResponse({"csrf": csrf_of(secret)}))
    return _signed_in(request, backend, secret, RedirectResponse(local_path(next_), 303))


@router.post("/end")
async def end_session(request: Request, backend: Open, csrf: Word = "") -> Response:
    """Sign out."""
    secret = session_secret(request)
    if secret and not is_csrf_of(csrf, secret):
        raise ProblemError(403, "no_csrf", "csrf: expected the session's own token, got another or none")
    await asyncio.to_thread(close_session, backend.database, secret)
    backend.forget_keys()
    response = RedirectResponse("/", 303)
    response.delete_cookie(session_cookie(request))
    return response


def _check_own(request: Request) -> None:
    """Raise the 403 when another site's page asks: it would sign a browser in to a session of its own."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise ProblemError(403, "other_site", "Origin: expected a page of this service, got another site's")


def _signed_in(request: Request, backend: Backend, secret: str, response: Response) -> Response:
    response.set_cookie(
        session_cookie(request),
        secret,
        int(backend.settings.http.session_seconds),
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response
