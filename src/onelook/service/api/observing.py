"""Around every request: an id, one line in the log with client and jobs, and the counts that /metrics tells."""

import logging
import secrets
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from onelook.service.api.metrics import RequestNumbers

_log = logging.getLogger("onelook.http")
_MOST_JOBS = 10
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class Observing:
    """The app with that around it."""

    def __init__(self, app: ASGIApp, numbers: RequestNumbers) -> None:
        self._app, self._numbers = app, numbers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500
        state = scope.setdefault("state", {})
        state["request_id"] = _request_id(scope)

        async def told(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = state["request_id"]
            await send(message)

        try:
            await self._app(scope, receive, told)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope["state"].get("route") or getattr(scope.get("route"), "path", "none")
        self._numbers.count(scope["method"] if route != "none" else "other", route, status, seconds)
        level = logging.DEBUG if route in _QUIET else logging.INFO
        if not _log.isEnabledFor(level):
            return
        state = scope["state"]
        extra = {
            "request": state["request_id"],
            "method": scope["method"],
            "route": route,
            "status": status,
            "seconds": round(seconds, 6),
        }
        jobs = state.get("job_ids", ())
        if "client_id" in state:
            extra["client"] = state["client_id"]
        if jobs:
            extra["jobs"] = list(jobs[:_MOST_JOBS])
        record = logging.LogRecord(
            _log.name, level, __file__, 0, "answered", None, None
        )  # without a look for the caller
        record.__dict__.update(extra)
        _log.handle(record)


def _request_id(scope: Scope) -> str:
    """Return the id that came with the request, where it is a plain word, or a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if given.isascii() and given.replace("-", "").isalnum() and len(given) <= 64 else secrets.token_hex(8)
