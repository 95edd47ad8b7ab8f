"""One file from an address: http and https only, with an end to its time and its bytes."""

import http.client
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from email.message import Message
from functools import partial
from io import BytesIO
from tempfile import NamedTemporaryFile
from typing import IO, Any
from urllib.parse import quote, urlsplit, urlunsplit

from onelook.inference.addresses import SCHEMES, address_suffix
from onelook.structures.errors import FormatError

MOST_REDIRECTS = 5
_CHUNK = 256 * 1024
_AGENT = "onelook"


@dataclass(frozen=True)
class Limits:
    """How much one address may cost."""

    seconds: float = 30.0
    """From the first word to the last byte, redirects included."""
    bytes: int = 100_000_000


FILM_LIMITS = Limits(600.0, 1_000_000_000)
"""A film's."""


def fetch(url: str, limits: Limits | None = None) -> bytes:
    """Return what lies at an http or https address, redirects followed to such addresses only.

    Raises FormatError, naming the address, for any other scheme, a server that is not there or says no, and beyond the limits.
    """
    sink = BytesIO()
    _fetch_into(sink, url, "a picture", limits or Limits())
    return sink.getvalue()


@contextmanager
def fetched_film(url: str, limits: Limits = FILM_LIMITS) -> Iterator[str]:
    """Give the name of a temporary file that holds the film at an address, gone at the end. Raises FormatError as `fetch` does."""
    with NamedTemporaryFile(prefix="onelook-", suffix=address_suffix(url)) as file:
        _fetch_into(file, url, "a film", limits)
        file.flush()
        yield file.name


def _fetch_into(sink: IO[bytes], url: str, what: str, limits: Limits) -> None:
    """Write what lies at an address, of which errors say what it was to be."""
    try:
        request = urllib.request.Request(_asciified(url), headers={"User-Agent": _AGENT})
        with _closed_after(limits.seconds) as opened:
            try:
                with _opener(opened).open(request, timeout=limits.seconds) as answer:
                    _copy_body(answer, sink, url, limits)
            finally:
                if opened.late:  # a socket that is shut under the reader fails in many ways, or looks like an end
                    raise FormatError(f"{url}: expected {what} within {limits.seconds:g} s, got none") from None
    except urllib.error.HTTPError as error:
        error.close()
        raise FormatError(f"{url}: expected {what}, got {error.code} {error.reason.splitlines()[0]}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise FormatError(f"{url}: expected {what}, got no answer ({reason})") from None


def _copy_body(answer: Any, sink: IO[bytes], url: str, limits: Limits) -> None:
    """Write the answer's bytes. Raises FormatError when there are more than allowed, or fewer than were announced."""
    announced = answer.headers.get("Content-Length", "")
    total = int(announced) if announced.isdecimal() else None
    written = 0
    while max(written, total or 0) <= limits.bytes and (chunk := answer.read(_CHUNK)):
        written += sink.write(chunk)
    if max(written, total or 0) > limits.bytes:
        raise FormatError(f"{url}: expected at most {limits.bytes} bytes, got more")
    if total is not None and written < total:
        raise FormatError(f"{url}: expected {total} bytes, got {written}: the answer broke off")


def _asciified(url: str) -> str:
    """Return the address as it is sent: letters beyond ASCII quoted, a host's name in its IDNA form. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in SCHEMES or not parts.hostname:
        raise ValueError("expected http://HOST/... or https://HOST/...")
    place = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    path, query = (quote(part, safe="%/:=&?~+!$,;'@()*[]") for part in (parts.path, parts.query))
    return urlunsplit((parts.scheme.lower(), place, path or "/", query, ""))


class _Opened:
    """The sockets of one fetch, and whether its time was over."""

    def __init__(self) -> None:
        self.late = False
        self._sockets: list[socket.socket] = []

    def add(self, opened: socket.socket) -> None:
        self._sockets.append(opened)

    def shut(self) -> None:
        self.late = True
        for each in self._sockets:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


@contextmanager
def _closed_after(seconds: float) -> Iterator[_Opened]:
    """Give a place for sockets, which are shut when the time is over: a timeout alone lets a server drip for ever."""
    opened = _Opened()
    timer = threading.Timer(seconds, opened.shut)
    timer.daemon = True
    timer.start()
    try:
        yield opened
    finally:
        timer.cancel()


class _Handler(urllib.request.AbstractHTTPHandler):
    """Opens http and https, and notes each socket as it is connected."""

    def __init__(self, opened: _Opened) -> None:
        super().__init__()
        self._opened = opened

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(self._connection, http.client.HTTPConnection), req)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(self._connection, http.client.HTTPSConnection), req)

    http_request = https_request = urllib.request.AbstractHTTPHandler.do_request_

    def _connection(
        self, kind: type[http.client.HTTPConnection], host: str, **options: Any
    ) -> http.client.HTTPConnection:
        connection = kind(host, **options)
        connect = connection.connect

        def connect_and_note() -> None:
            connect()
            self._opened.add(connection.sock)

        connection.connect = connect_and_note  # type: ignore[method-assign]  # of both kinds alike
        return connection


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows to http and https only: urllib itself would also go to ftp."""

    max_redirections = MOST_REDIRECTS

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        try:
            return super().redirect_request(req, fp, code, msg, headers, _asciified(newurl))  # type: ignore[arg-type]  # typeshed
        except ValueError:
            fp.close()
            raise


def _opener(opened: _Opened) -> urllib.request.OpenerDirector:
    """Return what opens http and https, through the proxies that the environment names, and nothing else."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        _Handler(opened),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener
