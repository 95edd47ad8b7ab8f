"""Kills and stops workers, the accepting process and the database server at random, under load: has every job exactly one result?

    .venv/bin/python benchmarks/service_faults.py [--database sqlite|postgresql] [--jobs 10000] [--workers 4] [--seed 0]

The workers are real ones with a small model, forked from a process that has loaded what they need, since starting takes most of the
time. A job counts as accepted when the accepting process had its id from the store and wrote it into a file; that process is killed
too, and what it had accepted and did not live to write down counts as well. Every moment is drawn. A worker is stopped for longer
than its lease and goes on; what it then tries to write must be refused.
"""

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from sqlalchemy import func, select

from onelook.service.clients import add_client, list_clients
from onelook.service.database import Database, DatabaseDownError, open_database
from onelook.service.jobs.job import FINAL, NewJob, Submission
from onelook.service.jobs.listing import numbers
from onelook.service.jobs.submit import Submitter
from onelook.service.migrations import migrate
from onelook.service.models.store import open_store, promote, publish
from onelook.service.schema import jobs, results
from onelook.service.settings import ServiceSettings
from onelook.service.worker.run import run_worker
from onelook.structures.bundle import Bundle, BundleSettings, write_bundle
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.layers import describe

CFG = """[net]
width=64
height=64
channels=3
[convolutional]
filters=8
size=3
stride=4
pad=1
activation=leaky
[convolutional]
filters=14
size=1
activation=linear
[yolo]
mask=0,1
anchors=10,10, 24,24
classes=2
num=2
"""
CLIENTS = 10
TOGETHER = 50
"""Jobs that the accepting process sends before it looks at their ids."""
CALM_SECONDS = 120
"""Without any harm, for what is left at the end."""
FORK = multiprocessing.get_context("fork")


