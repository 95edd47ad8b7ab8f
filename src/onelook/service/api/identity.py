"""Who asks: the client is whoever's key or session came with the request, never what the request says of itself."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from onelook.service.api.backend import Backend, Open
from onelook.service.clients import Client
from onelook.service.problems import ProblemError
from onelook.service.sessions import client_of_session, is_csrf_of

SCHEME = "key"
"""Name of the way to show a key in the OpenAPI document."""

KEYED: dict[str, list[dict[str, list[str]]]] = {"security": [{SCHEME: []}]}
"""What the document says of a route that needs a key and reads it by itself."""

CSRF_HEADER = "X-CSRF-Token"
"""Shows that a page of ours asks: another site's page can send a browser's cookies along, but knows no token."""

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_LONGEST_KEY = 200
_BEARER = "bearer "
_bearer = HTTPBearer(auto_error=False, scheme_name=SCHEME, description="A client's key, as `Authorization: Bearer KEY`")


async def identify(request: Request, backend: Backend) -> Client:
    """Return the client whose key came, or whose session where none did.

    Raises the 401 for none, an unknown, a revoked one, a disabled client's and a session that has ended; the 403 for a request of
    a session that changes something without the session's token.
    """
    given = request.headers.get("authorization", "")
    session = "" if given else session_secret(request)
    client = await (_by_session(request, backend, session) if session else _by_key(backend, given))
    request.state.client_id = client.id
    return client


def session_cookie(request: Request) -> str:
    """Return the session cookie's name: with the port, as a browser sends a host's cookies to every port of it."""
    return f"onelook-session-{request.url.port or 'web'}"


def session_secret(request: Request) -> str:
    """Return the session's secret that came with the request; empty where none did."""
    secret = request.cookies.get(session_cookie(request), "")
    return secret if len(secret) <= _LONGEST_KEY else ""


async def _by_key(backend: Backend, given: str) -> Client:
    secret = given[len(_BEARER) :].strip() if given[: len(_BEARER)].lower() == _BEARER else ""
    client = await backend.client(secret) if 0 < len(secret) <= _LONGEST_KEY else None
    if client is None:
        came = "one that is unknown, revoked or disabled" if secret else "none"
        raise _no_key(f"Authorization: expected `Bearer KEY` with a valid key, got {came}")
    return client


async def _by_session(request: Request, backend: Backend, secret: str) -> Client:
    client = await backend.client(secret, client_of_session)
    if client is None:
        raise _no_key("session: expected one that is open, got one that has ended; sign in again")
    if request.method not in _SAFE and not is_csrf_of(request.headers.get(CSRF_HEADER, ""), secret):
        raise ProblemError(403, "no_csrf", f"{CSRF_HEADER}: expected the session's own token, got another or none")
    return client


def _no_key(detail: str) -> ProblemError:
    return ProblemError(401, "no_key", detail, headers={"WWW-Authenticate": "Bearer"})


async def caller(
    request: Request, backend: Open, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Client:
    """Return the client whose key came, as `identify` does; and let the document say that a key is needed."""
    return await identify(request, backend)


Caller = Annotated[Client, Depends(caller)]


async def administrator(client: Caller) -> Client:
    """Return the client when it may manage the service. Raises the 403."""
    check_administrator(client)
    return client


def check_administrator(client: Client) -> None:
    """Raise the 403 for a client that may not manage the service."""
    if not client.admin:
        raise ProblemError(403, "no_admin", "key: expected one of an administrator, got one of another client")


Administrator = Annotated[Client, Depends(administrator)]
MANAGES = Depends(administrator)
"""For a route that only an administrator may ask, whoever that is."""
