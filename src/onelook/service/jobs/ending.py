"""What every end of a job has in common: its state and moment, its picture deleted unless it is dead, its callback noted."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select, update

from onelook.service.database import Database, storable
from onelook.service.jobs.counts import Moves, moved
from onelook.service.jobs.job import Fault, JobState
from onelook.service.schema import Record, callbacks, jobs, uploads
from onelook.service.settings import ServiceSettings


def end(
    connection: Connection,
    database: Database,
    settings: ServiceSettings,
    rows: Sequence[Record],
    state: JobState,
    faults: Mapping[str, Fault],
) -> Moves:
    """End jobs in `state` and return the moves, for `shift`; no rows give none.

    The rows are whole rows of `jobs`, and held by this transaction. `faults` says why, by id.
    """
    now: float = connection.execute(select(database.now())).scalar_one() if rows else 0.0
    together: dict[Fault | None, list[int]] = {}
    for row in rows:
        together.setdefault(faults.get(row.id), []).append(row.seq)
    for fault, seqs in together.items():
        values = {
            "state": state,
            "finished_at": now,
            "due": now + settings.result_ttl,
            "error_code": fault.code if fault else None,
            "error_detail": storable(fault.detail) if fault else None,
        }
        connection.execute(update(jobs).where(jobs.c.seq.in_(seqs)).values(**values))
    pictures = [row.id for row in rows if row.url is None and state != "dead"]  # a dead one may be tried again
    if pictures:
        connection.execute(delete(uploads).where(uploads.c.job_id.in_(pictures)))
    notes = [
        {"job_id": row.id, "url": row.callback, "attempt": 0, "due": now} for row in rows if row.callback is not None
    ]
    if notes:
        connection.execute(insert(callbacks), notes)
    return moved([(row.client_id, row.model, row.state) for row in rows], state)
