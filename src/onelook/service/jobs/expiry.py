"""Forgetting: jobs that ended long ago with their results, keys of requests, workers that are gone."""

from collections.abc import Callable

from sqlalchemy import Connection, and_, delete, exists, select

from onelook.service.database import Database
from onelook.service.schema import ENDED, callbacks, idempotency, jobs, workers
from onelook.service.settings import ServiceSettings

MOST_TOGETHER = 1000
"""Jobs that one transaction deletes: others must come in between."""
_GONE_SECONDS = 3600.0


def expire_all(
    database: Database, settings: ServiceSettings, stopped: Callable[[], bool], limit: int = MOST_TOGETHER
) -> int:
    """Delete all that is past its time and return how many jobs: transactions of `limit`, until there is no more or `stopped`."""
    count = gone = expire(database, settings, limit)
    while gone == limit and not stopped():
        gone = expire(database, settings, limit)
        count += gone
    return count


def expire(database: Database, settings: ServiceSettings, limit: int = MOST_TOGETHER) -> int:
    """Delete what is past its time, `limit` jobs at most, and return how many jobs; any number of processes may do it at once."""

    def work(connection: Connection) -> int:
        untold = exists().where(callbacks.c.job_id == jobs.c.id)  # the note is sent with the job itself
        old = select(jobs.c.seq).where(and_(ENDED, jobs.c.due <= database.now(), ~untold)).limit(limit)
        chosen = list(
            connection.execute(old if database.is_sqlite else old.with_for_update(skip_locked=True)).scalars()
        )
        if chosen:
            connection.execute(delete(jobs).where(jobs.c.seq.in_(chosen)))
        connection.execute(delete(idempotency).where(idempotency.c.created_at <= database.now() - settings.result_ttl))
        connection.execute(delete(workers).where(workers.c.seen_until <= database.now() - _GONE_SECONDS))
        return len(chosen)

    return database.run(work)
