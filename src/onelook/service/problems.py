"""What went wrong, as application/problem+json (RFC 9457): which field, what was expected, what came, and the way out.

Beside RFC 9457's members a problem has `errors`, a list of {field, expected, got}, where the mistake is in what was sent.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from math import ceil
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from onelook.structures.errors import UserError

MEDIA_TYPE = "application/problem+json"

_TOLD = re.compile(r"(?:(?P<field>.{1,200}?):? )?expected (?P<expected>.+?), got (?P<got>.*)", re.DOTALL)
_LONGEST = 200
_log = logging.getLogger(__name__)


class ProblemError(Exception):
    """An answer that says what went wrong; whoever raises it has said it all."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        errors: Sequence[Mapping[str, str]] = (),
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`code` is a short word that programs tell problems by; `retry_after` is in seconds."""
        super().__init__(detail)
        self.status, self.code, self.detail, self.errors = status, code, detail, tuple(errors)
        self.headers = dict(headers or {})
        if retry_after is not None:
            self.headers["Retry-After"] = str(max(ceil(retry_after), 1))

    def as_json(self) -> dict[str, Any]:
        """Return the members of the problem."""
        told = {
            "type": f"urn:onelook:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return {**told, "errors": [dict(error) for error in self.errors]} if self.errors else told

    def response(self) -> JSONResponse:
        """Return the answer."""
        return JSONResponse(self.as_json(), self.status, self.headers, MEDIA_TYPE)


def not_found(what: str, name: str) -> ProblemError:
    """Return the 404 for something that isn't there, or belongs to another client: the two are never told apart."""
    return ProblemError(404, f"no_{what}", f"{what}: expected one of your own, got {_short(name)}, which is not there")


def invalid(field: str, expected: str, got: object, code: str = "invalid") -> ProblemError:
    """Return the 422 for one field."""
    came = _short(got)
    return ProblemError(422, code, f"{field}: expected {expected}, got {came}", [error_of(field, expected, came)])


def error_of(field: str, expected: str, got: str) -> dict[str, str]:
    """Return one of a problem's `errors`."""
    return {"field": field, "expected": expected, "got": got}


def from_user_error(error: UserError, field: str = "") -> ProblemError:
    """Return the 422 for a user's mistake; what its one line says of the field is taken apart, `field` standing in for none."""
    words = str(error)
    told = _TOLD.fullmatch(words)
    detail = words if words.startswith(f"{field}:") or not field else f"{field}: {words}"
    if told is None:
        return ProblemError(422, "invalid", detail, [error_of(field, "something else", words)] if field else ())
    where = field or told["field"] or "request"
    return ProblemError(422, "invalid", detail, [error_of(where, told["expected"], told["got"])])


def from_validation(error: RequestValidationError) -> ProblemError:
    """Return the 422 (400 where it is no JSON at all) for a request that does not fit the API's description."""
    found = error.errors()
    told = [_validation_error(each) for each in found]
    broken = any(each["type"] == "json_invalid" for each in found)
    detail = "; ".join(f"{each['field']}: expected {each['expected']}, got {each['got']}" for each in told)
    return ProblemError(400 if broken else 422, "not_json" if broken else "invalid", detail, told)


def _validation_error(error: Mapping[str, Any]) -> dict[str, str]:
    """Return what pydantic says of one field in our words: `body.jobs.0.url` expected..., got..."""
    kind, place = error["type"], [str(part) for part in error["loc"]]
    if kind == "json_invalid":
        where = error.get("ctx", {}).get("error", "")
        return error_of(place[0], "JSON", f"something else at character {place[-1]} ({where})")
    field = ".".join(place[1:] if len(place) > 1 else place)
    if kind == "missing":
        return error_of(field, "a value", "none")
    if kind == "extra_forbidden":
        return error_of(field, "no field of this name", _short(error.get("input")))
    words = str(error["msg"]).removeprefix("Value error, ")
    own = re.fullmatch(r"expected (.+), got (.+)", words, re.DOTALL)
    if own:
        return error_of(field, own[1], own[2])
    wanted = re.sub(r"^(Input|Value|String|List|Dictionary) should (be|have) ", "", words)
    return error_of(field, wanted[:1].lower() + wanted[1:], _short(error.get("input")))


def _short(value: object) -> str:
    words = repr(value)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def from_pydantic(error: ValidationError) -> ProblemError:
    """Return the 422 for what a route reads by itself."""
    return from_validation(RequestValidationError([{**each, "loc": ("", *each["loc"])} for each in error.errors()]))


def answer_to(request: Request, error: Exception) -> JSONResponse:
    """Return the answer to a request at which an exception was raised; one that nobody foresaw is 500, and logged."""
    if isinstance(error, ProblemError):
        return error.response()
    if isinstance(error, UserError):
        return from_user_error(error).response()
    if isinstance(error, RequestValidationError):
        return from_validation(error).response()
    if isinstance(error, HTTPException):
        return _from_http(request, error).response()
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    return ProblemError(500, "fault", "the service failed at this request; it is in its log").response()


def install_problems(app: FastAPI, answer_to: Callable[[Request, Exception], Response] = answer_to) -> None:
    """Let every error of the app be answered as a problem, by `answer_to`."""

    async def problem(request: Request, error: Exception) -> Response:
        return answer_to(request, error)

    for kind in (ProblemError, UserError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, problem)


def _from_http(request: Request, error: HTTPException) -> ProblemError:
    """Return the problem for what the framework itself refuses: no such path, no such method, a broken form."""
    path = request.url.path
    if error.status_code == 404:
        return ProblemError(404, "no_path", f"path: expected one of those in /openapi.json, got {_short(path)}")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "another method")
        detail = f"method: expected {allowed} on {_short(path)}, got {request.method}"
        return ProblemError(405, "no_method", detail, headers=error.headers)
    if error.status_code == 400:
        expected, came = "what its Content-Type says, whole", f"something that cannot be read ({error.detail})"
        told = error_of("body", expected, came)
        return ProblemError(400, "broken", f"body: expected {expected}, got {came}", [told], headers=error.headers)
    return ProblemError(error.status_code, "refused", str(error.detail), headers=error.headers)
