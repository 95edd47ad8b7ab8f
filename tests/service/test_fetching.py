"""Addresses that clients name: hostile ones reach nothing, slow and large ones end in time."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from onelook.service.fetching import FetchFailedError, FetchRefusedError, FetchSettings, check_url, fetch, post
from onelook.structures.errors import UserError

OPEN = FetchSettings(deadline=5, allowed_networks=("127.0.0.2/32",))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


class Server:
    """A listener on one address that hands every connection to `answer` and keeps what it was asked."""

    def __init__(self, host: str, answer: Callable[[socket.socket], None]) -> None:
        self.asked: list[bytes] = []
        self._answer = answer
        self._listener = (
            socket.create_server((host, 0), family=socket.AF_INET6, dualstack_ipv6=True)
            if host == "::"
            else socket.create_server((host, 0))
        )
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connected, _ = self._listener.accept()
                with connected, suppress(OSError):
                    self.asked.append(b"")
                    self.asked[-1] = connected.recv(65536)
                    self._answer(connected)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


Serve = Callable[..., Server]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Return a function that starts a server; all end with the test."""
    started: list[Server] = []

    def start(answer: bytes | Callable[[socket.socket], None] = OK, host: str = "127.0.0.2") -> Server:
        started.append(Server(host, (lambda one: one.sendall(answer)) if isinstance(answer, bytes) else answer))
        return started[-1]

    yield start
    for server in started:
        server.close()


def redirect(to: str) -> bytes:
    return f"HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n".encode()


HOSTILE = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST.:{port}/",
    "http://127.1:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f.1:{port}/",
    "http://0x7f000001:{port}/",
    "http://017700000001:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://0.0.0.0:{port}/",
    "http://0:{port}/",
    "http://[::1]:{port}/",
    "http://[::]:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://[fe80::1%25lo]:{port}/",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://good.example@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}\\@good.example/",
    "http://127.0.0.1:{port}/\r\nHost: good.example",
    "ftp://127.0.0.1:{port}/",
    "http://{own}:{port}/",
]


