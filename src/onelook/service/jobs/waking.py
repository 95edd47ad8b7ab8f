"""Clients that were idle and have jobs again: where they go on, so that none has saved up anything."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, func, select, update

from onelook.service.database import Database
from onelook.service.jobs.quotas import allowances
from onelook.service.scheduler import start_time
from onelook.service.schema import queues, shares


def wake(connection: Connection, virtual_times: Mapping[str, float]) -> None:
    """Let clients, given with the virtual times that they had, go on from the least of those that have jobs."""
    if not virtual_times:
        return
    busy = select(queues.c.client_id).where(queues.c.waiting + queues.c.running > 0)
    active = select(func.min(shares.c.virtual_time)).where(shares.c.client_id.in_(busy)).scalar_subquery()
    latest = select(func.max(shares.c.virtual_time)).scalar_subquery()
    least, most = connection.execute(select(active, latest)).one()
    for client_id, own in sorted(virtual_times.items()):
        begin = start_time(own, [] if least is None else [least], most)
        connection.execute(update(shares).where(shares.c.client_id == client_id).values(virtual_time=begin))


def wake_idle(connection: Connection, database: Database, client_ids: Collection[str]) -> None:
    """Let those of the clients go on so that had no job that waits or runs, before theirs are counted as waiting."""
    if client_ids:
        now: float = connection.execute(select(database.now())).scalar_one()
        known = allowances(connection, sorted(client_ids), now, database.is_sqlite)
        wake(connection, {id_: each.virtual_time for id_, each in known.items() if not each.active})
