"""A flood of 3,000 jobs and 19 quiet clients: who waits how long, and how often are models loaded, beside first-in-first-out?

    .venv/bin/python benchmarks/service_fairness.py [--workers 1] [--quick]

Every job goes through the store's own transactions, on SQLite; only the model's time is counted instead of slept, so that the
figures do not depend on what else the machine does. As measured for a model of 250 MB: 50 ms a picture, 1 s to load, four models
loaded at once. The control is the same run with the queues in the order of their oldest job. A second run has four clients that
always have jobs, with weights of 1 to 4.
"""

import argparse
import heapq
import os
import random
import sys
import tempfile
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from onelook.service.clients import Client, add_client
from onelook.service.database import open_database
from onelook.service.jobs.claim import Order, Taker, claim
from onelook.service.jobs.finish import Outcome, finish
from onelook.service.jobs.job import Accepted, ClaimedJob, Fault, NewJob, Submission
from onelook.service.jobs.submit import submit
from onelook.service.migrations import migrate
from onelook.service.scheduler import Queue
from onelook.service.schema import TO_TAKE, jobs
from onelook.service.settings import ServiceSettings
from onelook.service.workers import Here, register

PICTURE, LOAD, CACHED = 0.05, 1.0, 4
"""Seconds a picture, seconds to load a model, models that a worker has loaded."""
FLOOD, QUIET, EACH = 3000, 19, 10


def main() -> None:
    """Run both orders and the weights, record; exit 1 when a bar is not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="a tenth of the jobs; records and judges nothing")
    chosen = parser.parse_args()
    from record import record

    load = os.getloadavg()
    measured = measure(chosen.workers, chosen.seed, 10 if chosen.quick else 1)
    if chosen.quick:  # too short for the bars
        print(measured)
        return
    record(f"service_fairness_{chosen.workers}", load, measured)
    if not all(measured["reached"].values()):
        sys.exit(1)


def measure(workers: int, seed: int, shorter: int = 1) -> dict[str, Any]:
    """Return the waits and loads of both orders, and the shares by weight."""
    settings = ServiceSettings(steal_after=0)
    flood = FLOOD // shorter
    plan = quiet_moments(seed, flood * PICTURE / workers)
    fair = play(settings, workers, flood, plan, None)
    fifo = play(settings, workers, flood, plan, first_in_first_out)
    shares = weights(settings, workers, flood // 4)
    worst = max(abs(each["share"] / each["weight"] - 1) for each in shares.values())
    return {
        "workers": workers,
        "flood": flood,
        "quiet_clients": QUIET,
        "quiet_jobs": sum(map(len, plan)),
        "fair": fair,
        "first_in_first_out": fifo,
        "quiet_p95_ratio": round(fair["quiet_p95"] / fifo["quiet_p95"], 3),
        "shares": shares,
        "worst_share_off": round(worst, 4),
        "reached": {
            "quiet p95 below half": fair["quiet_p95"] < fifo["quiet_p95"] / 2,
            "shares within a tenth": worst <= 0.1,
            "loads within the bound": fair["loads"] <= fair["bound_of_loads"],
        },
    }


def quiet_moments(seed: int, seconds: float) -> list[list[float]]:
    """Return for each quiet client when it sends a job: EACH times, anywhere in the first `seconds`."""
    draw = random.Random(seed)
    return [sorted(draw.uniform(0, seconds) for _ in range(EACH)) for _ in range(QUIET)]


@dataclass
class Played:
    """A worker whose time is counted: when it is free again, and what it has loaded."""

    name: str
    free_at: float = 0.0
    loaded: OrderedDict[str, None] = field(default_factory=OrderedDict)
    loads: int = 0

    def work(self, client_id: str, count: int) -> float:
        """Return the seconds that a batch takes, with the model's loading where it is not there."""
        seconds = count * PICTURE
        if client_id in self.loaded:
            self.loaded.move_to_end(client_id)
        else:
            self.loads += 1
            seconds += LOAD
            self.loaded[client_id] = None
            if len(self.loaded) > CACHED:
                self.loaded.popitem(last=False)
        return seconds


