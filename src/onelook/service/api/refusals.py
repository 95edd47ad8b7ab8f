"""What the core refuses, as answers: quotas by 429; a full queue, a lost database and a lost store by 503."""

from fastapi import Request
from fastapi.responses import JSONResponse

from onelook.service import problems
from onelook.service.api.backend import Backend
from onelook.service.database import DatabaseDownError
from onelook.service.jobs.refusals import QueueFullError, QuotaError, UnknownClientError
from onelook.service.models.store import StoreDownError
from onelook.service.problems import ProblemError, error_of


def answer_to(request: Request, error: Exception) -> JSONResponse:
    """Return the answer to a request at which an exception was raised."""
    if isinstance(error, QuotaError):
        told = error_of(error.field, f"at most {error.limit}", "more")
        return ProblemError(429, "quota", str(error), [told], error.retry_after).response()
    if isinstance(error, QueueFullError):
        return ProblemError(503, "full", str(error), retry_after=error.retry_after).response()
    if isinstance(error, DatabaseDownError):
        detail = "database: expected an answer, got none"
        return ProblemError(503, "no_database", detail, retry_after=_outage(request, "database")).response()
    if isinstance(error, StoreDownError):
        return ProblemError(503, "no_store", str(error), retry_after=_outage(request, "store")).response()
    if isinstance(error, UnknownClientError):
        request.app.state.backend.forget_keys()
        return ProblemError(401, "no_key", str(error), headers={"WWW-Authenticate": "Bearer"}).response()
    return problems.answer_to(request, error)


def _outage(request: Request, name: str) -> float:
    """Return the seconds after which it is worth asking again for what is away."""
    backend: Backend = request.app.state.backend
    return backend.outages.seconds(name)
