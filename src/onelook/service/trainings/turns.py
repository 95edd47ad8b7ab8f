"""When a training that waits is likely to begin and to end: by the pace of those that run, and by how long earlier ones took."""

import heapq
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from onelook.service.trainings.record import Kind, Training, all_trainings, progress_lines
from onelook.service.trainings.watching import seconds_left, steps_of


@dataclass(frozen=True)
class Turn:
    """Seconds from now until a training begins, 0 where it runs, and until it ends."""

    begins: float
    ends: float


def turns(root: Path, places: int) -> dict[str, Turn]:
    """Return the turn of every training, of all clients, that runs or waits, by id; `places` run at the same time.

    Where none of a kind has ended yet, one that waits is taken to need no time of its own.
    """
    known = all_trainings(root)
    usual: dict[Kind, float] = {kind: _usual(known, kind) for kind in ("training", "forecast")}
    running = {each.id: _left(root, each, usual[each.kind]) for each in known if each.state == "running"}
    free = [0.0] * max(places - len(running), 0 if running else 1) + list(running.values())
    heapq.heapify(free)
    found = {id_: Turn(0.0, left) for id_, left in running.items()}
    for training in (each for each in known if each.state == "waiting"):
        begins = heapq.heappop(free)
        found[training.id] = Turn(begins, begins + usual[training.kind])
        heapq.heappush(free, found[training.id].ends)
    return found


def _usual(known: Sequence[Training], kind: Kind) -> float:
    """Return the seconds that a training or a forecast usually takes; 0 where none has ended yet."""
    taken = [
        each.finished_at - each.started_at
        for each in known
        if each.kind == kind and each.state == "done" and each.finished_at and each.started_at
    ]
    return median(taken) if taken else 0.0


def _left(root: Path, training: Training, usual: float) -> float:
    """Return the seconds until a running training ends; one that tells no pace and is beyond the usual takes as long again."""
    told = seconds_left(progress_lines(root, training), steps_of(root, training))
    if told is not None:
        return told
    so_far = max(0.0, time.time() - (training.started_at or time.time()))
    return usual - so_far if usual > so_far else so_far
