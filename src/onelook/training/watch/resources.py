"""resources.jsonl: what a run takes of the machine, sampled beside it by one thread that sleeps."""

import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from onelook.training.forecast.process_memory import available_memory, tree_memory

EVERY = 5.0
"""Seconds between samples."""


class Gpus:
    """The graphics cards that this process may use, by NVIDIA's library; none where it is missing."""

    def __init__(self) -> None:
        self._cards: list[Any] = []
        try:
            import pynvml

            pynvml.nvmlInit()
            self._nvml = pynvml
            self._cards = _usable(pynvml, os.environ.get("CUDA_VISIBLE_DEVICES"))
        except ImportError:
            return
        except pynvml.NVMLError:
            return

    def read(self) -> list[dict[str, float | None]]:
        """Return for each card utilisation (%), memory and its total (bytes), temperature (°C) and power (W).

        What a card doesn't tell is None.
        """
        return [self._read(card) for card in self._cards]

    def _read(self, card: Any) -> dict[str, float | None]:
        nvml = self._nvml
        asked: dict[str, Callable[[], float]] = {
            "utilisation": lambda: nvml.nvmlDeviceGetUtilizationRates(card).gpu,
            "memory": lambda: nvml.nvmlDeviceGetMemoryInfo(card).used,
            "memory_total": lambda: nvml.nvmlDeviceGetMemoryInfo(card).total,
            "temperature": lambda: nvml.nvmlDeviceGetTemperature(card, nvml.NVML_TEMPERATURE_GPU),
            "power": lambda: nvml.nvmlDeviceGetPowerUsage(card) / 1000,
        }
        values: dict[str, float | None] = {}
        for name, ask in asked.items():
            try:
                values[name] = float(ask())
            except nvml.NVMLError:
                values[name] = None
        return values


def _usable(nvml: Any, visible: str | None) -> list[Any]:
    """Return the handles of the cards that CUDA_VISIBLE_DEVICES names, by numbers or UUIDs; None names all.

    As CUDA does, what comes behind a word that is no card is not looked at. Numbers are NVIDIA's library's, as CUDA has them under
    CUDA_DEVICE_ORDER=PCI_BUS_ID, and on a machine with cards of one kind.
    """
    cards = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
    if visible is None:
        return cards
    found: list[Any] = []
    for word in map(str.strip, visible.split(",")):
        if word.startswith("MIG-"):  # a slice of a card
            card = nvml.nvmlDeviceGetHandleByUUID(word)
        elif word.startswith("GPU-"):
            card = next((each for each in cards if nvml.nvmlDeviceGetUUID(each).startswith(word)), None)
        else:
            card = cards[int(word)] if word.isdecimal() and int(word) < len(cards) else None
        if card is None:
            break
        found.append(card)
    return found


class ResourceMonitor:
    """As a context, appends a line to `path` every few seconds; `step` tells the step at hand.

    A line holds `time`, `step`, `cpu` (% of each core), `cpu_run` (% of one core that the run's processes took), `memory` (bytes
    of the run's processes), `available` (bytes left to it), `disk_free`, `read` and `written` (bytes a second of the run's
    processes), `gpu` (a list of `utilisation`, `memory`, `memory_total`, `temperature`, `power`) and `sampling` (processor
    seconds of all samples).
    """

    def __init__(self, path: Path, step: Callable[[], int], every: float = EVERY) -> None:
        self.path, self.step, self.every = path, step, every
        self.peak = 0
        """Most bytes seen in a sample."""
        self.seconds = 0.0
        """Processor time that sampling took."""
        self._process, self._gpus = psutil.Process(), Gpus()
        self._before = (time.monotonic(), self._used())
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="resources", daemon=True)

    def __enter__(self) -> "ResourceMonitor":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        psutil.cpu_percent(percpu=True)  # a thread's first call only sets the point from which its next one counts
        while not self._end.wait(self.every):
            self._append()
        self._append()

    def _append(self) -> None:
        began = time.thread_time()
        try:
            line = self.sample()
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
        except (OSError, psutil.Error):
            return  # a full disk or a process that vanished must not end the run: it is only being watched
        finally:
            self.seconds += time.thread_time() - began

    def sample(self) -> dict[str, Any]:
        """Return what a line holds, rates since the sample before."""
        now, used = time.monotonic(), self._used()
        (then, before), self._before = self._before, (now, used)
        passed = max(now - then, 1e-3)
        cpu, read, written = (
            sum(each[kind] - before.get(number, _NONE)[kind] for number, each in used.items()) for kind in range(3)
        )
        memory = tree_memory(self._process)
        self.peak = max(self.peak, memory)
        return {
            "time": round(time.time(), 2),
            "step": self.step(),
            "cpu": psutil.cpu_percent(percpu=True),
            "cpu_run": round(100 * cpu / passed, 1),
            "memory": memory,
            "available": available_memory(),
            "disk_free": shutil.disk_usage(self.path.parent).free,
            "read": round(read / passed),
            "written": round(written / passed),
            "gpu": self._gpus.read(),
            "sampling": round(self.seconds, 4),
        }

    def _used(self) -> dict[int, tuple[float, int, int]]:
        """Return by process what it used so far: processor seconds, bytes read and bytes written."""
        used = {}
        for process in (self._process, *self._process.children(recursive=True)):
            try:
                times, counters = process.cpu_times(), process.io_counters()
            except (
                psutil.Error,
                AttributeError,
                NotImplementedError,
            ):  # ended, not allowed, or not told on this system
                continue
            used[process.pid] = (float(times.user + times.system), int(counters.read_bytes), int(counters.write_bytes))
        return used


_NONE = (0.0, 0, 0)
"""What a process used before it was first seen."""
