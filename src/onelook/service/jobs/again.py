"""Jobs that failed, of all clients, and one more try of them: for whoever manages the service."""

from sqlalchemy import Connection, delete, exists, select, update

from onelook.service.database import Database
from onelook.service.jobs.counts import moved, shift
from onelook.service.jobs.job import Job, JobState
from onelook.service.jobs.listing import job_of
from onelook.service.jobs.refusals import RefusedError
from onelook.service.jobs.waking import wake_idle
from onelook.service.schema import callbacks, jobs, uploads

FAILED: tuple[JobState, ...] = ("failed", "dead")


class NoRetryError(RefusedError):
    """The job cannot be tried again."""


def failed_jobs(database: Database, before: str | None = None, limit: int = 50) -> list[Job]:
    """Return every client's failed and dead jobs, newest first; `before` is the id of the last one already seen."""
    asked = select(jobs).where(jobs.c.state.in_(FAILED))
    if before is not None:
        asked = asked.where(jobs.c.seq < select(jobs.c.seq).where(jobs.c.id == before).scalar_subquery())
    asked = asked.order_by(jobs.c.seq.desc()).limit(limit)
    return database.read(lambda connection: [job_of(row) for row in connection.execute(asked)])


def retry(database: Database, job_id: str) -> Job | None:
    """Let a job that failed wait again, as if it had never been tried, and return it; None when it is absent.

    Raises NoRetryError for one that has not failed, and for one whose picture is gone. Its client is told again when it ends.
    """

    def work(connection: Connection) -> Job | None:
        asked = select(jobs).where(jobs.c.id == job_id)
        row = connection.execute(asked if database.is_sqlite else asked.with_for_update()).first()
        if row is None:
            return None
        if row.state not in FAILED:
            raise NoRetryError(f"job: expected one that has failed, got one that is {row.state}")
        kept = connection.execute(select(exists().where(uploads.c.job_id == job_id))).scalar_one()
        if row.url is None and not kept:
            raise NoRetryError(
                "job: expected one whose picture is still here, got one whose upload was deleted; send it again"
            )
        wake_idle(connection, database, {row.client_id})
        values = {
            "state": "waiting",
            "failures": 0,
            "owner": None,
            "due": None,
            "started_at": None,
            "finished_at": None,
        }
        values |= {"error_code": None, "error_detail": None}
        connection.execute(update(jobs).where(jobs.c.seq == row.seq).values(**values))
        connection.execute(delete(callbacks).where(callbacks.c.job_id == job_id))
        shift(connection, moved([(row.client_id, row.model, row.state)], "waiting"))
        return job_of(connection.execute(select(jobs).where(jobs.c.seq == row.seq)).one())

    return database.run(work)
