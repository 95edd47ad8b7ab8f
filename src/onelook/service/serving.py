"""`onelook serve`: API, pages, embedded database and workers by one command; SIGTERM drains, ready going false first."""

import asyncio
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import FrameType
from urllib.parse import urlencode

import uvicorn

from onelook.service.api.app import create_app
from onelook.service.api.backend import Backend
from onelook.service.api.protocol import Protocol
from onelook.service.clients import add_client, add_key, find_client_named, list_clients
from onelook.service.configuration import AllSettings
from onelook.service.database import Database, open_database
from onelook.service.fleet import Fleet
from onelook.service.migrations import migrate
from onelook.service.sessions import add_ticket
from onelook.service.showing import Shown, show_run
from onelook.structures.errors import UserError

FIRST_CLIENT = "admin"
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
WELCOME = "open this address to be signed in; it works once: "
_CHECK_SECONDS = 0.5
_BACKLOG = 2048
_KEEP_ALIVE = 75
"""Seconds that a connection may be idle: longer than clients and load balancers let it be, so that it is they who close it."""

Say = Callable[[str], None]


def serve(settings: AllSettings, say: Say, show: Path | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises UserError when the port is taken or a setting names what is not there.

    `say` is told the first key, where no client is known yet; once it answers the address that signs a browser in, once; that
    of the run `show`, whose model is then chosen on the first page; and the plain address.
    """
    welcome, shown = prepare(settings, say, show)
    with closing(_listener(settings)) as listener:
        fleet = Fleet(settings.service, settings.http.workers, settings.fetching, settings.decoding)
        fleet.start()
        ended = threading.Event()
        keeper = threading.Thread(target=_keep, args=(fleet, ended), name="fleet", daemon=True)
        keeper.start()
        try:
            _Server(settings, say, welcome, shown).run(sockets=[listener])
        finally:
            ended.set()
            keeper.join()
            fleet.stop()


def prepare(settings: AllSettings, say: Say, show: Path | None = None) -> tuple[str | None, str | None]:
    """Make the tables where there are none, and tell the key of a new administrator where no client is known yet.

    Return the path that signs a browser in, and that of the run `show`; each None where there is none. Raises UserError as `serve`.
    """
    with closing(open_database(settings.service.database, settings.service.database_patience)) as database:
        migrate(database)
        key = first_key(database)
        if key is not None:
            say(f"first key, of the administrator {FIRST_CLIENT!r}; it is told this once: {key}")
        admin = administrator(database)
        shown = Shown("/", None) if show is None else show_run(settings, show, admin)
        return welcome_path(database, settings.http.host, admin, shown.trying), shown.run


def first_key(database: Database) -> str | None:
    """Return the key of a new administrator where no client is known yet, else None."""
    if list_clients(database):
        return None
    try:
        admin = add_client(database, FIRST_CLIENT, admin=True)
    except UserError:  # another process that begins at the same time was first
        return None
    key = add_key(database, admin.id, "first")
    return key.secret if key else None


def administrator(database: Database) -> str | None:
    """Return the id of the first administrator; None where that one is gone."""
    admin = find_client_named(database, FIRST_CLIENT)
    return None if admin is None or admin.disabled or not admin.admin else admin.id


def welcome_path(database: Database, host: str, client_id: str | None, begin: str) -> str | None:
    """Return the path that signs that client's browser in, once, and leads to `begin`.

    None without a client, and where others than this machine's users could reach `host` and use it.
    """
    if client_id is None or host not in LOOPBACK:
        return None
    return f"/session?{urlencode({'ticket': add_ticket(database, client_id), 'next': begin})}"


def _listener(settings: AllSettings) -> socket.socket:
    """Return a socket that listens. Raises UserError when the address cannot be had."""
    http = settings.http
    family = socket.AF_INET6 if ":" in http.host else socket.AF_INET
    try:
        return socket.create_server((http.host, http.port), family=family, backlog=_BACKLOG)
    except OSError as error:
        told = error.strerror or str(error)
        raise UserError(
            f"{http.host}:{http.port}: expected an address to listen on, got {told}; choose another --port"
        ) from None


def _keep(fleet: Fleet, ended: threading.Event) -> None:
    """Start anew what has died, until the end."""
    while not ended.wait(_CHECK_SECONDS):
        fleet.check()


class _Server(uvicorn.Server):
    """uvicorn, which is told to end by a drain: first not ready, then deaf to what is new, then gone."""

    def __init__(self, settings: AllSettings, say: Say, welcome: str | None, run: str | None) -> None:
        self._settings, self._say, self._welcome, self._run = settings, say, welcome, run
        self._app = create_app(settings)
        super().__init__(
            uvicorn.Config(
                self._app,
                http=Protocol,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="on",
                backlog=_BACKLOG,
                timeout_keep_alive=_KEEP_ALIVE,
                timeout_graceful_shutdown=max(int(settings.http.drain_seconds), 1),
            )
        )

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say where."""
        self._loop = asyncio.get_running_loop()
        await super().startup(sockets)
        if sockets and not self.should_exit:
            host, port = sockets[0].getsockname()[:2]
            address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
            if self._welcome is not None:
                self._say(f"{WELCOME}{address}{self._welcome}")
            if self._run is not None:
                self._say(f"the run, once signed in: {address}{self._run}")
            self._say(address)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain; a second signal ends at once. Ctrl-C waits for no load balancer to notice."""
        backend: Backend | None = getattr(self._app.state, "backend", None)
        if backend is None or not backend.ready:
            super().handle_exit(sig, frame)
            if backend is not None:  # who waits for a job is not waited for
                self._loop.call_soon_threadsafe(backend.waiters.release)
            return
        backend.drain()
        notice = 0.0 if sig == signal.SIGINT else self._settings.http.notice_seconds
        self._loop.call_soon_threadsafe(self._loop.call_later, notice, self._end)

    def _end(self) -> None:
        self._app.state.backend.waiters.release()
        self.should_exit = True
