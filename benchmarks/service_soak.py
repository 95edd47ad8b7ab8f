"""How much memory the service takes, by the minute, while jobs flow for an hour: API, workers and the decoders' processes.

    .venv/bin/python benchmarks/service_soak.py [--minutes 60] [--workers 2] [--database sqlite|postgresql]

Pictures of several sizes come in groups, one at once, some that break off and some by an address that is refused; every result is
looked at, lists are asked for. What has ended is forgotten after a minute, so that what is kept does not grow by itself. Memory is
what each process has for itself (USS): flat when no role grew by more than FLAT from the second third of the time to the last.
"""

import argparse
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import httpx2
import psutil
from service_http import photograph, served, small_model

from onelook.service.client import Service, ServiceError
from onelook.structures.bundle import write_bundle

MODEL = "soaked"
TOGETHER = 16
SENDERS = 2
FLAT, FLAT_MEGABYTES = 0.02, 2.0
"""Growth of a role's memory that still counts as none: a share of it, and megabytes beside that."""
ROLES = {"serve": "api", "worker": "workers", "onelook.service.decoding_child": "decoders"}
"""What a process is, by a word of its command."""


def main() -> None:
    """Soak, record; exit 1 when memory is not flat or a job failed that should not."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    chosen = parser.parse_args()
    from record import record

    before = os.getloadavg()
    with served(chosen.database, chosen.workers, "service.result_ttl=60") as (address, key, folder, process):
        samples = max(int(chosen.minutes), 12)
        measured = soak(address, key, process, folder, chosen.minutes * 60, samples)
    record(f"service_soak_{chosen.database}", before, {"workers": chosen.workers, **measured})
    if not measured["flat"] or measured["failed"]:
        sys.exit(1)


def soak(
    address: str, key: str, process: int, folder: Path, seconds: float, samples: int, least: int = 0
) -> dict[str, Any]:
    """Return the memory at `samples` moments, what was done, and whether memory was flat.

    It goes on for `seconds`, and until `least` jobs are done: no moment comes before its share of both.
    """
    counts: Counter[str] = Counter()
    ended = threading.Event()
    write_bundle(folder / "soaked", small_model())
    with Service(address, key) as service:
        service.publish(MODEL, folder / "soaked")
        service.detect(photograph((160, 160)), MODEL)
        threads = [threading.Thread(target=_send, args=(service, number, ended, counts)) for number in range(SENDERS)]
        for thread in threads:
            thread.start()
        began = time.monotonic()
        rows: list[dict[str, float]] = []
        try:
            for number in range(samples):
                time.sleep(max(0.0, began + seconds * (number + 1) / samples - time.monotonic()))
                while counts["done"] < least * (number + 1) / samples and not counts["unexpected"]:
                    time.sleep(0.05)
                rows.append({"seconds": round(time.monotonic() - began, 1), "jobs": counts["done"], **memory(process)})
        finally:
            ended.set()
            for thread in threads:
                thread.join()
    rate = counts["done"] / (time.monotonic() - began)
    return {
        **told(rows),
        "a_second": round(rate, 1),
        "failed": counts["unexpected"],
        "counts": dict(sorted(counts.items())),
        "samples": rows,
    }


def told(rows: list[dict[str, float]]) -> dict[str, Any]:
    """Return each role's growth from the median of the second third to that of the last, and whether that is none."""
    third = len(rows) // 3
    parts = rows[third : len(rows) - third], rows[len(rows) - third :]
    levels = {role: [median(row.get(role, 0.0) for row in part) for part in parts] for role in ROLES.values()}
    return {
        "growth_megabytes": {role: round(after - before, 2) for role, (before, after) in levels.items()},
        "flat": all(after <= before * (1 + FLAT) + FLAT_MEGABYTES for before, after in levels.values()),
    }


def _send(service: Service, number: int, ended: threading.Event, counts: Counter[str]) -> None:
    """Send groups of pictures and look at what becomes of them, until the end; every tenth time also what goes wrong."""
    pictures = [photograph(size) for size in ((160, 160), (320, 240), (640, 480))]
    turn = number
    while not ended.is_set():
        turn += 1
        try:
            _expect(service, service.post([pictures[turn % 3]] * TOGETHER, MODEL), "done", counts)
            service.detect(pictures[turn % 3], MODEL)
            counts["at once"] += 1
            if turn % 10 == 0:
                wrong: list[str | bytes] = ["http://127.0.0.1:9999/x.jpg", pictures[0][:-300]]
                _expect(service, service.post(wrong, MODEL), "failed", counts)
                counts["listed"] += next(service.jobs("failed")).state == "failed"
        except (ServiceError, httpx2.HTTPError, StopIteration) as error:
            counts["unexpected"] += 1
            print(f"{type(error).__name__}: {error}", file=sys.stderr)


def _expect(service: Service, ids: Sequence[str], state: str, counts: Counter[str]) -> None:
    """Wait for jobs to end, and count those that end in another state as unexpected."""
    for id_ in ids:
        job = service.job(id_, wait=60)
        counts[job.state if job.state == state else "unexpected"] += 1


def memory(process: int) -> dict[str, float]:
    """Return the megabytes that the processes of each role have for themselves, by role."""
    found: Counter[str] = Counter()
    parent = psutil.Process(process)
    for each in [parent, *parent.children(recursive=True)]:
        try:
            words, size = each.cmdline(), each.memory_full_info().uss
        except psutil.Error:
            continue  # it has ended meanwhile
        role = next((role for word, role in ROLES.items() if word in words), "others")
        found[role] += size / 1e6
    return {role: round(size, 2) for role, size in sorted(found.items())}


if __name__ == "__main__":
    main()
