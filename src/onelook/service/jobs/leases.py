"""A worker keeps its jobs by signs of life; what it does not keep goes back into the queue, or to the dead letters."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, and_, select, update

from onelook.service.database import Database
from onelook.service.jobs.counts import moved, shift
from onelook.service.jobs.ending import end
from onelook.service.jobs.job import Fault
from onelook.service.jobs.waking import wake_idle
from onelook.service.schema import LEASED, jobs
from onelook.service.settings import ServiceSettings

MOST_TOGETHER = 500
"""Ended leases that one transaction puts back."""

Held = Mapping[str, int]
"""Jobs that a worker has: their ids, and the attempt at which it took each."""


def lease_ended(database: Database) -> ColumnElement[bool]:
    """Return the condition on a running job whose lease has ended, or on a delayed one whose moment has come."""
    return and_(LEASED, jobs.c.due <= database.now())


def put_back(database: Database, settings: ServiceSettings) -> int:
    """Do what `end_leases` does in a transaction of its own, where there is anything to do: it changes the counts last."""
    looked = select(jobs.c.seq).where(lease_ended(database)).limit(1)
    if database.read(lambda connection: connection.execute(looked).first()) is None:
        return 0
    return database.run(lambda connection: end_leases(connection, database, settings))


def end_leases(connection: Connection, database: Database, settings: ServiceSettings) -> int:
    """Put back what is no longer kept, and what waited for its moment; return how many jobs that were.

    A job whose worker was lost counts one failure more; with `max_attempts` of them it is dead.
    """
    looked = select(jobs).where(lease_ended(database)).limit(MOST_TOGETHER)
    rows = list(connection.execute(looked if database.is_sqlite else looked.with_for_update(skip_locked=True)))
    if not rows:
        return 0
    lost = [row for row in rows if row.state == "running"]
    dead = [row for row in lost if row.failures + 1 >= settings.max_attempts]
    again = [row for row in lost if row.failures + 1 < settings.max_attempts]
    woken = [row for row in rows if row.state == "delayed"]
    back = {"state": "waiting", "owner": None, "due": None}
    for group, values in ((again, {**back, "failures": jobs.c.failures + 1}), (woken, back)):
        if group:
            connection.execute(update(jobs).where(jobs.c.seq.in_([row.seq for row in group])).values(**values))
    wake_idle(connection, database, {row.client_id for row in woken})
    fault = Fault("too_many_tries", f"the worker was lost {settings.max_attempts} times while it had this job")
    moves = end(connection, database, settings, dead, "dead", {row.id: fault for row in dead})
    moves.update(moved([(row.client_id, row.model, row.state) for row in again + woken], "waiting"))
    shift(connection, moves)
    return len(rows)


def keep(database: Database, settings: ServiceSettings, worker: str, held: Held) -> set[str]:
    """Prolong the worker's leases on `held` and return the ids that it still has; a lease that has ended stays so."""

    def work(connection: Connection) -> set[str]:
        kept = still_held(connection, database, worker, held)
        if kept:
            longer = update(jobs).where(jobs.c.seq.in_(list(kept.values())))
            connection.execute(longer.values(due=database.now() + settings.lease))
        return set(kept)

    return database.run(work) if held else set()


def release(database: Database, worker: str, held: Held) -> int:
    """Put jobs back that the worker has not begun, without counting a failure; return how many it still had."""

    def work(connection: Connection) -> int:
        kept = still_held(connection, database, worker, held)
        if kept:
            back = update(jobs).where(jobs.c.seq.in_(list(kept.values())))
            rows = connection.execute(
                back.values(state="waiting", owner=None, due=None).returning(jobs.c.client_id, jobs.c.model)
            ).all()
            shift(connection, moved([(client_id, model, "running") for client_id, model in rows], "waiting"))
        return len(kept)

    return database.run(work) if held else 0


def still_held(connection: Connection, database: Database, worker: str, held: Held) -> dict[str, int]:
    """Return the `seq` by id of those jobs of `held` that the worker has, at the attempt at which it took them, in an open lease.

    On PostgreSQL their rows are locked.
    """
    looked = select(jobs.c.id, jobs.c.seq, jobs.c.attempt).where(
        jobs.c.id.in_(list(held)), jobs.c.owner == worker, jobs.c.state == "running", jobs.c.due > database.now()
    )
    looked = looked.order_by(jobs.c.seq)
    rows = connection.execute(looked if database.is_sqlite else looked.with_for_update())
    return {row.id: row.seq for row in rows if row.attempt == held[row.id]}
