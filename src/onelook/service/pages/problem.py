"""What the address of a page refuses, as a page: for people in words, with the way back; a program gets the problem itself."""

import json
from collections.abc import Callable

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from onelook.service.pages.rendering import Reader, render

_TITLES = {403: "problem.forbidden", 404: "problem.gone", 503: "problem.away"}
_HINTS = {403: "problem.forbidden_hint", 404: "problem.gone_hint", 503: "problem.away_hint"}
_KEPT = ("Retry-After",)

Answer = Callable[[Request, Exception], JSONResponse]


def as_page(answer_to: Answer) -> Callable[[Request, Exception], Response]:
    """Return an answer to errors that is a page where a browser asked for one, and what `answer_to` says everywhere else."""

    def answer(request: Request, error: Exception) -> Response:
        problem = answer_to(request, error)
        return problem_page(request, problem) if _wants_page(request) else problem

    return answer


def problem_page(request: Request, problem: JSONResponse) -> Response:
    """Return a problem as a page, with its status, in the reader's language; what the service itself says of it stands below."""
    status = problem.status_code
    values = {
        "title": _TITLES.get(status, "problem.refused"),
        "hint": _HINTS.get(status, "problem.refused_hint"),
        "detail": json.loads(bytes(problem.body))["detail"],
    }
    reader = getattr(request.state, "reader", Reader(None, ""))
    response = render(request, reader, "problem", values, status)
    response.headers.update({name: problem.headers[name] for name in _KEPT if name in problem.headers})
    return response


def _wants_page(request: Request) -> bool:
    """Return whether a person follows an address; the API's own are asked by programs, whatever they accept."""
    accepts = "text/html" in request.headers.get("accept", "")
    return request.method == "GET" and accepts and not request.url.path.startswith(("/v1/", "/static/"))
