"""Jobs accepted a second at 32 connections, each on the disk before it is answered, beside what the disk itself gives.

    .venv/bin/python benchmarks/service_accept.py [--seconds 5] [--connections 32] [--database sqlite|postgresql]

What is measured is the store: 32 threads that each send a job and wait for its id. The controls of the same run: a file that is
appended to and synced after each record by one writer, and the same by 32 threads whose waiting records are synced together,
which is what any store that keeps its word can reach at most. The disk of a shared machine may be 15 times faster in one hour
than in another, so what counts is the ratio to the second.
"""

import argparse
import os
import queue
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from onelook.service.clients import add_client
from onelook.service.database import open_database
from onelook.service.jobs.job import NewJob, Submission
from onelook.service.jobs.listing import numbers
from onelook.service.jobs.submit import Submitter
from onelook.service.migrations import migrate
from onelook.service.settings import ServiceSettings

RECORD = b"x" * 400
CLIENTS = 20


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    chosen = parser.parse_args()
    from postgres import running
    from record import record

    load = os.getloadavg()
    with tempfile.TemporaryDirectory(dir=Path(__file__).parent) as name:
        folder = Path(name)
        measured = {"connections": chosen.connections, "one_writer_syncs": round(one_by_one(folder, chosen.seconds))}
        measured["grouped_syncs"] = round(grouped(folder, chosen.seconds, chosen.connections))
        if chosen.database == "postgresql":
            with running() as server:
                measured["jobs"] = round(accepted(server.url, chosen.seconds, chosen.connections))
        else:
            measured["jobs"] = round(accepted(f"sqlite:///{folder}/onelook.db", chosen.seconds, chosen.connections))
    measured["ratio_to_grouped_syncs"] = round(measured["jobs"] / measured["grouped_syncs"], 3)
    measured["reached_1500"] = measured["jobs"] >= 1500
    record(f"service_accept_{chosen.database}", load, measured)


def accepted(url: str, seconds: float, connections: int) -> float:
    """Return the jobs that the store accepts a second."""
    database = open_database(url)
    migrate(database)
    settings = ServiceSettings(max_waiting=10_000_000)
    clients = [add_client(database, f"client {number}", max_waiting=10_000_000).id for number in range(CLIENTS)]
    submitter = Submitter(database, settings)
    new = (NewJob(url="http://example.org/a/picture/of/something.jpg"),)

    def send(number: int) -> None:
        submitter.submit(Submission(clients[number % CLIENTS], new)).result()

    rate = rate_of(send, seconds, connections)
    submitter.close()
    there = sum(row.waiting for row in numbers(database))
    database.close()
    assert there >= rate * seconds * 0.99, "what was accepted is there"
    return rate


def one_by_one(folder: Path, seconds: float) -> float:
    """Return how often one writer can append a record and sync it, a second."""
    with (folder / "one").open("ab", buffering=0) as file:

        def write(_number: int) -> None:
            file.write(RECORD)
            os.fdatasync(file.fileno())

        return rate_of(write, min(seconds, 2), 1)


def grouped(folder: Path, seconds: float, connections: int) -> float:
    """Return the records a second of threads whose waiting records are synced together."""
    waiting: queue.SimpleQueue[Future[None] | None] = queue.SimpleQueue()

    def sync() -> None:
        with (folder / "grouped").open("ab", buffering=0) as file:
            while (first := waiting.get()) is not None:
                group = [first]
                while not waiting.empty() and (more := waiting.get()) is not None:
                    group.append(more)
                file.write(RECORD * len(group))
                os.fdatasync(file.fileno())
                for future in group:
                    future.set_result(None)

    def write(_number: int) -> None:
        future: Future[None] = Future()
        waiting.put(future)
        future.result()

    thread = threading.Thread(target=sync)
    thread.start()
    rate = rate_of(write, seconds, connections)
    waiting.put(None)
    thread.join()
    return rate


def rate_of(call: Callable[[int], Any], seconds: float, threads: int) -> float:
    """Return the calls a second of `threads` threads, each waiting for its own."""
    counts = [0] * threads
    end = time.monotonic() + seconds

    def work(number: int) -> None:
        while time.monotonic() < end:
            call(number)
            counts[number] += 1

    began = time.monotonic()
    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.monotonic() - began)


if __name__ == "__main__":
    main()
