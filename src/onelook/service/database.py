"""The database: SQLite (WAL) in one file, or PostgreSQL; every time that is stored is the database's own.

On SQLite a transaction that will write begins with BEGIN IMMEDIATE, since one that turns from reading to writing fails at once
whatever the busy timeout. A transaction that lost its connection is run again by `Database.run`: what is given to it must say of
itself whether it was done already (ids made beforehand, rows fenced by owner and attempt).
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    Engine,
    create_engine,
    event,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from onelook.structures.errors import UserError

Answer = TypeVar("Answer")

_SQLITE_NOW = "((julianday('now') - 2440587.5) * 86400.0)"
_SQLITE_BUSY_SECONDS = 30
_POSTGRESQL = {
    "connect_timeout": 5,
    "options": "-c idle_in_transaction_session_timeout=5s",
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
}
"""A process that is stopped in the middle of a transaction loses it after a while, and its locks with it; a server whose machine
is gone without a word is given up after about 25 seconds, where the system would wait for hours."""
_MOST_WORDS = 2000
_DEADLOCK, _SERIALISATION = "40P01", "40001"


class DatabaseDownError(UserError):
    """The database could not be reached for as long as was allowed; nothing is known to have been written."""


class Database:
    """An engine, its dialect and how long a lost database is waited for. Any number of threads may share it."""

    def __init__(self, engine: Engine, patience: float) -> None:
        """Take an engine as `open_database` makes it."""
        self.engine = engine
        self.patience = patience
        self.is_sqlite = engine.dialect.name == "sqlite"

    def now(self) -> ColumnElement[float]:
        """Return the database's time as an expression: seconds since 1970, to the millisecond at least."""
        if self.is_sqlite:
            return literal_column(_SQLITE_NOW, Double)
        return func.cast(func.extract("epoch", func.clock_timestamp()), Double)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection in a transaction that only reads. Raises DatabaseDownError when there is none to be had."""
        with self._transaction({}) as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection in a transaction that may write; committed at the end, rolled back by an exception."""
        with self._transaction({"onelook_writes": True}) as connection:
            yield connection

    def run(self, work: Callable[[Connection], Answer]) -> Answer:
        """Return what `work` returns in a writing transaction; a lost connection or a deadlock makes it run again.

        Raises DatabaseDownError when that went on for `patience` seconds.
        """
        return self._patiently(work, self.writing)

    def read(self, work: Callable[[Connection], Answer]) -> Answer:
        """Return what `work` returns in a reading transaction, with the same patience as `run`."""
        return self._patiently(work, self.reading)

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()

    def _patiently(self, work: Callable[[Connection], Answer], transaction: Callable[[], Any]) -> Answer:
        end, pause = time.monotonic() + self.patience, 0.02
        while True:
            try:
                with transaction() as connection:
                    return work(connection)
            except DatabaseDownError:
                if time.monotonic() + pause > end:
                    raise
            time.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, 0.5)

    @contextmanager
    def _transaction(self, options: dict[str, Any]) -> Iterator[Connection]:
        try:
            with self.engine.connect() as connection, connection.execution_options(**options).begin():
                yield connection
        except NoConnectionError:
            raise DatabaseDownError("database: expected a free connection, got none in time; try again") from None
        except DBAPIError as error:
            if not passes(error):
                raise
            raise DatabaseDownError(f"database: expected an answer, got {_words(error)}; try again") from error


def open_database(url: str, patience: float = 10.0, pool: int = 10) -> Database:
    """Return the database that a URL names; nothing is read or written yet.

    `sqlite:///FILE` or `postgresql://...`; `pool` connections are kept at most. Raises UserError for another URL.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise _unknown(url) from None
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in ("sqlite", "postgresql+psycopg") or not parsed.database:
        raise _unknown(url)
    try:
        if parsed.drivername == "sqlite":
            return Database(_sqlite(str(parsed), max(patience, 1.0)), patience)
        engine = create_engine(
            parsed, pool_size=pool, max_overflow=0, pool_timeout=max(patience, 1.0), connect_args=_POSTGRESQL
        )
    except (NoSuchModuleError, ModuleNotFoundError) as error:
        raise UserError(f"database: PostgreSQL needs psycopg ({error}); pip install 'onelook[service]'") from None
    return Database(engine, patience)


def is_up(database: Database) -> bool:
    """Return whether the database answers now."""
    try:
        with database.reading() as connection:
            connection.execute(text("SELECT 1"))
    except DatabaseDownError:
        return False
    return True


def time_of(database: Database) -> float:
    """Return the database's time, seconds since 1970."""
    return database.read(lambda connection: float(connection.execute(select(database.now())).scalar_one()))


def passes(error: DBAPIError) -> bool:
    """Return whether the same transaction may succeed when it is run again: no connection, a deadlock, a busy file."""
    state = getattr(error.orig, "sqlstate", None)
    if error.connection_invalidated or isinstance(error, InterfaceError):
        return True
    if state is not None and state[:2] not in ("08", "57") and state not in (_DEADLOCK, _SERIALISATION):
        return False
    words = str(error.orig)
    return isinstance(error, OperationalError) and (state is not None or not words.startswith(("no such", "near ")))


def storable(words: str) -> str:
    """Return words as every database takes them, at most 2,000 characters: without NUL and halves of surrogate pairs."""
    return words[:_MOST_WORDS].replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "replace").decode()


def _sqlite(url: str, pool_timeout: float) -> Engine:
    engine = create_engine(
        url, pool_timeout=pool_timeout, connect_args={"timeout": _SQLITE_BUSY_SECONDS, "check_same_thread": False}
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # transactions begin where `begin` below says so
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("onelook_writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine


def _unknown(url: str) -> UserError:
    return UserError(f"database: expected sqlite:///FILE or postgresql://USER@HOST/NAME, got {url!r}")


def _words(error: DBAPIError) -> str:
    return str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else type(error.orig).__name__
