"""Notes that a job has ended, to be sent to the address that came with it: written with the end itself, sent at least once."""

import secrets
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from onelook.service.database import Database
from onelook.service.schema import callbacks, jobs

MOST_ATTEMPTS = 8
FIRST_PAUSE = 5.0
"""Seconds until a note is sent again; doubled each time: the last is sent about ten minutes after the first."""
TURN = 60.0
"""Seconds that a sender has for a note beyond the time that sending may take, before another may take it."""


@dataclass(frozen=True)
class Callback:
    """A note to send: for which job of which client, where, and the how manieth try it is."""

    job_id: str
    client_id: str
    url: str
    attempt: int
    owner: str
    """Who has it: a word of this one taking, so that nobody forgets a note that another has by then."""


def take_callbacks(
    database: Database, owner: str, limit: int = 10, seconds: float = 0.0, without: Collection[str] = ()
) -> list[Callback]:
    """Return notes that are due, those of the clients `without` left out; nobody else gets them for TURN and `seconds` more."""
    own = f"{owner}:{secrets.token_hex(4)}"

    def work(connection: Connection) -> list[Callback]:
        due = select(callbacks, jobs.c.client_id).join(jobs, jobs.c.id == callbacks.c.job_id)
        due = (
            due.where(callbacks.c.due <= database.now(), jobs.c.client_id.not_in(without))
            .order_by(callbacks.c.due)
            .limit(limit)
        )
        rows = list(
            connection.execute(due if database.is_sqlite else due.with_for_update(skip_locked=True, of=callbacks))
        )
        taken = update(callbacks).where(callbacks.c.job_id.in_([row.job_id for row in rows]))
        if rows:
            mine = {"owner": own, "attempt": callbacks.c.attempt + 1, "due": database.now() + TURN + seconds}
            connection.execute(taken.values(**mine))
        return [Callback(row.job_id, row.client_id, row.url, row.attempt + 1, own) for row in rows]

    return database.run(work)


def callback_sent(database: Database, callback: Callback) -> None:
    """Forget a note that arrived; one that was made anew meanwhile, of a job that was tried again, is another."""
    this = delete(callbacks).where(callbacks.c.job_id == callback.job_id, callbacks.c.owner == callback.owner)
    database.run(lambda connection: connection.execute(this))


def callback_failed(database: Database, callback: Callback) -> bool:
    """Let a note wait for its next try and return True; forget it and return False after the last."""
    if callback.attempt >= MOST_ATTEMPTS:
        callback_sent(database, callback)
        return False
    pause = FIRST_PAUSE * 2 ** (callback.attempt - 1)
    this = update(callbacks).where(callbacks.c.job_id == callback.job_id, callbacks.c.owner == callback.owner)
    database.run(lambda connection: connection.execute(this.values(due=database.now() + pause)))
    return True
