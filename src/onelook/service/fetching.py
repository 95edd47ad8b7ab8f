"""Bytes from an address that a client names, without letting the client reach what only this machine reaches.

Every address that the host's name has is checked before a connection is made, and the connection goes to an address that was
checked, never to the name again (DNS rebinding). A redirect is a new address, checked in the same way. Time and bytes are
bounded over everything together, however slowly a server drips.
"""

import http.client
import io
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from onelook.service.addresses import Network, parse_networks, refusal
from onelook.structures.errors import UserError

Resolve = Callable[[str, int], list[str]]
"""Host and port to all addresses of the host; OSError where there are none."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_LATER = frozenset({408, 425, 429})
_PORTS = {"http": 80, "https": 443}
_CHUNK = 64 * 1024
_MOST_URL = 8192
_UNFIT = re.compile(r"[\x00-\x20\x7f\\\ud800-\udfff]")
_SAFE = "!$%&'()*+,/:;=?@[]~-._"


@dataclass(frozen=True)
class FetchSettings:
    """How far fetching may go."""

    deadline: float = 15.0
    """Seconds for everything: names, connections, redirects and bytes."""
    most_bytes: int = 32 * 1024**2
    """Of one answer's body."""
    most_redirects: int = 3
    """That are followed."""
    allowed_networks: tuple[str, ...] = ()
    """Networks that may be fetched from though they are not public, such as 10.20.0.0/16 of the archive next door."""

    def __post_init__(self) -> None:
        if not 0 < self.deadline <= 600:
            raise UserError(f"deadline: expected seconds from 0 to 600, got {self.deadline}")
        if self.most_bytes < 1 or self.most_redirects < 0:
            raise UserError(
                f"most_bytes, most_redirects: expected at least 1 and 0, got {self.most_bytes} and {self.most_redirects}"
            )
        parse_networks(self.allowed_networks)


class FetchRefusedError(UserError):
    """An address that gives nothing, however often it is asked."""


class FetchFailedError(UserError):
    """An address that gave nothing, and may give something later."""


def resolve(host: str, port: int) -> list[str]:
    """Return every address of a host, each once, in the system's order. Raises OSError where it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def fetch(url: str, settings: FetchSettings | None = None, resolve: Resolve = resolve) -> bytes:
    """Return the body that lies at `url` (http or https). Raises FetchRefusedError or FetchFailedError, in one line."""
    settings = settings or FetchSettings()
    until = time.monotonic() + settings.deadline
    networks = parse_networks(settings.allowed_networks)
    for _ in range(settings.most_redirects + 1):
        parts = check_url(url)
        try:
            addresses = _checked_addresses(parts, networks, until, resolve)
            with closing(_connect(parts, addresses, until)) as connected:
                answer = _ask(connected, parts, "GET", b"")
                if answer.status not in _REDIRECTS:
                    return _body(answer, parts, settings.most_bytes)
                url = _next_url(answer, parts)
        except (OSError, http.client.HTTPException) as error:
            raise FetchFailedError(f"{_told(parts)}: expected an answer, got {_reason(error)}") from None
    raise FetchRefusedError(f"{_told(parts)}: expected at most {settings.most_redirects} redirects, got more")


def post(url: str, body: bytes, settings: FetchSettings | None = None, resolve: Resolve = resolve) -> None:
    """Send JSON to `url`, which must answer 2xx; redirects are not followed. Raises as `fetch` does."""
    settings = settings or FetchSettings()
    until = time.monotonic() + settings.deadline
    parts = check_url(url)
    try:
        addresses = _checked_addresses(parts, parse_networks(settings.allowed_networks), until, resolve)
        with closing(_connect(parts, addresses, until)) as connected:
            status = _ask(connected, parts, "POST", body).status
    except (OSError, http.client.HTTPException) as error:
        raise FetchFailedError(f"{_told(parts)}: expected an answer, got {_reason(error)}") from None
    if not 200 <= status < 300:
        raise _unwelcome(parts, "2xx", status)


def check_url(url: str) -> SplitResult:
    """Return the parts of an address as a client may give it, its host in ASCII. Raises FetchRefusedError."""
    if len(url) > _MOST_URL or _UNFIT.search(url):
        raise FetchRefusedError(
            f"expected an address of at most {_MOST_URL} characters without spaces, got {url[:80]!r}"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        ascii_host = host if host.isascii() else host.encode("idna").decode()
    except ValueError as error:
        raise FetchRefusedError(
            f"expected an address such as https://host/image.jpg, got {url[:80]!r} ({error})"
        ) from None
    if parts.scheme not in _PORTS or not ascii_host:
        raise FetchRefusedError(f"expected an address that begins with http:// or https://, got {url[:80]!r}")
    if parts.username is not None or parts.password is not None:
        raise FetchRefusedError("expected an address without a user's name and password, got one with them")
    if port is not None and port not in _PORTS.values() and port < 1024:
        raise FetchRefusedError(f"expected port 80, 443 or one from 1024 on, got {port}")
    netloc = f"[{ascii_host}]" if ":" in ascii_host else ascii_host
    return parts._replace(netloc=netloc + (f":{port}" if port else ""))


def _checked_addresses(parts: SplitResult, networks: tuple[Network, ...], until: float, resolve: Resolve) -> list[str]:
    """Return every address of the host. Raises FetchRefusedError when one of them may not be fetched from."""
    host, port = parts.hostname or "", _port(parts)
    addresses = _in_time(lambda: resolve(host, port), until, parts)
    for address in addresses:
        why = refusal(address, networks)
        if why:
            raise FetchRefusedError(f"{_told(parts)}: expected a host on the public internet, got one that is {why}")
    if not addresses:
        raise FetchFailedError(f"{_told(parts)}: expected a host with an address, got none")
    return addresses


def _in_time(call: Callable[[], list[str]], until: float, parts: SplitResult) -> list[str]:
    """Return what `call` returns; the system's resolver knows no deadline, so it's left behind in a thread when late."""
    result: list[list[str] | OSError | UnicodeError] = []

    def run() -> None:
        try:
            result.append(call())
        except (OSError, UnicodeError) as error:
            result.append(error)

    thread = threading.Thread(target=run, daemon=True, name="resolve")
    thread.start()
    thread.join(_left(until))
    if not result:
        raise FetchFailedError(f"{_told(parts)}: expected the host's address in time, got none")
    if not isinstance(result[0], list):
        passing = isinstance(result[0], socket.gaierror) and result[0].errno in (socket.EAI_AGAIN, socket.EAI_SYSTEM)
        kind = FetchFailedError if passing else FetchRefusedError
        raise kind(f"{_told(parts)}: expected a host that is known, got {_reason(result[0])}")
    return result[0]


def _connect(parts: SplitResult, addresses: list[str], until: float) -> "_TimedSocket":
    """Return a connection to the first of the addresses that takes one, in TLS where the scheme says so."""
    told = ""
    for address in addresses:
        try:
            plain = socket.create_connection((address, _port(parts)), timeout=_left(until))
            if parts.scheme == "http":
                return _TimedSocket(plain, until)
            return _TimedSocket(_tls().wrap_socket(plain, server_hostname=parts.hostname), until)
        except (OSError, ValueError) as error:
            told = _reason(error)  # the next address may do
    raise FetchFailedError(f"{_told(parts)}: expected a connection, got {told}")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


class _TimedSocket(io.RawIOBase):
    """A socket whose every read and write ends at one deadline, in the form that http.client reads from."""

    def __init__(self, connected: socket.socket, until: float) -> None:
        self._socket, self._until = connected, until

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return what the answer is read from."""
        return io.BufferedReader(self, _CHUNK)

    def readable(self) -> bool:
        """Return that it can be read from."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come. Raises TimeoutError at the deadline."""
        self._socket.settimeout(_left(self._until))
        return self._socket.recv_into(buffer)

    def sendall(self, data: bytes) -> None:
        """Send all of `data`. Raises TimeoutError at the deadline."""
        self._socket.settimeout(_left(self._until))
        self._socket.sendall(data)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()
        super().close()


