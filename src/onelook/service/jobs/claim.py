"""A worker takes a batch: jobs of one client for one model, in one transaction.

Before, what leases have ended goes back into its queue; then the queue is chosen by the scheduler; then up to a batch of its
jobs is taken, or exactly one that was tried before, so that a picture that takes its worker down takes no neighbour with it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, func, select, update

from onelook.service.database import Database
from onelook.service.jobs.counts import moved, shift
from onelook.service.jobs.job import ClaimedJob
from onelook.service.jobs.leases import lease_ended, put_back
from onelook.service.scheduler import Queue, home_of, rank
from onelook.service.schema import TO_TAKE, Record, clients, jobs, queues, shares, uploads, workers
from onelook.service.settings import ServiceSettings

Order = Callable[[Connection, Sequence[Queue]], list[Queue]]
"""Puts queues into the order in which they are tried."""


@dataclass(frozen=True)
class Taker:
    """Who takes, and what it has at hand."""

    worker: str
    loaded: Callable[[str, str], bool]
    """Whether the worker has the model loaded that a client means by a name."""
    alone: bool = True
    """Whether it has nothing else: only then it takes what was tried before."""


def claim(
    database: Database, settings: ServiceSettings, taker: Taker, order: Order | None = None
) -> tuple[ClaimedJob, ...]:
    """Return the jobs that the worker now has, for the time of a lease, oldest first: all of one client and one model name.

    Empty when nothing waits that this worker may take now, or when what comes next was tried before and the worker is not alone.
    `order` None is the scheduler's own. Raises DatabaseDownError; a claim whose
    answer was lost is ended by its lease.
    """

    def work(connection: Connection) -> tuple[ClaimedJob, ...]:
        waiting = _queues(connection, database, taker)
        ranked = order(connection, waiting) if order else rank(waiting, settings.affinity, settings.away)
        for queue in ranked:
            if not _left_to_home(connection, database, settings, queue):
                rows = _choose(connection, database, settings.batch, queue)
                if rows:
                    tried = bool(rows[0].failures) and not taker.alone
                    return () if tried else _take(connection, database, settings, taker.worker, queue, rows)
        return ()

    put_back(database, settings)
    return database.run(work)


def anything_waits(database: Database) -> bool:
    """Return whether a claim may find something: a job waits, a lease has ended, or a delayed job's moment has come."""
    waits = select(queues.c.client_id).where(queues.c.waiting > 0).limit(1)
    ended = select(jobs.c.seq).where(lease_ended(database)).limit(1)
    return database.read(
        lambda connection: any(connection.execute(look).first() is not None for look in (waits, ended))
    )


def _queues(connection: Connection, database: Database, taker: Taker) -> list[Queue]:
    """Return every queue in which something waits, as this worker sees it."""
    alive = list(connection.execute(select(workers.c.id).where(workers.c.seen_until > database.now())).scalars())
    waiting = select(queues.c.client_id, queues.c.model, shares.c.virtual_time).where(queues.c.waiting > 0)
    found = connection.execute(waiting.join(shares, shares.c.client_id == queues.c.client_id))
    return [
        Queue(client, model, time, taker.loaded(client, model), home_of(client, alive) in (taker.worker, None))
        for client, model, time in found
    ]


def _left_to_home(connection: Connection, database: Database, settings: ServiceSettings, queue: Queue) -> bool:
    """Return whether the queue's jobs have waited too shortly to be taken from its home by a worker without the model."""
    if queue.loaded or queue.home or not settings.steal_after:
        return False
    waited = _next_jobs(database.now() - jobs.c.created_at, queue=queue).limit(1)
    seconds = connection.execute(waited).scalar()
    return seconds is not None and seconds < settings.steal_after


def _take(
    connection: Connection,
    database: Database,
    settings: ServiceSettings,
    worker: str,
    queue: Queue,
    rows: Sequence[Record],
) -> tuple[ClaimedJob, ...]:
    now = database.now()
    values = {
        "state": "running",
        "owner": worker,
        "attempt": jobs.c.attempt + 1,
        "due": now + settings.lease,
        "started_at": func.coalesce(jobs.c.started_at, now),
    }
    taking = update(jobs).where(jobs.c.seq.in_([row.seq for row in rows])).values(**values)
    began = {row.seq: row.due - settings.lease for row in connection.execute(taking.returning(jobs.c.seq, jobs.c.due))}
    pictures = _pictures(connection, [row.id for row in rows if row.url is None])
    weight = select(clients.c.weight).where(clients.c.id == queue.client_id).scalar_subquery()
    share = update(shares).where(shares.c.client_id == queue.client_id)
    connection.execute(share.values(virtual_time=shares.c.virtual_time + len(rows) / weight))
    shift(connection, moved([(row.client_id, row.model, "waiting") for row in rows], "running"))
    return tuple(_claimed(row, pictures.get(row.id), began[row.seq]) for row in rows)


def _choose(connection: Connection, database: Database, most: int, queue: Queue) -> list[Record]:
    """Return the rows to take: the oldest alone when it was tried before, else up to `most` that were not."""
    looked = _next_jobs(jobs, queue=queue).limit(most)
    rows = list(connection.execute(looked if database.is_sqlite else looked.with_for_update(skip_locked=True)))
    if rows and rows[0].failures:
        return rows[:1]
    return [row for row in rows if not row.failures]


def _next_jobs(*columns: Any, queue: Queue) -> Select[*tuple[Any, ...]]:
    """Return the query for a queue's waiting jobs, oldest first."""
    chosen = select(*columns).where(TO_TAKE, jobs.c.client_id == queue.client_id, jobs.c.model == queue.model)
    return chosen.order_by(jobs.c.seq)


def _pictures(connection: Connection, ids: list[str]) -> dict[str, bytes]:
    if not ids:
        return {}
    found = connection.execute(select(uploads.c.job_id, uploads.c.data).where(uploads.c.job_id.in_(ids)))
    return {row.job_id: row.data for row in found}


def _claimed(row: Record, upload: bytes | None, claimed_at: float) -> ClaimedJob:
    return ClaimedJob(
        id=row.id,
        client_id=row.client_id,
        model=row.model,
        url=row.url,
        upload=upload,
        threshold=row.threshold,
        attempt=row.attempt + 1,
        failures=row.failures,
        created_at=row.created_at,
        claimed_at=claimed_at,
    )
