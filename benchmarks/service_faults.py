"""Kills and stops workers, the API and the database server at random, under load: has every job exactly one result?

    .venv/bin/python benchmarks/service_faults.py [--database sqlite|postgresql] [--jobs 10000] [--workers 4] [--seed 0]

The workers are real ones with a small model, forked from a process that has loaded what they need, since starting takes most of
the time; the API is `onelook serve`, begun again on the same port. A client posts jobs over HTTP, many to a request, and sends a
request again, with its Idempotency-Key, until it is answered: what was answered is promised, and no request may make jobs twice.
Every moment is drawn. A worker is stopped for longer than its lease and goes on; what it then tries to write must be refused.
"""

import argparse
import multiprocessing
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import cv2
import httpx2
import numpy as np
import simplejpeg
from sqlalchemy import func, select

from onelook.service.client import Service, ServiceError
from onelook.service.clients import add_client, add_key
from onelook.service.database import DatabaseDownError, open_database
from onelook.service.jobs.job import FINAL
from onelook.service.jobs.listing import numbers
from onelook.service.migrations import migrate
from onelook.service.models.store import open_store, promote, publish
from onelook.service.schema import jobs, results
from onelook.service.settings import ServiceSettings
from onelook.service.worker.run import run_worker
from onelook.structures.bundle import Bundle, BundleSettings, write_bundle
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.layers import describe
from onelook.structures.settings import to_toml

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
TOGETHER = 10
"""Jobs of one request."""
HTTP = {"workers": 0, "most_trainings": 0}
"""Settings of the API: the workers are forked here."""
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
    folder: Path
    server: Any
    draw: random.Random
    workers: list[BaseProcess] = field(default_factory=list)
    api: subprocess.Popen[bytes] | None = None
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
        if self.api is None or self.api.poll() is not None:
            words = [sys.executable, "-m", "onelook", "serve", "--config", str(self.folder / "settings.toml")]
            with (self.folder / "log").open("a") as log:
                self.api = subprocess.Popen(words, cwd=self.folder, stdout=log, stderr=log)

    def harm(self) -> None:
        """Do one of the things that happen, to one who is drawn."""
        ways = ["kill worker"] * 4 + ["stop worker"] * 3 + ["kill API"] * 2 + ["kill database"] * bool(self.server)
        way = self.draw.choice(ways)
        self.done[way] += 1
        if way == "kill database":
            self.server.kill()
            time.sleep(self.draw.uniform(0, 1))
            self.server.start()
        elif way == "kill API":
            assert self.api is not None
            self.api.kill()
            self.api.wait()
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
        for worker in self.workers:
            worker.join(20)
            worker.kill()
        assert self.api is not None
        self.api.kill()
        self.api.wait()


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
    port = free_port()
    (folder / "settings.toml").write_text(to_toml({"service": asdict(settings), "http": {"port": port, **HTTP}}))
    made = started(prepare, folder, settings)  # in a process of its own: the store's threads do not live through a fork
    made.join()
    assert made.exitcode == 0
    crew = Crew(settings, folder, server, random.Random(chosen.seed))
    crew.keep(chosen.workers)
    posting = started(post, folder, f"http://127.0.0.1:{port}", chosen.jobs)
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
    posting.join(20)
    posting.kill()
    crew.end()
    return {
        **told(settings, folder / "accepted", chosen),
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
        "made_twice": len(rows) - len(promised),
        "states": dict(counted),
        "results": count,
        "late_writes_accepted": len(late),
        "attempts": dict(sorted(Counter(row.attempt for row in rows).items())),
        "counts_agree": summed["done"] == counted["done"] and summed["waiting"] == summed["running"] == 0,
        "exactly_one_result_each": not lost
        and not late
        and counted["done"] == len(rows) == count == len(kept) == len(promised) >= chosen.jobs,
    }


def work(settings: ServiceSettings) -> None:
    """Be a worker until the end, again whenever the database was away for too long."""
    cv2.setNumThreads(1)
    while True:
        with suppress(DatabaseDownError):
            return run_worker(settings)


def post(folder: Path, address: str, count: int) -> None:
    """Post `count` jobs, each request again and again until it is answered, and write down the ids that were promised."""
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    picture = simplejpeg.encode_jpeg(image, quality=80)
    draw = random.Random(0)
    services = [Service(address, key) for key in (folder / "keys").read_text().split()]
    with (folder / "accepted").open("w") as file:
        for number in range(-(-count // TOGETHER)):
            ids = until_answered(draw.choice(services), [picture] * TOGETHER, f"request {number}")
            file.write("".join(f"{id_}\n" for id_ in ids))
            file.flush()


def until_answered(service: Service, pictures: list[bytes], key: str) -> list[str]:
    """Return the ids of the jobs, whatever happens to the API meanwhile."""
    while True:
        try:
            return service.post(pictures, threshold=0.99, idempotency_key=key)
        except (httpx2.HTTPError, ServiceError):
            time.sleep(0.1)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


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
    secrets = []
    for number in range(CLIENTS):
        key = add_key(database, add_client(database, f"client {number}", max_waiting=1_000_000).id)
        assert key is not None
        secrets.append(key.secret)
    (folder / "keys").write_text("\n".join(secrets))
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
