"""Versions promoted and rolled back over HTTP while jobs flow: does one fail, is one mixed, is the old one begun with too late?

    .venv/bin/python benchmarks/service_swap.py [--seconds 60] [--workers 4] [--database sqlite|postgresql]

Two versions of one detector differ in their classes' names, so that what a result says of its version can be held against what
it found. Every job and every answer at once is sent by a client that notes when; a version that was replaced may be seen by what
was sent up to `model_refresh` seconds after the answer to the promotion, and by nothing that was sent later.
"""

import argparse
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from service_http import photograph, served, small_model

from onelook.inference.loading import load
from onelook.service.client import Service
from onelook.service.messages import ResultAnswer
from onelook.structures.bundle import write_bundle

MODEL = "swapped"
SWAPS = 3
TOGETHER = 8
"""Pictures of one request."""


@dataclass(frozen=True)
class Served:
    """A version that was put into use: between when that was asked for and when it was answered."""

    version: str
    asked: float
    answered: float


@dataclass
class Seen:
    """What came of everything that was sent; lists that threads add to."""

    jobs: list[tuple[float, float, str]] = field(default_factory=list)
    """When each was sent, when its end was known, and its version."""
    states: Counter[str] = field(default_factory=Counter)
    mixed: int = 0
    direct: int = 0
    faults: list[str] = field(default_factory=list)

    def note(self, sent: float, result: ResultAnswer, classes: dict[str, str]) -> None:
        """Add a result; `classes` gives the version by the name of a class."""
        version = result.model_version.rpartition("@")[2]
        by_class = {classes[found.name] for found in result.detections or ()}
        self.mixed += by_class != {version}
        self.jobs.append((sent, time.monotonic(), version))


def main() -> None:
    """Swap under load, record; exit 1 when a job failed, was mixed or came from the old version too late."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--refresh", type=float, default=0.5, help="service.model_refresh, seconds")
    chosen = parser.parse_args()
    from record import record

    before = os.getloadavg()
    setting = f"service.model_refresh={chosen.refresh}"
    with served(chosen.database, chosen.workers, setting) as (address, key, folder, _):
        measured = swap(address, key, folder, chosen.seconds, chosen.refresh)
    record(f"service_swap_{chosen.database}", before, {"workers": chosen.workers, **measured})
    if not measured["held"]:
        sys.exit(1)


def swap(
    address: str, key: str, folder: Path, seconds: float, refresh: float, least: int = 32, every: float = 1.5
) -> dict[str, Any]:
    """Return what was seen while versions were swapped for `seconds`, SWAPS times at least, on a service with that `model_refresh`.

    Each is in use for `every` so many seconds, and until `least` pictures were looked at.
    """
    picture = photograph((160, 160))
    threshold = _threshold(picture)
    seen, ended = Seen(), threading.Event()
    with Service(address, key) as service:
        versions, classes = _published(service, folder)
        service.detect(picture, MODEL)  # from here on a worker lives

        def jobs() -> None:
            sent = time.monotonic()
            for id_ in service.post([picture] * TOGETHER, MODEL, threshold):
                job = service.job(id_, wait=60)
                seen.states[job.state] += 1
                if job.result is not None:
                    seen.note(sent, job.result, classes)

        def at_once() -> None:
            sent = time.monotonic()
            seen.note(sent, service.detect(picture, MODEL, threshold), classes)
            seen.direct += 1

        threads = [threading.Thread(target=_again, args=(work, ended, seen)) for work in (jobs, jobs, at_once)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            swaps = _swapped(service, versions, seen, began + seconds, every, least)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
    return told(seen, swaps, refresh, time.monotonic() - began)


def told(seen: Seen, swaps: Sequence[Served], refresh: float, seconds: float) -> dict[str, Any]:
    """Return the figures: `decided` are those that only one version may have looked at, `late` those that another did."""
    allowed = [_allowed(swaps, sent, end, refresh) for sent, end, _ in seen.jobs]
    late = sum(version not in may for (_, _, version), may in zip(seen.jobs, allowed, strict=True))
    failed = sum(count for state, count in seen.states.items() if state != "done") + len(seen.faults)
    return {
        "seconds": round(seconds, 1),
        "swaps": len(swaps) - 1,
        "jobs": sum(seen.states.values()),
        "at_once": seen.direct,
        "decided": sum(len(may) == 1 for may in allowed),
        "versions": dict(Counter(version for _, _, version in seen.jobs)),
        "failed": failed,
        "faults": seen.faults[:5],
        "mixed": seen.mixed,
        "late": late,
        "bound_seconds": refresh,
        "held": not (failed or seen.mixed or late) and len(swaps) > 1,
    }


def _allowed(swaps: Sequence[Served], sent: float, end: float, refresh: float) -> set[str]:
    """Return the versions that may have looked at what was sent and ended then."""
    in_use = max(number for number, each in enumerate(swaps) if each.answered + refresh <= sent or number == 0)
    return {each.version for each in swaps[in_use:] if each.asked <= end}


def _again(work: Callable[[], None], ended: threading.Event, seen: Seen) -> None:
    """Do `work` until the end; what is refused or breaks off is noted."""
    while not ended.is_set():
        try:
            work()
        except Exception as error:
            seen.faults.append(f"{type(error).__name__}: {error}")
            time.sleep(0.1)


def _swapped(
    service: Service, versions: Sequence[str], seen: Seen, until: float, every: float, least: int
) -> list[Served]:
    """Return what was put into use and when: the second version by a promotion, the first again by a roll-back, and so on."""
    swaps = [Served(versions[0], 0.0, 0.0)]
    while time.monotonic() < until or len(swaps) <= SWAPS:
        count = len(seen.jobs)
        time.sleep(every)
        while len(seen.jobs) < count + least and not seen.faults:
            time.sleep(0.01)
        asked, number = time.monotonic(), len(swaps) % 2
        pointer = service.promote(MODEL, versions[1]) if number else service.roll_back(MODEL)
        assert pointer.current == versions[number]
        swaps.append(Served(versions[number], asked, time.monotonic()))
    return swaps


def _published(service: Service, folder: Path) -> tuple[list[str], dict[str, str]]:
    """Return two versions, of which the first is in use, and which of them each class is of."""
    versions, classes = [], {}
    for letter in "ab":
        names = (f"{letter} red", f"{letter} white")
        write_bundle(folder / letter, replace(small_model(), names=names))
        versions.append(service.publish(MODEL, folder / letter, promote=letter == "a").version)
        classes.update(dict.fromkeys(names, versions[-1]))
    return versions, classes


def _threshold(picture: bytes) -> float:
    """Return a least score by which the model finds something on the picture, and not much."""
    scores = load(small_model(), threads=1).predict(picture, 0.0).scores
    return round(float(scores.max()) * 0.98, 4)


if __name__ == "__main__":
    main()
