"""Who is at work: every worker writes down that it lives, where it answers at once, and which models it has loaded."""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from onelook.service.database import Database
from onelook.service.schema import workers
from onelook.service.settings import ServiceSettings


@dataclass(frozen=True)
class WorkerInfo:
    """A worker that has given a sign of life within a lease."""

    id: str
    host: str
    pid: int
    address: str
    """Where it answers at once, `host:port`; empty where it does not."""
    models: tuple[str, ...]
    """Loaded now, as `owner/name@version`."""
    started_at: float
    seen_until: float


@dataclass(frozen=True)
class Here:
    """What a worker writes down of itself: its id, its machine and process, and where it answers at once."""

    id: str
    host: str
    pid: int
    address: str


def register(database: Database, settings: ServiceSettings, here: Here) -> None:
    """Write down that a worker begins, or lives still."""

    def work(connection: Connection) -> None:
        now: float = connection.execute(select(database.now())).scalar_one()
        connection.execute(delete(workers).where(workers.c.id == here.id))
        row = {**vars(here), "models": "[]"}
        connection.execute(insert(workers), {**row, "started_at": now, "seen_until": now + settings.lease})

    database.run(work)


def live(database: Database, settings: ServiceSettings, worker: str, models: tuple[str, ...]) -> bool:
    """Write down that a worker lives, for a lease to come, and what it has loaded; return whether its entry was there."""
    values = {"seen_until": database.now() + settings.lease, "models": json.dumps(models)}
    this = update(workers).where(workers.c.id == worker).values(**values).returning(workers.c.id)
    return database.run(lambda connection: connection.execute(this).first() is not None)


def leave(database: Database, worker: str) -> None:
    """Write down that a worker takes nothing more: its clients are at home with others from now on."""
    database.run(lambda connection: connection.execute(delete(workers).where(workers.c.id == worker)))


def live_workers(database: Database) -> list[WorkerInfo]:
    """Return the workers that live, by id."""
    asked = select(workers).where(workers.c.seen_until > database.now()).order_by(workers.c.id)

    def look(connection: Connection) -> list[WorkerInfo]:
        rows = [dict(row._mapping) for row in connection.execute(asked)]
        return [WorkerInfo(**{**row, "models": tuple(json.loads(row["models"]))}) for row in rows]

    return database.read(look)
