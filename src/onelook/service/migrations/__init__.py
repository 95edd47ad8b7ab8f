"""Brings a database to the schema of this version, one numbered step after the other; steps that ran are never changed.

A step is two files of plain SQL, one a dialect, and a line in MIGRATIONS. Any number of processes may start at once: the first one
migrates, the others wait and find it done.
"""

from importlib import resources

from sqlalchemy import Connection, inspect, text

from onelook.service.database import Database
from onelook.structures.errors import UserError

MIGRATIONS: tuple[str, ...] = ("0001_first", "0002_sessions")
"""Every step in order; step n brings the database to version n."""

_LOCK = 7_365_101
"""Of PostgreSQL's advisory locks: whoever migrates."""


def migrate(database: Database) -> list[str]:
    """Bring the database to the newest schema and return the steps that ran; none when it is there already.

    Raises UserError for a database of a newer onelook.
    """

    def steps(connection: Connection) -> list[str]:
        if not database.is_sqlite:
            connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
        connection.execute(
            text("CREATE TABLE IF NOT EXISTS schema_version (number INTEGER PRIMARY KEY, name TEXT NOT NULL)")
        )
        version = _version(connection)
        _refuse_newer(version)
        for number, name in enumerate(MIGRATIONS[version:], start=version + 1):
            _apply(connection, name)
            connection.execute(
                text("INSERT INTO schema_version VALUES (:number, :name)"), {"number": number, "name": name}
            )
        return list(MIGRATIONS[version:])

    return database.run(steps)


def version_of(database: Database) -> int:
    """Return the number of steps that the database has seen; 0 for an empty one."""

    def look(connection: Connection) -> int:
        return _version(connection) if inspect(connection).has_table("schema_version") else 0

    return database.read(look)


def check_version(database: Database) -> None:
    """Raise UserError when the database is not of this version's schema."""
    version = version_of(database)
    _refuse_newer(version)
    if version < len(MIGRATIONS):
        raise UserError(
            f"database: expected schema {len(MIGRATIONS)}, got {version}; start `onelook serve`, which brings it there"
        )


def statements(name: str, dialect: str) -> list[str]:
    """Return the SQL statements of a step for a dialect, `sqlite` or `postgresql`."""
    written = resources.files(__package__).joinpath(f"{name}.{dialect}.sql").read_text(encoding="utf-8")
    return [each.strip() for each in written.split(";\n") if each.strip()]


def _apply(connection: Connection, name: str) -> None:
    for statement in statements(name, connection.dialect.name):
        connection.exec_driver_sql(statement)


def _version(connection: Connection) -> int:
    return int(connection.execute(text("SELECT coalesce(max(number), 0) FROM schema_version")).scalar_one())


def _refuse_newer(version: int) -> None:
    if version > len(MIGRATIONS):
        raise UserError(
            f"database: expected schema {len(MIGRATIONS)} or older, got {version}; use the newer onelook that made it"
        )
