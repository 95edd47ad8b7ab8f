"""Looking at jobs: one, many, whether they have ended, and how many there are."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from onelook.service.database import Database
from onelook.service.jobs.job import FINAL, Fault, Job, JobState
from onelook.service.jobs.quotas import finished_a_second
from onelook.service.jobs.results import from_text
from onelook.service.schema import TO_TAKE, Record, jobs, queues, results
from onelook.service.settings import ServiceSettings


@dataclass(frozen=True)
class QueueNumbers:
    """How many jobs a client has for a model: by state now, and how many have ended ever."""

    client_id: str
    model: str
    waiting: int
    delayed: int
    running: int
    done: int
    failed: int
    dead: int
    cancelled: int


def find_job(database: Database, client_id: str, job_id: str) -> Job | None:
    """Return a client's job with its result; None when it is absent or another's, which nobody can tell apart."""

    def look(connection: Connection) -> Job | None:
        row = find_row(connection, client_id, job_id)
        if row is None:
            return None
        asked = select(results.c.body).where(results.c.job_id == job_id)
        body = connection.execute(asked).scalar() if row.state == "done" else None
        return job_of(row, body)

    return database.read(look)


def list_jobs(
    database: Database, client_id: str, state: JobState | None = None, before: str | None = None, limit: int = 50
) -> list[Job]:
    """Return a client's jobs, newest first and without results; `before` is the id of the last one already seen."""
    asked = select(jobs).where(jobs.c.client_id == client_id)
    if state is not None:
        asked = asked.where(jobs.c.state == state)
    if before is not None:
        last = select(jobs.c.seq).where(jobs.c.id == before, jobs.c.client_id == client_id).scalar_subquery()
        asked = asked.where(jobs.c.seq < last)
    asked = asked.order_by(jobs.c.seq.desc()).limit(limit)
    return database.read(lambda connection: [job_of(row) for row in connection.execute(asked)])


def finished_among(database: Database, job_ids: Collection[str]) -> set[str]:
    """Return those of `job_ids` that have ended, or are not there any more."""
    if not job_ids:
        return set()
    asked = select(jobs.c.id).where(jobs.c.id.in_(job_ids), jobs.c.state.not_in(FINAL))
    return set(job_ids) - database.read(lambda connection: set(connection.execute(asked).scalars()))


def numbers(database: Database) -> list[QueueNumbers]:
    """Return the counts of every client and model that ever had a job."""
    asked = select(queues).order_by(queues.c.client_id, queues.c.model)
    return database.read(lambda connection: [QueueNumbers(**row._mapping) for row in connection.execute(asked)])


def oldest_waiting(database: Database) -> float:
    """Return the seconds that the oldest waiting job has waited; 0 where none waits."""
    asked = select(database.now() - func.min(jobs.c.created_at)).where(TO_TAKE)
    return database.read(lambda connection: max(0.0, connection.execute(asked).scalar() or 0.0))


def drain_rate(database: Database, settings: ServiceSettings, client_id: str | None = None) -> float:
    """Return how many jobs, of a client or of all, ended a second within the last minute."""
    return database.read(lambda connection: finished_a_second(connection, database, settings, client_id))


def find_row(connection: Connection, client_id: str, job_id: str, lock: bool = False) -> Record | None:
    """Return the row of a client's job, locked when asked; None when it is absent or another's."""
    asked = select(jobs).where(jobs.c.id == job_id, jobs.c.client_id == client_id)
    return connection.execute(asked.with_for_update() if lock else asked).first()


def job_of(row: Record, body: str | None = None) -> Job:
    """Return a row of `jobs` as its client sees it; `body` is the stored result."""
    ended = row.state in FINAL
    return Job(
        id=row.id,
        client_id=row.client_id,
        model=row.model,
        url=row.url,
        threshold=row.threshold,
        callback=row.callback,
        state=row.state,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        expires_at=row.due if ended else None,
        attempt=row.attempt,
        failures=row.failures,
        error=None if row.error_code is None else Fault(row.error_code, row.error_detail or ""),
        result=None if body is None else from_text(body),
    )
