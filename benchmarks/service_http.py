"""How fast the service's HTTP side is, each figure beside a control of the same run.

    .venv/bin/python benchmarks/service_http.py [--seconds 5] [--database sqlite|postgresql] [accept] [detect] [path]

`accept`: jobs accepted a second at 32 connections, each answered when it is durable; beside it 32 threads that have
such rows appended to one file and synced to the disk, grouped as they come, and single syncs one after the other.
`detect`: requests a second to /v1/detect on a network of about a millisecond, beside the bare model on the same file.
`path`: seconds an image of one worker on batches of 16, in turns with the bare model (Tiny-YOLOv3 where there is one).
"""

import argparse
import asyncio
import io
import os
import queue
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as Pillow
from postgres import running
from record import SHARED, record

from onelook.inference.loading import load
from onelook.service.client import Service
from onelook.service.messages import JobAnswer
from onelook.structures.bundle import Bundle, BundleSettings, find_model, write_bundle
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.layers import describe

CONNECTIONS = 32
BATCH, BATCHES, TURNS = 16, 3, 7
JOB = b'{"url":"https://archive.example/pictures/0001.jpg"}'
ROW = 400
"""Bytes of a job's row with its share of the indexes, about."""
CFG = """[net]
width=160
height=160
channels=3
[convolutional]
batch_normalize=1
filters=16
size=3
stride=4
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=32
size=3
stride=2
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


def small_model() -> Bundle:
    """Return a network of about a millisecond that sees nothing above 0.9."""
    cfg = parse_cfg(CFG, "small.cfg")
    rng = np.random.default_rng(0)
    arrays = {
        f"{layer.index}.{name}": np.full(shape, 1, np.float32)
        if name == "rolling_variance"
        else rng.normal(0, 0.05, shape).astype(np.float32)
        for layer in describe(cfg)
        for name, shape in layer.arrays
    }
    return Bundle(cfg, ("red", "white"), arrays, BundleSettings(160, 160, score=0.9))


def photograph(size: tuple[int, int]) -> bytes:
    """Return a JPEG of smooth noise."""
    noise = np.random.default_rng(1).integers(0, 256, (12, 16, 3), np.uint8)
    file = io.BytesIO()
    Pillow.fromarray(noise).resize(size, Pillow.Resampling.BICUBIC).save(file, "JPEG", quality=85)
    return file.getvalue()


@contextmanager
def served(database: str, workers: int, *settings: str) -> Iterator[tuple[str, str, Path, int]]:
    """Give the address and the administrator's key of a service in a new folder, the folder, and the API's process.

    `database` is `sqlite`, or `postgresql` for a server of its own; `settings` are `table.key=value`.
    """
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(dir=Path.cwd())))
        words = ["serve", "--port", "0", "--workers", str(workers), "--set", "http.most_trainings=0"]
        words += [word for setting in ("service.max_waiting=100000000", *settings) for word in ("--set", setting)]
        if database == "postgresql":
            words += ["--database", opened.enter_context(running()).url]
        log = opened.enter_context((folder / "log").open("w"))
        process = subprocess.Popen(
            [sys.executable, "-m", "onelook", *words], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
        )
        opened.callback(process.wait)
        opened.callback(process.terminate)
        assert process.stdout is not None
        opened.enter_context(process.stdout)
        told = [process.stdout.readline().strip() for _ in range(3)]  # the second signs a browser in
        if not told[2]:
            raise SystemExit(f"the service did not start: {(folder / 'log').read_text()}")
        yield told[2], told[0].split()[-1], folder, process.pid


def processor_seconds(process: int) -> float:
    """Return the processor time that a process has taken, its threads included."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _one(host: str, port: int, request: bytes, until: float, seconds: list[float], status: bytes) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while (began := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 " + status):
            raise SystemExit(f"expected {status.decode()}, got {head.decode()}")
        await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split(b"\r\n", 1)[0]))
        seconds.append(time.perf_counter() - began)
    writer.close()


def load_on(
    address: str, key: str, path: str, kind: str, body: bytes, status: int, duration: float, process: int
) -> dict[str, float]:
    """Return the rate, and the seconds of the answers, under CONNECTIONS connections; a second of warming up is left out."""
    host, _, port = address.removeprefix("http://").rpartition(":")
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Type: {kind}\r\n"
    request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def run(how_long: float) -> tuple[list[float], float]:
        seconds: list[float] = []
        began = time.perf_counter()
        ones = (
            _one(host, int(port), request, began + how_long, seconds, str(status).encode()) for _ in range(CONNECTIONS)
        )
        await asyncio.gather(*ones)
        return seconds, time.perf_counter() - began

    asyncio.run(run(1))
    before = processor_seconds(process)
    seconds, took = asyncio.run(run(duration))
    return {
        "api_processor_ms_each": round((processor_seconds(process) - before) / len(seconds) * 1000, 3),
        "a_second": round(len(seconds) / took, 1),
        "p50_ms": round(float(np.percentile(seconds, 50)) * 1000, 2),
        "p99_ms": round(float(np.percentile(seconds, 99)) * 1000, 2),
    }


