"""HTTP as it comes in over a connection: what is no request, or has a head without end, is answered as a problem too."""

import json
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from onelook.service.problems import MEDIA_TYPE, ProblemError, error_of

MOST_TARGET = 32 * 1024
"""Bytes of a request's path and query: the longest address of an image as a parameter, every character written as %XX, and more."""
MOST_HEAD = 128 * 1024
"""Bytes of a request before its body."""


class Protocol(HttpToolsProtocol):
    """uvicorn's reading of one connection, in bounds that its parser does not set."""

    _head: int | None = 0
    """Bytes of the head that is being read, those of the piece with which it began left out; None within a body."""

    def data_received(self, data: bytes) -> None:
        """Read on; a head that goes on beyond MOST_HEAD ends the connection."""
        in_head = self._head is not None
        super().data_received(data)
        if not in_head or self._head is None:
            return
        self._head += len(data)
        if self._head > MOST_HEAD:
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        super().on_message_begin()
        self._head = 0

    def on_headers_complete(self) -> None:
        """Let the app answer. Raises ValueError, which ends the connection, for a path that is too long."""
        if len(self.url) > MOST_TARGET:
            raise ValueError("path")
        self._head = None
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002  # uvicorn's own words, in the place of which ours are told
        """Answer that this cannot be read, and end the connection."""
        if self.transport.is_closing():
            return
        problem = self._problem()
        body = json.dumps(problem.as_json()).encode()
        head = (
            f"HTTP/1.1 {problem.status} {HTTPStatus(problem.status).phrase}\r\n"
            f"Content-Type: {MEDIA_TYPE}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def _problem(self) -> ProblemError:
        if len(getattr(self, "url", b"")) > MOST_TARGET:
            return _too_long(414, "path", MOST_TARGET)
        if (self._head or 0) > MOST_HEAD:
            return _too_long(431, "headers", MOST_HEAD)
        return ProblemError(400, "not_http", "request: expected one of HTTP/1.1, got something that cannot be read")


def _too_long(status: int, field: str, most: int) -> ProblemError:
    expected = f"at most {most} bytes"
    return ProblemError(
        status, "too_long", f"{field}: expected {expected}, got more", [error_of(field, expected, "more")]
    )
