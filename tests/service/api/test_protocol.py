"""What comes over a connection and is no request, or has no end, is answered as a problem; the next connection is served."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import uvicorn

from onelook.service.api.protocol import MOST_HEAD, MOST_TARGET, Protocol


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with the lengths of path, query and body."""
    size, more = 0, True
    while more:
        message = await receive()
        size, more = size + len(message["body"]), message["more_body"]
    body = f"{len(scope['raw_path'])} {len(scope['query_string'])} {size}".encode()
    head = [(b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": head})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Give the port of a server that reads as ours does."""
    server = uvicorn.Server(uvicorn.Config(echo, port=0, http=Protocol, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join()


def told(port: int, *pieces: bytes) -> tuple[int, str, bytes]:
    """Return the status, the media type and the body of the answer to what is sent piece by piece."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        with suppress(OSError):  # who answers before the end closes the connection
            for piece in pieces:
                connection.sendall(piece)
                time.sleep(0.001)
        stream = connection.makefile("rb")
        status = int(stream.readline().split()[1])
        head = dict(line.lower().split(b": ", 1) for line in iter(stream.readline, b"\r\n"))
        return status, head.get(b"content-type", b"").strip().decode(), stream.read(int(head[b"content-length"]))


def target(size: int) -> bytes:
    return b"/" + b"x" * (size - 1)


@pytest.mark.parametrize(
    ("pieces", "status", "code"),
    [
        ([b"GET " + target(MOST_TARGET + 1) + b" HTTP/1.1\r\nHost: x\r\n\r\n"], 414, "too_long"),
        ([b"GET " + target(100_000) + b" HTTP/1.1\r\nHost: x\r\n\r\n"], 414, "too_long"),
        ([b"GET /", *[b"x" * 4096] * 40], 414, "too_long"),
        ([b"GET / HTTP/1.1\r\nX-Long: ", *[b"x" * 4096] * 40], 431, "too_long"),
        ([b"hello\r\n\r\n"], 400, "not_http"),
        ([b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n"], 400, "not_http"),
        ([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], 400, "not_http"),
    ],
    ids=["path", "path beyond the parser's", "path without end", "header without end", "words", "no path", "TLS"],
)
def test_what_cannot_be_read_is_a_problem(port: int, pieces: list[bytes], status: int, code: str) -> None:
    came, kind, body = told(port, *pieces)

    problem = json.loads(body)
    assert (came, kind) == (status, "application/problem+json")
    assert (problem["status"], problem["type"]) == (status, f"urn:onelook:problem:{code}")
    assert "expected" in problem["detail"]


def test_a_long_path_within_the_bounds_is_answered(port: int) -> None:
    query = b"?" + b"y" * 9
    request = b"GET " + target(MOST_TARGET - len(query)) + query + b" HTTP/1.1\r\nHost: x\r\n\r\n"

    assert told(port, request)[::2] == (200, f"{MOST_TARGET - len(query)} 9 0".encode())


def test_a_body_is_none_of_the_head(port: int) -> None:
    size = 3 * MOST_HEAD
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n".encode()

    assert told(port, head[:20], head[20:], *[bytes(MOST_HEAD)] * 3)[::2] == (200, f"1 0 {size}".encode())


def test_two_requests_at_once_and_more_on_the_same_connection_are_answered(port: int) -> None:
    request = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        stream = connection.makefile("rb")
        for sent in (request * 2, request):
            connection.sendall(sent)
            for _ in range(len(sent) // len(request)):
                assert stream.readline().startswith(b"HTTP/1.1 200")
                while stream.readline() != b"\r\n":
                    pass
                assert stream.read(5) == b"2 0 0"
