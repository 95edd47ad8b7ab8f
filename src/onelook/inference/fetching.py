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
from typing import IO, Any
from urllib.parse import quote, urlsplit, urlunsplit

from onelook.structures.errors import FormatError

SCHEMES = ("http", "https")
MOST_REDIRECTS = 5
_CHUNK = 256 * 1024
_AGENT = "onelook"


@dataclass(frozen=True)
class Limits:
    """How much one address may cost."""

    seconds: float = 30.0
    """From the first word to the last byte, redirects included."""
    bytes: int = 100_000_000


def is_address(text: str) -> bool:
    """Return whether a text is an http or https address."""
    return text.partition("://")[0].lower() in SCHEMES and "://" in text


def fetch(url: str, limits: Limits | None = None) -> bytes:
    """Return what lies at an http or https address, redirects followed to such addresses only.

    Raises FormatError, naming the address, for any other scheme, a server that is not there or says no, and beyond the limits.
    """
    limits = limits or Limits()
    try:
        request = urllib.request.Request(_asciified(url), headers={"User-Agent": _AGENT})
        with _closed_after(limits.seconds) as opened:
            try:
                with _opener(opened).open(request, timeout=limits.seconds) as answer:
                    data = _body(answer, url, limits)
            finally:
                if opened.late:  # a socket that is shut under the reader fails in many ways, or looks like an end
                    raise FormatError(f"{url}: expected a picture within {limits.seconds:g} s, got none") from None
            return data
    except urllib.error.HTTPError as error:
        error.close()
        raise FormatError(f"{url}: expected a picture, got {error.code} {error.reason.splitlines()[0]}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise FormatError(f"{url}: expected a picture, got no answer ({reason})") from None


def _body(answer: Any, url: str, limits: Limits) -> bytes:
    """Return the answer's bytes. Raises FormatError when there are more than allowed, or fewer than were announced."""
    announced = answer.headers.get("Content-Length", "")
    total = int(announced) if announced.isdecimal() else None
    data = bytearray()
    while (total is None or total <= limits.bytes) and (chunk := answer.read(_CHUNK)):
        data += chunk
        if len(data) > limits.bytes:
            break
    if max(len(data), total or 0) > limits.bytes:
        raise FormatError(f"{url}: expected at most {limits.bytes} bytes, got more")
    if total is not None and len(data) < total:
        raise FormatError(f"{url}: expected {total} bytes, got {len(data)}: the answer broke off")
    return bytes(data)


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


class _Plain(http.client.HTTPConnection):
    def __init__(self, opened: _Opened, host: str, **options: Any) -> None:
        super().__init__(host, **options)
        self._opened = opened

    def connect(self) -> None:
        super().connect()
        self._opened.add(self.sock)


class _Secure(http.client.HTTPSConnection):
    def __init__(self, opened: _Opened, host: str, **options: Any) -> None:
        super().__init__(host, **options)
        self._opened = opened

    def connect(self) -> None:
        super().connect()
        self._opened.add(self.sock)


class _OverPlain(urllib.request.HTTPHandler):
    def __init__(self, opened: _Opened) -> None:
        super().__init__()
        self._opened = opened

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Plain, self._opened), req)


class _OverSecure(urllib.request.HTTPSHandler):
    def __init__(self, opened: _Opened) -> None:
        super().__init__()
        self._opened = opened

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(partial(_Secure, self._opened), req)


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
        _OverPlain(opened),
        _OverSecure(opened),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener
