"""Notes that a job has ended, to be sent to the address that came with it: written with the end itself, sent at least once."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from onelook.service.database import Database
from onelook.service.schema import callbacks, jobs

MOST_ATTEMPTS = 8
FIRST_PAUSE = 5.0
"""Seconds until a note is sent again; doubled each time: the last is sent about ten minutes after the first."""
TURN = 60.0
"""Seconds that a sender has for a note, before another may take it."""


@dataclass(frozen=True)
class Callback:
    """A note to send: for which job of which client, where, and the how manieth try it is."""

    job_id: str
    client_id: str
    url: str
    attempt: int


def take_callbacks(database: Database, owner: str, limit: int = 10) -> list[Callback]:
    """Return notes that are due; nobody else gets them for TURN seconds."""

    def work(connection: Connection) -> list[Callback]:
        due = select(callbacks, jobs.c.client_id).join(jobs, jobs.c.id == callbacks.c.job_id)
        due = due.where(callbacks.c.due <= database.now()).order_by(callbacks.c.due).limit(limit)
        rows = list(
            connection.execute(due if database.is_sqlite else due.with_for_update(skip_locked=True, of=callbacks))
        )
        taken = update(callbacks).where(callbacks.c.job_id.in_([row.job_id for row in rows]))
        if rows:
            connection.execute(taken.values(owner=owner, attempt=callbacks.c.attempt + 1, due=database.now() + TURN))
        return [Callback(row.job_id, row.client_id, row.url, row.attempt + 1) for row in rows]

    return database.run(work)


def callback_sent(database: Database, callback: Callback) -> None:
    """Forget a note that arrived."""
    database.run(lambda connection: connection.execute(delete(callbacks).where(callbacks.c.job_id == callback.job_id)))


def callback_failed(database: Database, callback: Callback) -> bool:
    """Let a note wait for its next try and return True; forget it and return False after the last."""
    if callback.attempt >= MOST_ATTEMPTS:
        callback_sent(database, callback)
        return False
    pause = FIRST_PAUSE * 2 ** (callback.attempt - 1)
    this = update(callbacks).where(callbacks.c.job_id == callback.job_id, callbacks.c.attempt == callback.attempt)
    database.run(lambda connection: connection.execute(this.values(due=database.now() + pause)))
    return True
