"""Clients that were idle and have jobs again: where they go on, so that none has saved up anything."""

from collections.abc import Mapping

from sqlalchemy import Connection, func, select, update

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