def _ask(connected: _TimedSocket, parts: SplitResult, method: str, body: bytes) -> http.client.HTTPResponse:
    """Return the answer to a request, its head read."""
    target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    lines = [
        f"{method} {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "User-Agent: onelook",
        "Accept: image/*",
        "Accept-Encoding: identity",
        "Connection: close",
    ]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    connected.sendall(("\r\n".join(lines) + "\r\n\r\n").encode() + body)
    answer = http.client.HTTPResponse(connected, method=method)  # type: ignore[arg-type] # needs makefile alone
    answer.begin()
    return answer


def _next_url(answer: http.client.HTTPResponse, parts: SplitResult) -> str:
    place = answer.getheader("Location")
    if not place:
        raise FetchRefusedError(
            f"{_told(parts)}: expected a redirect that says where to, got {answer.status} without Location"
        )
    return urljoin(parts.geturl(), place)


def _body(answer: http.client.HTTPResponse, parts: SplitResult, most: int) -> bytes:
    """Return the whole body. Raises FetchRefusedError for another status than 200, an encoding, and more than `most` bytes."""
    if answer.status != 200:
        raise _unwelcome(parts, "200 OK", answer.status)
    coding = answer.getheader("Content-Encoding", "identity")
    if coding.strip().lower() != "identity":
        raise FetchRefusedError(f"{_told(parts)}: expected bytes as they are, got them as {coding[:40]!r}")
    if (answer.length or 0) > most:
        raise FetchRefusedError(f"{_told(parts)}: expected at most {most} bytes, got {answer.length}")
    parts_read, size = [], 0
    while chunk := answer.read(_CHUNK):
        parts_read.append(chunk)
        size += len(chunk)
        if size > most:
            raise FetchRefusedError(f"{_told(parts)}: expected at most {most} bytes, got more")
    if answer.length:  # read(n) says nothing when the other side closes early
        raise FetchFailedError(f"{_told(parts)}: expected {answer.length} more bytes, got the end")
    return b"".join(parts_read)


def _unwelcome(parts: SplitResult, expected: str, status: int) -> UserError:
    """Return what to raise for another status: whether it may be better later depends on it."""
    kind = FetchFailedError if status >= 500 or status in _LATER else FetchRefusedError
    return kind(f"{_told(parts)}: expected {expected}, got {status}")


def _port(parts: SplitResult) -> int:
    return parts.port or _PORTS[parts.scheme]


def _told(parts: SplitResult) -> str:
    """Return the address as errors name it: no query, which may hold a signature."""
    return f"{parts.scheme}://{parts.netloc}{parts.path}"[:200]


def _left(until: float) -> float:
    """Return the seconds that are left, more than 0. Raises TimeoutError when none are."""
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _reason(error: Exception) -> str:
    words = str(getattr(error, "strerror", None) or error) or type(error).__name__
    return "no answer in time" if isinstance(error, TimeoutError) else words.splitlines()[0][:120]
