"""Whether the service lives, whether requests should come here, and how it does."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from onelook.service.api.backend import Open
from onelook.service.api.metrics import MEDIA_TYPE, exposition
from onelook.service.database import is_up
from onelook.service.problems import ProblemError

router = APIRouter(tags=["health"])
_optional = HTTPBearer(auto_error=False, scheme_name="key")


@router.get("/healthz")
async def healthz() -> JSONResponse:
    """Tell that the process answers."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz")
async def readyz(backend: Open) -> JSONResponse:
    """Tell whether new requests should come here: not once the service ends, nor while the database is away."""
    if not backend.ready:
        raise ProblemError(503, "draining", "the service ends here; ask another", retry_after=backend.seconds_left())
    if not await asyncio.to_thread(is_up, backend.database):
        later = backend.outages.seconds("database")
        raise ProblemError(503, "no_database", "database: expected an answer, got none", retry_after=later)
    backend.outages.over("database")
    return JSONResponse({"status": "ready"})


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
async def metrics(backend: Open, given: Annotated[HTTPAuthorizationCredentials | None, Depends(_optional)]) -> Response:
    """Tell the numbers in Prometheus's form: in all, and with an administrator's key by client and model too."""
    client = await backend.client(given.credentials) if given else None
    text = await asyncio.to_thread(exposition, backend, client is not None and client.admin)
    return Response(text, media_type=MEDIA_TYPE)