def main() -> None:
    """Run, count, record; exit 1 when a job was lost, done twice or written late."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=1800, help="give up after")
    parser.add_argument(
        "--gap", type=float, default=4, help="longest pause between two of the things that are done, seconds"
    )
    chosen = parser.parse_args()
    from record import record

    load = os.getloadavg()
    measured = on_a_database(chosen)
    record(f"service_faults_{chosen.database}", load, measured)
    if not measured["exactly_one_result_each"]:
        sys.exit(1)


def on_a_database(chosen: argparse.Namespace) -> dict[str, Any]:
    """Return what `measure` tells, on a database that is made for it and goes with it."""
    from postgres import Server, running

    with tempfile.TemporaryDirectory() as name:
        if chosen.database == "sqlite":
            return measure(Path(name), f"sqlite:///{name}/onelook.db", None, chosen)
        server: Server
        with running() as server:
            return measure(Path(name), server.url, server, chosen)


@dataclass
class Crew:
    """The processes that are killed and stopped, and how often that was done."""

    settings: ServiceSettings
    accepted: Path
    jobs: int
    server: Any
    draw: random.Random
    workers: list[BaseProcess] = field(default_factory=list)
    accepting: BaseProcess | None = None
    stopped: dict[int, float] = field(default_factory=dict)
    done: Counter[str] = field(default_factory=Counter)

    def keep(self, count: int) -> None:
        """Start what is missing, and let those go on whose stop is over."""
        for pid, until in list(self.stopped.items()):
            if time.monotonic() > until:
                del self.stopped[pid]
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
        self.workers = [worker for worker in self.workers if worker.is_alive()]
        while len(self.workers) < count:
            self.workers.append(started(work, self.settings))
        if self.accepting is None or not self.accepting.is_alive():
            self.accepting = started(accept, self.settings, self.accepted, self.jobs)

    def harm(self) -> None:
        """Do one of the things that happen, to one who is drawn."""
        ways = (
            ["kill worker"] * 4 + ["stop worker"] * 3 + ["kill accepting"] * 2 + ["kill database"] * bool(self.server)
        )
        way = self.draw.choice(ways)
        self.done[way] += 1
        if way == "kill database":
            self.server.kill()
            time.sleep(self.draw.uniform(0, 1))
            self.server.start()
        elif way == "kill accepting":
            assert self.accepting is not None
            self.accepting.kill()
        else:
            worker = self.draw.choice(self.workers)
            assert worker.pid is not None
            if way == "kill worker":
                os.kill(worker.pid, signal.SIGKILL)
            else:
                os.kill(worker.pid, signal.SIGSTOP)
                self.stopped[worker.pid] = time.monotonic() + self.settings.lease * self.draw.uniform(1.1, 2)

    def end(self) -> None:
        """Let everybody go on and end."""
        for worker in self.workers:
            with suppress(ProcessLookupError):
                os.kill(worker.pid or 0, signal.SIGCONT)
            worker.terminate()
        for process in [*self.workers, self.accepting]:
            if process is not None:
                process.join(20)
                process.kill()


def measure(folder: Path, url: str, server: Any, chosen: argparse.Namespace) -> dict[str, Any]:
    """Return what was done to whom, and what became of the jobs."""
    settings = ServiceSettings(
        database=url,
        models=str(folder / "models"),
        cache=folder / "cache",
        lease=3,
        max_attempts=100,
        database_patience=60,
        retry_delay=0.1,
    )
    made = started(prepare, folder, settings)  # in a process of its own: the store's threads do not live through a fork
    made.join()
    assert made.exitcode == 0
    crew = Crew(settings, folder / "accepted", chosen.jobs, server, random.Random(chosen.seed))
    began = time.monotonic()
    harm_at = began + 3
    while time.monotonic() - began < chosen.seconds:
        crew.keep(chosen.workers)
        time.sleep(0.05)
        if time.monotonic() > harm_at:
            crew.harm()
            harm_at = time.monotonic() + crew.draw.uniform(0.5, chosen.gap)
            count = ended(settings)
            print(f"{time.monotonic() - began:.0f} s: {count} ended, {dict(crew.done)}", file=sys.stderr)
            if count >= chosen.jobs and sum(crew.done.values()) > 3:
                break
    calm_until = time.monotonic() + CALM_SECONDS
    while ended(settings) < chosen.jobs and time.monotonic() < calm_until:
        crew.keep(chosen.workers)
        time.sleep(0.2)
    crew.end()
    return {
        **told(settings, crew.accepted, chosen),
        "seconds": round(time.monotonic() - began, 1),
        "harm": dict(crew.done),
    }


def told(settings: ServiceSettings, accepted: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """Return the counts of what is in the database and of what was promised."""
    database = open_database(settings.database, settings.database_patience)
    promised = set(accepted.read_text().split())
    with database.reading() as connection:
        rows = list(connection.execute(select(jobs.c.id, jobs.c.state, jobs.c.owner, jobs.c.attempt)))
        kept = {
            row.job_id: row for row in connection.execute(select(results.c.job_id, results.c.owner, results.c.attempt))
        }
        count = connection.execute(select(func.count()).select_from(results)).scalar_one()
    counted = Counter(row.state for row in rows)
    by_id = {row.id: row for row in rows}
    late = [id_ for id_, row in kept.items() if (row.owner, row.attempt) != (by_id[id_].owner, by_id[id_].attempt)]
    summed: Counter[str] = Counter()
    for each in numbers(database):
        summed.update(waiting=each.waiting, delayed=each.delayed, running=each.running, done=each.done)
    database.close()
    lost = promised - by_id.keys()
    return {
        "database": chosen.database,
        "workers": chosen.workers,
        "jobs": len(rows),
        "promised": len(promised),
        "lost": len(lost),
        "states": dict(counted),
        "results": count,
        "late_writes_accepted": len(late),
        "attempts": dict(sorted(Counter(row.attempt for row in rows).items())),
        "counts_agree": summed["done"] == counted["done"] and summed["waiting"] == summed["running"] == 0,
        "exactly_one_result_each": not lost and not late and counted["done"] == len(rows) == count == len(kept),
    }


def work(settings: ServiceSettings) -> None:
    """Be a worker until the end, again whenever the database was away for too long."""
    cv2.setNumThreads(1)
    while True:
        with suppress(DatabaseDownError):
            return run_worker(settings)


def accept(settings: ServiceSettings, accepted: Path, count: int) -> None:
    """Accept jobs until there are `count`, and write down the ids that were promised."""
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    picture = simplejpeg.encode_jpeg(image, quality=80)
    database = open_database(settings.database, settings.database_patience)
    submitter = Submitter(database, settings)
    clients = [client.id for client in list_clients(database)]
    draw = random.Random()
    with accepted.open("a") as file:
        while (left := count - jobs_there(database)) > 0:
            new = NewJob(upload=picture, threshold=0.99)
            asked = [Submission(draw.choice(clients), (new,)) for _ in range(min(TOGETHER, left))]
            for future in [submitter.submit(each) for each in asked]:
                file.write(future.result().job_ids[0] + "\n")
            file.flush()
    submitter.close()
    signal.pause()  # there is nothing more to do than to be killed


def jobs_there(database: Database) -> int:
    """Return how many jobs there are."""
    return database.read(lambda connection: connection.execute(select(func.count()).select_from(jobs)).scalar_one())


def ended(settings: ServiceSettings) -> int:
    """Return how many jobs have ended."""
    database = open_database(settings.database, settings.database_patience)
    asked = select(func.count()).select_from(jobs).where(jobs.c.state.in_(FINAL))
    count = database.read(lambda connection: connection.execute(asked).scalar_one())
    database.close()
    return count


def prepare(folder: Path, settings: ServiceSettings) -> None:
    """Make tables and clients, publish and promote a detector with seeded weights."""
    database = open_database(settings.database, settings.database_patience)
    migrate(database)
    for number in range(CLIENTS):
        add_client(database, f"client {number}", max_waiting=1_000_000)
    database.close()
    rng = np.random.default_rng(0)
    cfg = parse_cfg(CFG, "small.cfg")
    arrays = {
        f"{layer.index}.{name}": rng.normal(0, 1, shape).astype(np.float32)
        for layer in describe(cfg)
        for name, shape in layer.arrays
    }
    write_bundle(folder / "bundle", Bundle(cfg, ("one", "two"), arrays, BundleSettings(64, 64)))
    store = open_store(settings.models)
    promote(store, "shared", "default", publish(store, "shared", "default", folder / "bundle").version)


def started(target: Any, *words: Any) -> BaseProcess:
    """Return a forked process that does `target`."""
    process = FORK.Process(target=target, args=words, daemon=True)
    process.start()
    return process


if __name__ == "__main__":
    main()
