"""The routes that are asked most go past the framework's routing, which takes twice as long as all that they do themselves.

They are routes of the app like any other, with a function of the request alone, and stand in its document.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from fastapi import Request, Response
from pydantic import BaseModel, ValidationError
from starlette.types import ASGIApp, Receive, Scope, Send

from onelook.service.api.refusals import answer_to
from onelook.service.problems import from_pydantic

Asked = TypeVar("Asked", bound=BaseModel)
Handler = Callable[[Request], Awaitable[Response]]


class Front:
    """The app with a shorter way to some of its routes, by method and path."""

    def __init__(self, app: ASGIApp, handlers: Mapping[tuple[str, str], Handler]) -> None:
        self._app, self._handlers = app, handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        handler = self._handlers.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if handler is None:
            await self._app(scope, receive, send)
            return
        scope["state"]["route"] = scope["path"]
        request = Request(scope, receive)
        try:
            response = await handler(request)
        except Exception as error:
            response = answer_to(request, error)
        await response(scope, receive, send)


def query_of(request: Request, kind: type[Asked]) -> Asked:
    """Return the query as `kind`. Raises the 422 that names the parameter."""
    if not request.scope["query_string"]:
        return kind()
    try:
        return kind.model_validate(dict(request.query_params))
    except ValidationError as error:
        raise from_pydantic(error) from None


def parameters(kind: type[BaseModel], **headers: dict[str, object]) -> dict[str, object]:
    """Return what the OpenAPI document says of a query of this kind, and of headers."""
    schemas = kind.model_json_schema()["properties"]
    told: list[dict[str, object]] = [
        {"name": name, "in": "query", "required": False, "schema": schema} for name, schema in schemas.items()
    ]
    told += [
        {"name": name.replace("_", "-"), "in": "header", "required": False, "schema": schema}
        for name, schema in headers.items()
    ]
    return {"parameters": told}
