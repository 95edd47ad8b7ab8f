"""Whose jobs a worker takes next: weighted fair shares, loaded models first, every client at home with one worker.

Each client has a virtual time: the jobs that were taken of it, divided by its weight. A worker takes from the queue with the least

    virtual time + 0                 when the queue's model is loaded here
                 + affinity          when it would have to be loaded, and the client is at home here
                 + affinity + away   when it would have to be loaded, and the client is at home with another worker

so that no client is ever ahead of another that waits by more than affinity + away + a batch (docs/scheduler.md derives this, and
the bound of loads that follows). A client that comes back from idling starts at the least virtual time of the active ones: it
has saved up nothing. Start-time fair queueing: Goyal, Vin, Cheng, SIGCOMM 1996; rendezvous hashing: Thaler, Ravishankar, 1998.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Queue:
    """The waiting jobs of one client for one model, as one worker sees them."""

    client_id: str
    model: str
    virtual_time: float
    loaded: bool
    """Whether this worker has the model loaded."""
    home: bool
    """Whether the client is at home with this worker."""


def rank(queues: Iterable[Queue], affinity: float, away: float) -> list[Queue]:
    """Return the queues in the order in which a worker tries them; equals by client and model, so that the order is total."""

    def cost(queue: Queue) -> tuple[float, str, str]:
        penalty = 0.0 if queue.loaded else affinity if queue.home else affinity + away
        return queue.virtual_time + penalty, queue.client_id, queue.model

    return sorted(queues, key=cost)


def start_time(own: float, active: Sequence[float], latest: float) -> float:
    """Return the virtual time at which a client goes on that was idle.

    `active` are the times of the clients that have jobs now, `latest` the greatest of all clients: where nobody is active, who
    comes first starts there, so that it is not ahead of one that comes a moment later.
    """
    return max(own, min(active) if active else latest)


def charge(virtual_time: float, jobs: int, weight: float) -> float:
    """Return the virtual time after `jobs` jobs were taken of a client."""
    return virtual_time + jobs / weight


def home_of(client_id: str, workers: Iterable[str]) -> str | None:
    """Return the worker that is a client's home, None where there are no workers.

    By rendezvous hashing: when a worker goes, only its own clients move; when one comes, it takes an equal part of each other's.
    """
    return max(workers, key=lambda worker: (_draw(client_id, worker), worker), default=None)


def homes_of(client_id: str, workers: Iterable[str]) -> list[str]:
    """Return the workers in the order in which they would be a client's home if those before were gone."""
    return sorted(workers, key=lambda worker: (_draw(client_id, worker), worker), reverse=True)


@lru_cache(maxsize=1 << 16)
def _draw(client_id: str, worker: str) -> bytes:
    return hashlib.blake2b(f"{client_id}\0{worker}".encode(), digest_size=8).digest()
