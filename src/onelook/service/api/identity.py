"""Who asks: the client is whoever's key came with the request, never what the request says of itself."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from onelook.service.api.backend import Backend, Open
from onelook.service.clients import Client
from onelook.service.problems import ProblemError

SCHEME = "key"
"""Name of the way to show a key in the OpenAPI document."""

KEYED: dict[str, list[dict[str, list[str]]]] = {"security": [{SCHEME: []}]}
"""What the document says of a route that needs a key and reads it by itself."""

_LONGEST_KEY = 200
_BEARER = "bearer "
_bearer = HTTPBearer(auto_error=False, scheme_name=SCHEME, description="A client's key, as `Authorization: Bearer KEY`")


async def identify(request: Request, backend: Backend) -> Client:
    """Return the client whose key came. Raises the 401 for none, an unknown, a revoked one and a disabled client's."""
    given = request.headers.get("authorization", "")
    secret = given[len(_BEARER) :].strip() if given[: len(_BEARER)].lower() == _BEARER else ""
    client = await backend.client(secret) if 0 < len(secret) <= _LONGEST_KEY else None
    if client is None:
        came = "one that is unknown, revoked or disabled" if secret else "none"
        raise ProblemError(
            401,
            "no_key",
            f"Authorization: expected `Bearer KEY` with a valid key, got {came}",
            headers={"WWW-Authenticate": "Bearer"},
        )
    request.state.client_id = client.id
    return client


async def caller(
    request: Request, backend: Open, _: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Client:
    """Return the client whose key came, as `identify` does; and let the document say that a key is needed."""
    return await identify(request, backend)


Caller = Annotated[Client, Depends(caller)]


async def administrator(client: Caller) -> Client:
    """Return the client when it may manage the service. Raises the 403."""
    if not client.admin:
        raise ProblemError(403, "no_admin", "key: expected one of an administrator, got one of another client")
    return client


Administrator = Annotated[Client, Depends(administrator)]
MANAGES = Depends(administrator)
"""For a route that only an administrator may ask, whoever that is."""
