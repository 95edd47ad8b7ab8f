"""Jobs end: by their worker's result, by a fault, or by their client; whoever does not hold a job any more changes nothing."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select, update

from onelook.service.database import Database, storable
from onelook.service.jobs.counts import Moves, moved, shift
from onelook.service.jobs.ending import end
from onelook.service.jobs.job import FINAL, Fault, Job, Result
from onelook.service.jobs.leases import still_held
from onelook.service.jobs.listing import find_row, job_of
from onelook.service.jobs.results import as_text
from onelook.service.schema import Record, jobs, results
from onelook.service.settings import ServiceSettings


@dataclass(frozen=True)
class Outcome:
    """What became of a job at the attempt at which it was taken: a result, a fault, or a fault that may pass."""

    job_id: str
    attempt: int
    result: Result | None = None
    fault: Fault | None = None
    passing: bool = False
    """Whether it is worth trying again later."""

    def __post_init__(self) -> None:
        if (self.result is None) == (self.fault is None):
            raise ValueError("expected a result or a fault")


def finish(database: Database, settings: ServiceSettings, worker: str, outcomes: Sequence[Outcome]) -> set[str]:
    """Write what became of jobs and return the ids that were the worker's to end, each exactly once.

    What it does not hold any more (cancelled, or its lease has ended) is left out and nothing of it is written. A job with a
    passing fault is delayed, or dead when it was its last try. Raises DatabaseDownError.
    """
    by_id = {outcome.job_id: outcome for outcome in outcomes}
    held = {outcome.job_id: outcome.attempt for outcome in outcomes}
    tries = 0

    def work(connection: Connection) -> set[str]:
        nonlocal tries
        tries += 1
        before = _ended_here(connection, worker, held) if tries > 1 else set()
        kept = still_held(connection, database, worker, held)
        if kept:
            rows = list(
                connection.execute(select(jobs).where(jobs.c.seq.in_(list(kept.values()))).order_by(jobs.c.seq))
            )
            _write(connection, database, settings, rows, by_id)
        return set(kept) | before

    return database.run(work) if outcomes else set()


def cancel(database: Database, settings: ServiceSettings, client_id: str, job_id: str) -> Job | None:
    """Cancel a job and return it as it is then; one that had ended stays as it was. None: absent, or another client's.

    A worker that is at it writes nothing any more.
    """

    def work(connection: Connection) -> Job | None:
        row = find_row(connection, client_id, job_id, lock=not database.is_sqlite)
        if row is None:
            return None
        if row.state not in FINAL:
            shift(connection, end(connection, database, settings, [row], "cancelled", {}))
            row = find_row(connection, client_id, job_id)
        return job_of(row) if row else None

    return database.run(work)


def _write(
    connection: Connection,
    database: Database,
    settings: ServiceSettings,
    rows: Sequence[Record],
    by_id: Mapping[str, Outcome],
) -> None:
    """Sort the rows by what became of them, and write each kind."""
    done = [row for row in rows if by_id[row.id].result is not None]
    failed = [row for row in rows if by_id[row.id].fault is not None and not by_id[row.id].passing]
    passing = [row for row in rows if by_id[row.id].passing]
    last = [row for row in passing if row.failures + 1 >= settings.max_attempts]
    later = [row for row in passing if row.failures + 1 < settings.max_attempts]
    faults = {id_: outcome.fault for id_, outcome in by_id.items() if outcome.fault is not None}
    _write_results(connection, done, by_id)
    moves: Moves = Counter()
    moves.update(end(connection, database, settings, done, "done", {}))
    moves.update(end(connection, database, settings, failed, "failed", faults))
    moves.update(end(connection, database, settings, last, "dead", faults))
    moves.update(_delay(connection, database, settings, later, faults))
    shift(connection, moves)


def _write_results(connection: Connection, rows: Sequence[Record], by_id: Mapping[str, Outcome]) -> None:
    written = []
    for row in rows:
        result = by_id[row.id].result
        assert result is not None
        version = result.model_version
        written.append(
            {
                "job_id": row.id,
                "owner": row.owner,
                "attempt": row.attempt,
                "model_version": version,
                "body": as_text(result),
            }
        )
    if written:
        connection.execute(insert(results), written)


def _delay(
    connection: Connection,
    database: Database,
    settings: ServiceSettings,
    rows: Sequence[Record],
    faults: Mapping[str, Fault],
) -> Moves:
    """Let jobs wait for their moment, twice as long at each further failure."""
    for row in rows:
        values = {
            "state": "delayed",
            "owner": None,
            "failures": row.failures + 1,
            "due": database.now() + settings.retry_delay * 2**row.failures,
            "error_code": faults[row.id].code,
            "error_detail": storable(faults[row.id].detail),
        }
        connection.execute(update(jobs).where(jobs.c.seq == row.seq).values(**values))
    return moved([(row.client_id, row.model, row.state) for row in rows], "delayed")


def _ended_here(connection: Connection, worker: str, held: Mapping[str, int]) -> set[str]:
    """Return the ids that this worker had ended already, when its connection was lost while that was committed."""
    looked = select(jobs.c.id, jobs.c.attempt).where(
        jobs.c.id.in_(list(held)), jobs.c.owner == worker, jobs.c.state.in_(FINAL)
    )
    return {row.id for row in connection.execute(looked) if row.attempt == held[row.id]}
