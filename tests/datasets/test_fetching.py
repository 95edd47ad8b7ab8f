import hashlib
import http.server
import io
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from onelook.datasets.fetching import KNOWN, Source, get, mirrored
from onelook.structures.errors import UserError


def archive(name: str = "set/a.txt", data: bytes = b"labels" * 50_000) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return out.getvalue()


class Server(http.server.BaseHTTPRequestHandler):
    """Serves one archive, from any byte on; `most` is where it breaks off."""

    body = b""
    most: int | None = None
    asked: list[str | None]

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.asked.append(wanted)
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(self.body) - start))
        self.end_headers()
        self.wfile.write(self.body[start : type(self).most])

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def server(monkeypatch) -> Iterator[type[Server]]:
    handler = type("Here", (Server,), {"asked": [], "body": archive()})
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    monkeypatch.setenv("ONELOOK_MIRROR", f"http://127.0.0.1:{running.server_port}/")
    yield handler
    running.shutdown()
    running.server_close()
    thread.join()


def known(body: bytes) -> dict[str, tuple[Source, ...]]:
    return {"mine": (Source("https://nowhere.invalid/sets/mine.tar", hashlib.sha256(body).hexdigest()),)}


def test_a_set_is_fetched_from_the_mirror_and_unpacked(server, tmp_path: Path):
    get("mine", tmp_path / "out", known(server.body))

    assert (tmp_path / "out" / "set" / "a.txt").read_bytes() == b"labels" * 50_000
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_a_download_that_broke_off_goes_on_where_it_was(server, tmp_path: Path):
    waiting = tmp_path / "out.download"
    waiting.mkdir()
    (waiting / "mine.tar.part").write_bytes(server.body[:100_000])
    get("mine", tmp_path / "out", known(server.body))

    assert server.asked == ["bytes=100000-"]
    assert (tmp_path / "out" / "set" / "a.txt").is_file()


def test_a_server_that_closes_early_costs_nothing_that_came(server, tmp_path: Path):
    server.most = 100_000
    with pytest.raises(
        UserError, match=r"the download broke off \(\d+ bytes are missing\); run the command again to go on"
    ):
        get("mine", tmp_path / "out", known(server.body))
    assert not (tmp_path / "out").exists()
    server.most = None
    get("mine", tmp_path / "out", known(server.body))

    assert server.asked == [None, "bytes=100000-"]
    assert (tmp_path / "out" / "set" / "a.txt").read_bytes() == b"labels" * 50_000


def test_a_wrong_sum_is_refused_and_nothing_is_unpacked(server, tmp_path: Path):
    with pytest.raises(UserError, match=r"expected bytes with the sha256 .*, got"):
        get("mine", tmp_path / "out", known(b"other"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/onelook-outside.txt"])
def test_an_archive_touches_nothing_outside_its_folder(server, tmp_path: Path, name: str):
    server.body = archive(name)
    with pytest.raises(UserError, match="expected files inside the archive's folder") if ".." in name else _nothing():
        get("mine", tmp_path / "deep" / "out", known(server.body))

    assert not (tmp_path / "deep" / "outside.txt").exists()
    assert not Path("/tmp/onelook-outside.txt").exists()


class _nothing:  # noqa: N801 - stands where a context manager does
    def __enter__(self) -> None: ...

    def __exit__(self, *error: object) -> None: ...


def test_unknown_names_and_dead_servers_are_told(tmp_path: Path, monkeypatch):
    with pytest.raises(UserError, match=r"get: expected one of cifar10, .*; did you mean 'cifar10'"):
        get("cifar-10", tmp_path / "out")
    monkeypatch.setenv("ONELOOK_MIRROR", "http://127.0.0.1:9")
    with pytest.raises(UserError, match=r"the download broke off .*; run the command again"):
        get("mine", tmp_path / "out", known(b""))


def test_every_known_set_has_an_address_and_a_sum(monkeypatch):
    monkeypatch.delenv("ONELOOK_MIRROR", raising=False)
    for sources in KNOWN.values():
        for source in sources:
            assert mirrored(source.url) == source.url
            assert len(bytes.fromhex(source.sha256)) == 32