def synced_together(duration: float) -> float:
    """Return how many rows a second 32 threads get appended and synced, grouped as they come."""
    waiting: queue.SimpleQueue[threading.Event] = queue.SimpleQueue()
    until, count = time.perf_counter() + duration, 0

    def ask() -> None:
        while time.perf_counter() < until:
            done = threading.Event()
            waiting.put(done)
            done.wait()

    threads = [threading.Thread(target=ask) for _ in range(CONNECTIONS)]
    with tempfile.NamedTemporaryFile(dir=Path.cwd()) as file:
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            try:
                group = [waiting.get(timeout=0.1)]
            except queue.Empty:
                continue
            while not waiting.empty():
                group.append(waiting.get())
            file.write(bytes(ROW * len(group)))
            file.flush()
            os.fsync(file.fileno())
            count += len(group)
            for done in group:
                done.set()
    return count / duration


def synced_singly(duration: float) -> float:
    """Return how many syncs a second one thread makes, one after the other."""
    count, until = 0, time.perf_counter() + duration
    with tempfile.NamedTemporaryFile(dir=Path.cwd()) as file:
        while time.perf_counter() < until:
            file.write(bytes(ROW))
            file.flush()
            os.fsync(file.fileno())
            count += 1
    return count / duration


def accept(duration: float, database: str) -> dict[str, Any]:
    """Measure how many jobs are accepted a second."""
    before = synced_together(2)
    with served(database, 0) as (address, key, folder, process):
        write_bundle(folder / "bundle", small_model())
        with Service(address, key) as service:
            service.publish("default", folder / "bundle")
            service._http.patch(f"/v1/clients/{service.whoami().client.id}", json={"max_waiting": 10_000_000})
        time.sleep(6)  # what the API remembers of the client
        found = load_on(address, key, "/v1/jobs", "application/json", JOB, 202, duration, process)
    control = (before + synced_together(2)) / 2
    return {
        **found,
        "control_rows_synced_together_a_second": round(control, 1),
        "control_single_syncs_a_second": round(synced_singly(1), 1),
        "ratio_to_control": round(found["a_second"] / control, 3),
    }


def seconds_of(work: Callable[[], object], duration: float) -> float:
    """Return the mean seconds of one call."""
    work()
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < duration:
        work()
        count += 1
    return (time.perf_counter() - began) / count


def detect(duration: float, database: str) -> dict[str, Any]:
    """Measure requests a second for an answer at once."""
    bundle, picture = small_model(), photograph((160, 160))
    model = load(bundle, threads=1)
    bare = seconds_of(lambda: model.predict(picture), 2)
    with served(database, 1, "http.most_direct=1000") as (address, key, folder, process):
        write_bundle(folder / "bundle", bundle)
        with Service(address, key) as service:
            service.publish("default", folder / "bundle")
            service.detect(picture)
        found = load_on(address, key, "/v1/detect", "image/jpeg", picture, 200, duration, process)
    bare = (bare + seconds_of(lambda: model.predict(picture), 2)) / 2
    return {
        **found,
        "control_bare_model_ms": round(bare * 1000, 3),
        "ratio_to_bare": round(found["a_second"] * bare, 3),
    }


def path(duration: float, database: str) -> dict[str, Any]:
    """Measure what the way through the service costs beside the model."""
    weights = SHARED / "weights" / "yolov3-tiny"
    bundle = find_model(weights) if weights.is_dir() else small_model()
    picture = photograph((640, 480))
    model = load(bundle, threads=1)
    bare, through, states = [], [], set()
    with served(database, 1) as (address, key, folder, _):
        write_bundle(folder / "bundle", bundle)
        with Service(address, key) as service:
            service.publish("default", folder / "bundle")
            for _ in range(TURNS + 1):
                jobs = through_service(service, [picture] * BATCH * BATCHES)
                states |= {job.state for job in jobs}
                began = min(job.started_at.timestamp() for job in jobs if job.started_at)
                ended = max(job.finished_at.timestamp() for job in jobs if job.finished_at)
                through.append((ended - began) / len(jobs))
                bare.append(seconds_of(lambda: model.predict(picture), duration / 2))
    ratios = [one / other for one, other in zip(through[1:], bare[1:], strict=True)]  # the first turn warms up
    return {
        "model": "yolov3-tiny" if weights.is_dir() else "small",
        "states": sorted(states),
        "ms_an_image": round(statistics.median(through[1:]) * 1000, 2),
        "control_bare_model_ms": round(statistics.median(bare[1:]) * 1000, 2),
        "overhead_of_each_turn": [round(ratio - 1, 3) for ratio in ratios],
        "overhead": round(statistics.median(ratios) - 1, 3),
    }


def through_service(service: Service, pictures: list[bytes]) -> list[JobAnswer]:
    """Return the jobs of these pictures once all have ended."""
    return [service.job(id_, wait=600) for id_ in service.post(pictures)]


def main() -> None:
    """Measure what is asked for and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = {"accept": accept, "detect": detect, "path": path}
    parser.add_argument("what", nargs="*", choices=[[], *kinds], default=[])
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = parser.parse_args()
    before = os.getloadavg()
    measured = {name: kinds[name](given.seconds, given.database) for name in given.what or kinds}
    record(f"service_http_{given.database}", before, {"connections": CONNECTIONS, **measured})


if __name__ == "__main__":
    main()
