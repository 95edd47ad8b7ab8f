"""A PostgreSQL server of one's own in a temporary folder, for tests and benchmarks; it can be killed and started again.

Debian's package or any `postgres` on the PATH. PostgreSQL refuses to run as root, so root runs it as `postgres` or `nobody`.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def programs() -> Path | None:
    """Return the folder with `postgres` and `initdb`, None where they are not installed."""
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name), reverse=True
    )
    found = shutil.which("postgres")
    for folder in [*installed, *([Path(found).resolve().parent] if found else [])]:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    return None


class Server:
    """A server on a free port of 127.0.0.1; `start` and `kill` may follow each other any number of times."""

    def __init__(self, folder: Path, fsync: bool) -> None:
        """Make an empty cluster in `folder`; `fsync` False is faster and loses data when the machine dies."""
        found = programs()
        assert found is not None, "PostgreSQL is not installed"
        self._programs, self._data, self._fsync = found, folder / "data", fsync
        self._user = _other_user()
        if self._user:
            shutil.chown(folder, self._user)
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._run(
            "initdb", "-D", str(self._data), "-U", "onelook", "-A", "trust", "-E", "UTF8", "--no-sync", "--locale=C"
        )

    @property
    def url(self) -> str:
        """Of the database `postgres`."""
        return f"postgresql://onelook@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        """Start the server and return when it answers."""
        options = [f"port={self.port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=60"]
        options += ["shared_buffers=64MB", f"fsync={'on' if self._fsync else 'off'}"]
        command = [str(self._programs / "postgres"), "-D", str(self._data)]
        for option in options:
            command += ["-c", option]
        self._process = subprocess.Popen(
            command, user=self._user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        end = time.monotonic() + 60
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError("PostgreSQL did not start")
            time.sleep(0.05)

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        """Kill the server outright, its children with it, and return when it is gone."""
        if self._process is None:
            return
        if how == signal.SIGKILL:
            os.killpg(self._process.pid, how)
        else:
            self._process.send_signal(how)
        self._process.wait()
        self._process = None

    def _answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, name: str, *words: str) -> None:
        subprocess.run([str(self._programs / name), *words], user=self._user, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def running(fsync: bool = True) -> Iterator[Server]:
    """Give a running server; it and its folder are gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="onelook-postgres-"))
    try:
        server = Server(folder, fsync)
        server.start()
        try:
            yield server
        finally:
            server.kill(signal.SIGQUIT)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _other_user() -> str | None:
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "nobody") if name in known)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
