"""The counts of each client's and model's jobs by state, kept by whoever moves a job, in the transaction that moves it.

Every transaction changes them last, in the order of their keys, so that on PostgreSQL two never wait for each other in a ring.
"""

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection, text

from onelook.service.jobs.job import STATES, JobState

Moves = Counter[tuple[str, str, str]]
"""How many jobs more there are, by client, model and state."""

_NAMES = ", ".join(STATES)
_VALUES = ", ".join(f":{state}" for state in STATES)
_SUMS = ", ".join(f"{state} = queues.{state} + excluded.{state}" for state in STATES)
_SHIFT = text(
    f"INSERT INTO queues (client_id, model, {_NAMES}) VALUES (:client_id, :model, {_VALUES})"
    f" ON CONFLICT (client_id, model) DO UPDATE SET {_SUMS}"
)


def moved(rows: Iterable[tuple[str, str, str]], to: JobState) -> Moves:
    """Return the moves of jobs, each given as client, model and the state it had, into the state `to`."""
    moves: Moves = Counter()
    for client_id, model, before in rows:
        moves[client_id, model, before] -= 1
        moves[client_id, model, to] += 1
    return moves


def shift(connection: Connection, moves: Moves) -> None:
    """Add the moves to the counts; none writes nothing."""
    queues = sorted({(client_id, model) for client_id, model, _ in moves})
    rows = [
        {"client_id": client_id, "model": model, **{state: moves[client_id, model, state] for state in STATES}}
        for client_id, model in queues
    ]
    if rows:
        connection.execute(_SHIFT, rows)
