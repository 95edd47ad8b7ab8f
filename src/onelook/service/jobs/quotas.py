"""What a client may still ask for: jobs that wait, and jobs a minute by a bucket of tokens that fills with time."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select

from onelook.service.database import Database
from onelook.service.jobs.refusals import QueueFullError, QuotaError
from onelook.service.schema import ENDED, clients, jobs, queues, shares
from onelook.service.settings import ServiceSettings

RATE_SECONDS = 60.0
_LONGEST_WAIT = 3600.0


@dataclass
class Allowance:
    """What one client may ask for in this transaction; changed as its requests are accepted."""

    max_waiting: int
    jobs_per_minute: int
    virtual_time: float
    tokens: float
    waiting: int
    """Jobs of it that wait, for their turn or for their moment."""
    active: bool
    """Whether it has jobs that wait for their turn or run: one whose jobs all wait for their moment idles."""


def allowances(connection: Connection, client_ids: list[str], now: float, sqlite: bool) -> dict[str, Allowance]:
    """Return what each client may ask for; disabled and unknown clients are left out.

    On PostgreSQL their rows are locked in order: two processes that accept jobs of one client do so one after the other.
    """
    counts = (
        select(
            queues.c.client_id,
            func.sum(queues.c.waiting + queues.c.delayed).label("waiting"),
            func.sum(queues.c.waiting + queues.c.running).label("active"),
        )
        .where(queues.c.client_id.in_(client_ids))
        .group_by(queues.c.client_id)
    )
    rows = select(
        clients.c.id,
        clients.c.max_waiting,
        clients.c.jobs_per_minute,
        shares.c.virtual_time,
        shares.c.tokens,
        shares.c.tokens_at,
    ).join(shares, shares.c.client_id == clients.c.id)
    rows = rows.where(clients.c.id.in_(client_ids), clients.c.disabled.is_(False)).order_by(clients.c.id)
    found = connection.execute(rows if sqlite else rows.with_for_update(of=shares)).all()
    counted = {row.client_id: row for row in connection.execute(counts)}
    allowed = {}
    for row in found:
        count = counted.get(row.id)
        waiting, active = (int(count.waiting), int(count.active)) if count else (0, 0)
        filled = row.tokens + (now - row.tokens_at) * row.jobs_per_minute / RATE_SECONDS
        tokens = min(filled, float(row.jobs_per_minute))
        allowed[row.id] = Allowance(row.max_waiting, row.jobs_per_minute, row.virtual_time, tokens, waiting, active > 0)
    return allowed


def spend(allowance: Allowance, count: int) -> None:
    """Take `count` jobs from the allowance. Raises QuotaError, having taken nothing, when they are too many.

    A request larger than the bucket passes when the bucket is full, and leaves a debt.
    """
    rate = allowance.jobs_per_minute / RATE_SECONDS
    needed = min(count, allowance.jobs_per_minute)
    if rate and allowance.tokens < needed:
        wait = min(max(1.0, (needed - allowance.tokens) / rate), _LONGEST_WAIT)
        raise QuotaError("jobs_per_minute", allowance.jobs_per_minute, count, wait)
    allowance.tokens -= count if rate else 0
    allowance.waiting += count


def check_waiting(
    connection: Connection,
    database: Database,
    settings: ServiceSettings,
    client_id: str,
    allowance: Allowance,
    count: int,
) -> None:
    """Raise QuotaError when `count` more jobs of the client may not wait."""
    excess = allowance.waiting + count - allowance.max_waiting
    if excess > 0:
        wait = _wait_for(excess, finished_a_second(connection, database, settings, client_id))
        raise QuotaError("max_waiting", allowance.max_waiting, allowance.waiting + count, wait)


def check_room(connection: Connection, database: Database, settings: ServiceSettings, waiting: int, count: int) -> None:
    """Raise QueueFullError when `count` more jobs may not wait in the whole service, where `waiting` do."""
    excess = waiting + count - settings.max_waiting
    if excess > 0:
        wait = _wait_for(excess, finished_a_second(connection, database, settings, None))
        raise QueueFullError(settings.max_waiting, wait)


def waiting_in_all(connection: Connection) -> int:
    """Return the number of jobs that wait in the whole service."""
    return int(connection.execute(select(func.coalesce(func.sum(queues.c.waiting + queues.c.delayed), 0))).scalar_one())


def finished_a_second(
    connection: Connection, database: Database, settings: ServiceSettings, client_id: str | None
) -> float:
    """Return how many jobs, of a client or of all, ended a second within the last minute."""
    since = database.now() + (settings.result_ttl - RATE_SECONDS)
    counted = select(func.count()).select_from(jobs).where(ENDED, jobs.c.due > since)
    if client_id is not None:
        counted = counted.where(jobs.c.client_id == client_id)
    return connection.execute(counted).scalar_one() / RATE_SECONDS


def _wait_for(excess: int, rate: float) -> float:
    """Return the seconds in which `excess` jobs end at `rate` a second; a minute where nothing has ended for one."""
    return min(max(1.0, excess / rate), _LONGEST_WAIT) if rate else RATE_SECONDS