class Stage:
    """A store of its own, with workers whose time is counted."""

    def __init__(self, folder: Path, settings: ServiceSettings, workers: int, order: Order | None) -> None:
        self.database = open_database(f"sqlite:///{folder / 'onelook.db'}")
        migrate(self.database)
        self.settings, self.order = settings, order
        self.workers = [Played(f"w{number}") for number in range(workers)]
        for worker in self.workers:
            register(self.database, ServiceSettings(lease=3600), Here(worker.name, "host", 1, ""))
        self.arrived: dict[str, float] = {}
        self.waits: dict[str, list[float]] = {}
        self.served: Counter[str] = Counter()
        self.emptied: Counter[str] = Counter()
        self.open: Counter[str] = Counter()

    def client(self, name: str, weight: float = 1.0) -> Client:
        """Return a new client."""
        return add_client(self.database, name, weight, max_waiting=1_000_000)

    def send(self, client: Client, count: int, now: float) -> None:
        """Let a client send jobs now."""
        new = tuple(NewJob(url="http://example.org/1.jpg") for _ in range(count))
        (accepted,) = submit(self.database, [Submission(client.id, new)], self.settings)
        assert isinstance(accepted, Accepted)
        self.arrived.update(dict.fromkeys(accepted.job_ids, now))
        self.open[client.id] += count

    def turn(self, worker: Played, now: float) -> bool:
        """Let a worker take a batch now; return whether there was one."""
        taker = Taker(worker.name, lambda client_id, model: client_id in worker.loaded)
        taken = claim(self.database, self.settings, taker, self.order)
        if not taken:
            return False
        self._note(taken, now)
        worker.free_at = now + worker.work(taken[0].client_id, len(taken))
        fault = Fault("counted", "no picture was looked at")
        finish(self.database, self.settings, worker.name, [Outcome(job.id, job.attempt, fault=fault) for job in taken])
        return True

    def _note(self, taken: Sequence[ClaimedJob], now: float) -> None:
        client_id = taken[0].client_id
        self.waits.setdefault(client_id, []).extend(now - self.arrived[job.id] for job in taken)
        self.served[client_id] += len(taken)
        self.open[client_id] -= len(taken)
        self.emptied[client_id] += not self.open[client_id]


def play(
    settings: ServiceSettings, workers: int, flood: int, plan: list[list[float]], order: Order | None
) -> dict[str, Any]:
    """Return how long the quiet clients waited, and how often models were loaded."""
    with tempfile.TemporaryDirectory() as name:
        stage = Stage(Path(name), settings, workers, order)
        big = stage.client("flood")
        quiet = [stage.client(f"quiet {number}") for number in range(QUIET)]
        stage.send(big, flood, 0.0)
        coming = [(moment, number) for number, moments in enumerate(plan) for moment in moments]
        heapq.heapify(coming)
        while coming or +stage.open:
            worker = min(stage.workers, key=lambda each: each.free_at)
            now = worker.free_at
            while coming and coming[0][0] <= now:
                moment, number = heapq.heappop(coming)
                stage.send(quiet[number], 1, moment)
            if not stage.turn(worker, now):
                worker.free_at = coming[0][0] if coming else now + PICTURE
        waits = np.array([wait for each in quiet for wait in stage.waits[each.id]])
        bound = workers * (
            1 + sum(count / settings.affinity + stage.emptied[each] for each, count in stage.served.items())
        )
        stage.database.close()
    return {
        "quiet_p50": round(float(np.quantile(waits, 0.5)), 2),
        "quiet_p95": round(float(np.quantile(waits, 0.95)), 2),
        "quiet_worst": round(float(waits.max()), 2),
        "flood_last": round(max(stage.waits[big.id]), 2),
        "loads": sum(worker.loads for worker in stage.workers),
        "bound_of_loads": int(bound),
    }


def weights(settings: ServiceSettings, workers: int, each: int) -> dict[str, dict[str, float]]:
    """Return the share of each of four clients that always have jobs, beside its share of the weights."""
    with tempfile.TemporaryDirectory() as name:
        stage = Stage(Path(name), settings, workers, None)
        clients = [stage.client(f"weight {weight}", weight) for weight in (1, 2, 3, 4)]
        for client in clients:
            stage.send(client, int(each * client.weight), 0.0)
        while all(stage.open[client.id] for client in clients):
            worker = min(stage.workers, key=lambda each: each.free_at)
            stage.turn(worker, worker.free_at)
        total = sum(stage.served.values())
        stage.database.close()
    whole = sum(client.weight for client in clients)
    return {
        client.name: {"share": round(stage.served[client.id] / total, 4), "weight": client.weight / whole}
        for client in clients
    }


def first_in_first_out(connection: Connection, queues: Sequence[Queue]) -> list[Queue]:
    """Return the queues by their oldest job, whoever sent it: the control."""
    oldest = select(jobs.c.client_id, jobs.c.model, func.min(jobs.c.seq)).where(TO_TAKE)
    found = connection.execute(oldest.group_by(jobs.c.client_id, jobs.c.model))
    first = {(client_id, model): seq for client_id, model, seq in found}
    return sorted(queues, key=lambda queue: first[queue.client_id, queue.model])


if __name__ == "__main__":
    main()