def own_address() -> str:
    """Return this machine's address in its network, which the canary listens on too."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, suppress(OSError):
        probe.connect(("10.255.255.255", 1))
        return str(probe.getsockname()[0])
    return "127.0.0.1"


def test_twenty_four_hostile_addresses_never_reach_a_canary(serve: Serve) -> None:
    canary = serve(OK, "::")  # every address of this machine, IPv4 too
    socket.create_connection(("127.0.0.1", canary.port)).close()
    urls = [url.format(port=canary.port, own=own_address()) for url in HOSTILE]

    for url in urls:
        with pytest.raises(FetchRefusedError, match="expected"):
            fetch(url, FetchSettings(deadline=3))

    assert len(set(HOSTILE)) == 24
    assert len(canary.asked) <= 1, "only this test's own knock"


def test_a_redirect_to_a_hostile_address_is_not_followed(serve: Serve) -> None:
    canary = serve(OK, "127.0.0.1")
    for target in (f"http://127.0.0.1:{canary.port}/", f"http://2130706433:{canary.port}/", "file:///etc/passwd"):
        door = serve(redirect(target))

        with pytest.raises(FetchRefusedError, match="expected"):
            fetch(f"http://127.0.0.2:{door.port}/", OPEN)

        assert len(door.asked) == 1
    assert canary.asked == []


def test_the_name_is_resolved_once_and_the_connection_goes_to_what_was_checked(serve: Serve) -> None:
    canary, server = serve(OK, "127.0.0.1"), serve(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nright")
    answers = iter([["127.0.0.2"], ["127.0.0.1"]])

    found = fetch(f"http://rebinding.example:{server.port}/", OPEN, lambda host, port: next(answers))

    assert found == b"right"
    assert next(answers) == ["127.0.0.1"], "the second answer was never asked for"
    assert canary.asked == []


def test_one_bad_address_among_good_ones_refuses_the_host(serve: Serve) -> None:
    server = serve()

    with pytest.raises(
        FetchRefusedError,
        match=r"http://mixed\.example:\d+/: expected a host on the public internet, got one that is private",
    ):
        fetch(f"http://mixed.example:{server.port}/", OPEN, lambda host, port: ["127.0.0.2", "10.0.0.1"])
    assert server.asked == []


def test_what_an_allowed_server_holds_is_fetched_and_redirects_followed(serve: Serve) -> None:
    server = serve()
    door = serve(redirect(f"http://127.0.0.2:{server.port}/picture%20one.jpg?sign=a%2Bb#part"))

    assert fetch(f"http://127.0.0.2:{door.port}/", OPEN) == b"hello"
    assert server.asked[0].startswith(b"GET /picture%20one.jpg?sign=a%2Bb HTTP/1.1\r\n")
    assert f"Host: 127.0.0.2:{server.port}".encode() in server.asked[0]


def test_redirects_that_never_end_are_left(serve: Serve) -> None:
    server = serve(redirect("/again"))

    with pytest.raises(FetchRefusedError, match="expected at most 3 redirects, got more"):
        fetch(f"http://127.0.0.2:{server.port}/", OPEN)
    assert len(server.asked) == 4


def drip(head: bytes) -> Callable[[socket.socket], None]:
    def answer(connected: socket.socket) -> None:
        connected.sendall(head)
        for _ in range(200):
            connected.sendall(b"x")
            time.sleep(0.05)

    return answer


@pytest.mark.parametrize(
    "head", [b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b""]
)
def test_a_server_that_drips_is_left_at_the_deadline(serve: Serve, head: bytes) -> None:
    server = serve(drip(head))
    began = time.monotonic()

    with pytest.raises(FetchFailedError, match="got no answer in time"):
        fetch(f"http://127.0.0.2:{server.port}/", FetchSettings(deadline=0.5, allowed_networks=("127.0.0.2",)))

    assert time.monotonic() - began < 2


def test_a_resolver_that_hangs_is_left_at_the_deadline() -> None:
    began, hang = time.monotonic(), threading.Event()

    with pytest.raises(FetchFailedError, match="expected the host's address in time"):
        fetch("http://slow.example/", FetchSettings(deadline=0.3), lambda host, port: [str(hang.wait(20))])
    hang.set()

    assert time.monotonic() - began < 2


REFUSED = {
    "expected at most 100 bytes, got 101": b"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
    "expected at most 100 bytes, got more": b"HTTP/1.1 200 OK\r\n\r\n" + bytes(200),
    "expected bytes as they are, got them as 'gzip'": b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n",
    "expected 200 OK, got 404": b"HTTP/1.1 404 Not Found\r\n\r\n",
    "got 302 without Location": b"HTTP/1.1 302 Found\r\n\r\n",
}
FAILED = {
    "expected 5 more bytes, got the end": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
    "expected 200 OK, got 503": b"HTTP/1.1 503 Busy\r\n\r\n",
    "expected 200 OK, got 429": b"HTTP/1.1 429 Slow down\r\n\r\n",
    "expected an answer, got": b"SSH-2.0-OpenSSH\r\n",
}


@pytest.mark.parametrize(("told", "answer"), (REFUSED | FAILED).items())
def test_an_answer_that_is_no_picture_is_one_line(serve: Serve, told: str, answer: bytes) -> None:
    server = serve(answer)

    with pytest.raises(FetchRefusedError if told in REFUSED else FetchFailedError, match=told) as caught:
        fetch(f"http://127.0.0.2:{server.port}/", FetchSettings(5, 100, allowed_networks=("127.0.0.2",)))

    assert str(caught.value).startswith(f"http://127.0.0.2:{server.port}/: expected")
    assert "\n" not in str(caught.value)


def test_a_closed_port_may_answer_later(serve: Serve) -> None:
    with socket.create_server(("127.0.0.2", 0)) as taken:
        port = taken.getsockname()[1]

    with pytest.raises(FetchFailedError, match="expected a connection, got Connection refused"):
        fetch(f"http://127.0.0.2:{port}/", OPEN)


def test_the_signature_in_a_query_is_not_told(serve: Serve) -> None:
    server = serve(b"HTTP/1.1 403 Forbidden\r\n\r\n")

    with pytest.raises(FetchRefusedError) as caught:
        fetch(f"http://127.0.0.2:{server.port}/x.jpg?signature=secret", OPEN)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "http://",
        "//host/x",
        "http://[::1",
        "http://host:99999/",
        "http://host:25/",
        "http://" + "a" * 9000,
        "http://x/\ud800",
    ],
)
def test_what_is_no_address_is_refused_before_anything_is_asked(url: str) -> None:
    with pytest.raises(FetchRefusedError, match="expected"):
        check_url(url)


def test_settings_that_make_no_sense_are_one_line() -> None:
    with pytest.raises(UserError, match="deadline: expected seconds from 0 to 600, got 0"):
        FetchSettings(deadline=0)
    with pytest.raises(UserError, match="most_bytes, most_redirects: expected at least 1 and 0, got 0 and 3"):
        FetchSettings(most_bytes=0)


def test_a_note_is_posted_by_the_same_rules(serve: Serve) -> None:
    server, door = serve(b"HTTP/1.1 204 No Content\r\n\r\n"), serve(redirect("http://127.0.0.2/"))

    post(f"http://127.0.0.2:{server.port}/note", b"{}", OPEN)

    assert server.asked[0].startswith(b"POST /note HTTP/1.1\r\n")
    assert server.asked[0].endswith(b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    with pytest.raises(FetchRefusedError, match="expected 2xx, got 302"):
        post(f"http://127.0.0.2:{door.port}/", b"{}", OPEN)
    with pytest.raises(FetchRefusedError, match="got one that is loopback"):
        post(f"http://127.0.0.1:{server.port}/", b"{}", OPEN)


@pytest.mark.parametrize("host", ["a..b", "a" * 70 + ".example"])
def test_a_name_that_no_host_can_have_is_refused_for_good(host: str) -> None:
    with pytest.raises(FetchRefusedError, match="expected a host that is known"):
        fetch(f"http://{host}/x.jpg")
