"""Addresses: what a server says, how long it takes and how much it sends, each with an end."""

import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from onelook.inference.fetching import Limits, fetch, fetched_film
from onelook.structures.errors import FormatError

SOON = Limits(seconds=0.5, bytes=1000)


class Handler(BaseHTTPRequestHandler):
    """A server with every fault."""

    def do_GET(self) -> None:
        answer = getattr(self, "on_" + self.path.strip("/").partition("/")[0].partition("?")[0], None)
        if answer is None:
            self.send_error(404)
        else:
            answer()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _send(self, data: bytes, length: int | None = None) -> None:
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(data)

    def on_ok(self) -> None:
        self._send(self.path.encode())

    def on_short(self) -> None:
        self._send(b"abc", 10)

    def on_large(self) -> None:
        self._send(b"x" * 5000)

    def on_announced(self) -> None:
        self._send(b"", 10**9)

    def on_drip(self) -> None:
        try:
            self.wfile.write(b"HTTP/1.0 200 OK\r\n")
            for _ in range(40):
                self.wfile.write(b"X-Wait: 1\r\n")
                time.sleep(0.1)
        except OSError:
            pass

    def on_there(self) -> None:
        self._redirect("/ok")

    def on_round(self) -> None:
        self._redirect("/round")

    def on_file(self) -> None:
        self._redirect("file:///etc/hostname")

    def on_ftp(self) -> None:
        self._redirect("ftp://127.0.0.1/x")

    def _redirect(self, to: str) -> None:
        self.send_response(302)
        self.send_header("Location", to)
        self.end_headers()


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Serve the faults and return the server's address."""
    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{httpd.server_address[1]}"
    httpd.shutdown()
    httpd.server_close()


def test_an_address_gives_its_bytes_and_redirects_are_followed(server: str) -> None:
    assert fetch(f"{server}/ok") == b"/ok"
    assert fetch(f"{server}/there") == b"/ok"
    assert fetch(f"{server}/ok/sm\u00f8r br\u00f8d?a=b c#part") == b"/ok/sm%C3%B8r%20br%C3%B8d?a=b%20c"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("absent", "expected a picture, got 404 Not Found"),
        ("short", "expected 10 bytes, got 3: the answer broke off"),
        ("large", "expected at most 1000 bytes, got more"),
        ("announced", "expected at most 1000 bytes, got more"),
        ("round", "expected a picture, got 302 "),
        ("file", "got 302 Found - Redirection to url 'file:///etc/hostname' is not allowed"),
        ("ftp", "expected http://HOST/... or https://HOST/..."),
    ],
)
def test_what_is_wrong_is_one_line_with_the_address(server: str, path: str, message: str) -> None:
    with pytest.raises(FormatError) as caught:
        fetch(f"{server}/{path}", SOON)

    assert str(caught.value).startswith(f"{server}/{path}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_server_that_drips_its_answer_is_left_when_the_time_is_over(server: str) -> None:
    start = time.monotonic()
    with pytest.raises(FormatError, match=r"/drip: expected a picture within 0\.5 s, got none"):
        fetch(f"{server}/drip", SOON)

    assert time.monotonic() - start < 2


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x.jpg", "http:///x.jpg", "https://a b/", "ftp://x/y", "file:///x"])
def test_an_address_where_nothing_is_or_of_another_scheme_is_one_line(url: str) -> None:
    with pytest.raises(FormatError) as caught:
        fetch(url, SOON)

    assert str(caught.value).startswith(f"{url}: expected ")


def test_a_film_lies_in_a_file_of_its_ending_until_it_has_been_seen(server: str) -> None:
    with fetched_film(f"{server}/ok/x.MP4?a=1", SOON) as name:
        assert name.endswith(".mp4")
        assert Path(name).read_bytes() == b"/ok/x.MP4?a=1"

    assert not Path(name).exists()


def test_a_film_that_is_too_large_is_one_line_and_leaves_nothing(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    with (
        pytest.raises(FormatError, match=r"/large: expected at most 1000 bytes, got more"),
        fetched_film(f"{server}/large", SOON),
    ):
        pass
    assert not list(tmp_path.iterdir())


def test_a_film_that_drips_is_named_a_film(server: str) -> None:
    with (
        pytest.raises(FormatError, match=r"/drip: expected a film within 0\.5 s, got none"),
        fetched_film(f"{server}/drip", SOON),
    ):
        pass
