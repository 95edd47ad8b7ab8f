"""What the tests of jobs do again and again: take them, end them, let time pass."""

from collections import Counter

from sqlalchemy import select, update

from onelook.service.database import Database
from onelook.service.jobs.claim import Taker, claim
from onelook.service.jobs.finish import Outcome, finish
from onelook.service.jobs.job import ClaimedJob, Found, Result, Timings
from onelook.service.jobs.listing import numbers
from onelook.service.schema import jobs
from onelook.service.settings import ServiceSettings

RESULT = Result(
    "shared/default@v1", 640, 480, (Found("cat", 0, 0.9, (0.1, 0.2, 0.3, 0.4)),), None, Timings(0.1, 0.2, 0.3, 0.6)
)


def take(
    database: Database, settings: ServiceSettings, worker: str = "w1", loaded: str | None = None
) -> tuple[ClaimedJob, ...]:
    """Claim as a worker that has the model called `loaded` loaded, or none."""
    return claim(database, settings, Taker(worker, lambda client, model: model == loaded))


def done(database: Database, settings: ServiceSettings, taken: tuple[ClaimedJob, ...], worker: str = "w1") -> set[str]:
    """End jobs with a result, as the worker."""
    return finish(database, settings, worker, [Outcome(job.id, job.attempt, result=RESULT) for job in taken])


def let_leases_end(database: Database) -> None:
    """Make the database believe that an hour has passed for whatever is leased or delayed."""
    with database.writing() as connection:
        connection.execute(update(jobs).where(jobs.c.state.in_(("running", "delayed"))).values(due=jobs.c.due - 3600))


def counted(database: Database) -> dict[tuple[str, str], Counter[str]]:
    """Return the jobs by client and model, counted by state, one by one."""
    found: dict[tuple[str, str], Counter[str]] = {}
    with database.reading() as connection:
        for client_id, model, state in connection.execute(select(jobs.c.client_id, jobs.c.model, jobs.c.state)):
            found.setdefault((client_id, model), Counter())[state] += 1
    return found


def kept_counts(database: Database) -> dict[tuple[str, str], Counter[str]]:
    """Return the counts that the transactions have kept, in the same form."""
    states = ("waiting", "delayed", "running", "done", "failed", "dead", "cancelled")
    return {
        (row.client_id, row.model): Counter({state: getattr(row, state) for state in states if getattr(row, state)})
        for row in numbers(database)
    }
