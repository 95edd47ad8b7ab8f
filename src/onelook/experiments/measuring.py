"""What a process and all that it begins take of the machine, watched from outside.

Processor time and disk are the kernel's own sums over the whole tree, told once when it has ended (wait4, as /usr/bin/time has
them). Memory is looked at as it goes: no kernel keeps the peak of a tree, and the one that wait4 tells of its largest process
counts in who began it. What is looked at often is the sum of resident pages, which is cheap but counts shared pages more than once;
an exact count is made where that sum has grown, the more seldom the older the tree is since it costs a walk through every process's
pages, and now and then.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import psutil

from onelook.experiments.outcome import Measured

BLOCK = 512
"""Bytes of what rusage counts on disks."""

EXACT_EVERY = 5.0
"""Seconds between exact counts where the sum is no new peak: a forked worker makes shared pages its own as it writes to them."""

GROWN, EXACT_APART = 1.02, 2.0
"""Growth of the sum from which it counts as a new peak, and the least seconds between two exact counts."""

MEMBERS_EVERY = 1.0
"""Seconds between two looks at who belongs to the tree: each goes through all processes of the machine."""

OF_AGE = 0.25
"""Share of the tree's age that these seconds are at most: what lives shortly is looked at closely."""


@dataclass(frozen=True)
class Ended:
    """How a process ended: its exit code, negative for a signal, and what it and all that it waited for took (seconds, bytes)."""

    code: int
    user: float
    system: float
    largest: int
    """Bytes that the largest of the processes had resident; by the kernel's counting at least what the one had that began it."""
    read: int
    written: int


class TreeWatch:
    """Watches the process `pid` and its descendants; `look` is called a few times a second."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.began = time.monotonic()
        self.peak = self.largest = 0
        self.temperature: float | None = None
        self.own_seconds = 0.0
        """Processor time that looking took."""
        self._cores = _core_times()
        self._resident = 0
        self._tree: list[psutil.Process] = []
        self._members_known_until = 0.0
        self._counted_at = -EXACT_EVERY

    def look(self) -> int:
        """Return the bytes that the tree has resident, 0 where it has ended."""
        began = time.thread_time()
        try:
            return self._look()
        finally:
            self.own_seconds += time.thread_time() - began

    def _look(self) -> int:
        processes = self._members()
        sizes = {}
        for process in processes:
            sizes[process], most = resident(process.pid)
            self.largest = max(self.largest, most)
        together, biggest = sum(sizes.values()), max(sizes.values(), default=0)
        self.peak = max(self.peak, biggest)
        now = time.monotonic()
        since, apart = now - self._counted_at, self._at_most(EXACT_APART)
        if since < apart or (together <= GROWN * self._resident and since < EXACT_EVERY):
            return min(together, self.peak)
        self._resident, self._counted_at = max(self._resident, together), now
        memory = _exact(sizes)
        self.peak = max(self.peak, memory)
        return memory

    def _members(self) -> list[psutil.Process]:
        """Return the tree's processes, as they were when that was last asked."""
        if time.monotonic() >= self._members_known_until:
            try:
                root = psutil.Process(self.pid)
                self._tree = [root, *root.children(recursive=True)]
            except psutil.Error:
                self._tree = []
            self._members_known_until = time.monotonic() + self._at_most(MEMBERS_EVERY)
            self.temperature = _hotter(self.temperature)
        return self._tree

    def _at_most(self, seconds: float) -> float:
        return min(seconds, OF_AGE * (time.monotonic() - self.began))

    def so_far(self) -> Measured:
        """Return what the tree has taken by now, for a row that must outlive this process."""
        began = time.thread_time()
        user = system = 0.0
        for process in self._members():
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            user += times.user + times.children_user
            system += times.system + times.children_system
        self.own_seconds += time.thread_time() - began
        return self._measured(user, system)

    def at_end(self, ended: Ended) -> Measured:
        """Return what the tree took, by the kernel's word."""
        if ended.largest > resident(os.getpid())[1]:
            self.largest = ended.largest
        return replace(
            self._measured(ended.user, ended.system),
            disk_read_bytes=ended.read,
            disk_written_bytes=ended.written,
        )

    def _measured(self, user: float, system: float) -> Measured:
        wall = time.monotonic() - self.began
        return Measured(
            wall,
            user,
            system,
            100 * (user + system) / wall if wall else None,
            max(self.peak, self.largest) or None,
            self.largest or None,
            measuring_seconds=self.own_seconds,
            cores_percent=_busy(self._cores, _core_times()),
            temperature=self.temperature,
        )


def wait_for(pid: int, block: bool = False) -> Ended | None:
    """Return how the child `pid` ended, None while it runs (unless `block`)."""
    ended, status, usage = os.wait4(pid, 0 if block else os.WNOHANG)
    if not ended:
        return None
    return Ended(
        os.waitstatus_to_exitcode(status),
        usage.ru_utime,
        usage.ru_stime,
        usage.ru_maxrss * 1024,
        usage.ru_inblock * BLOCK,
        usage.ru_oublock * BLOCK,
    )


def resident(pid: int) -> tuple[int, int]:
    """Return the bytes that a process has resident, and the most that it ever had; zeros where it is gone."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123 - many times a second: a Path costs as much again
            words = file.read().split()
        return _kilobytes(words, b"VmRSS:"), _kilobytes(words, b"VmHWM:")
    except (OSError, ValueError):  # gone, or a zombie, which has no memory
        return 0, 0


def _kilobytes(words: list[bytes], name: bytes) -> int:
    return 1024 * int(words[words.index(name) + 1])


def _exact(sizes: Mapping[psutil.Process, int]) -> int:
    """Return the bytes of the largest process, and what is each other one's alone: what they share is counted once."""
    if not sizes:
        return 0
    largest = max(sizes, key=lambda process: sizes[process])
    total = sizes[largest]
    for process in sizes:
        if process is not largest and sizes[process]:
            try:
                total += int(process.memory_full_info().uss)
            except psutil.Error:
                continue
    return total


def added(before: Measured | None, part: Measured) -> Measured:
    """Return what two parts of a run took together: sums, peaks, and for what is a mean the mean over their wall time."""
    if before is None:
        return part
    wall = before.wall_seconds + part.wall_seconds
    sums = {name: _both(getattr(before, name), getattr(part, name), sum) for name in _SUMS}
    peaks = {name: _both(getattr(before, name), getattr(part, name), max) for name in _PEAKS}
    busy = (sums["user_seconds"] or 0.0) + (sums["system_seconds"] or 0.0)
    return replace(
        part,
        **sums,
        **peaks,
        cpu_percent=100 * busy / wall if wall and busy else None,
        cores_percent=_mean_cores(before, part),
    )


def _mean_cores(before: Measured, part: Measured) -> tuple[float, ...] | None:
    """Return how busy each core was over both parts; where the machine is another, or nobody told, what the later part says."""
    first, second = before.cores_percent, part.cores_percent
    wall = before.wall_seconds + part.wall_seconds
    if not first or not second or len(first) != len(second) or not wall:
        return second
    return tuple(
        round((a * before.wall_seconds + b * part.wall_seconds) / wall, 1) for a, b in zip(first, second, strict=True)
    )


_SUMS = (
    *("wall_seconds", "user_seconds", "system_seconds", "disk_read_bytes", "disk_written_bytes"),
    *("measuring_seconds", "gpu_energy_joules"),
)
_PEAKS = ("peak_memory_bytes", "largest_process_bytes", "temperature", "gpu_memory_bytes")


def _both(first: Any, second: Any, how: Any) -> Any:
    """Return how two numbers go together; one that nobody told is left out."""
    told = [value for value in (first, second) if value is not None]
    return how(told) if told else None


def _core_times() -> list[tuple[float, float]]:
    """Return for each core the seconds that it was busy, and all its seconds."""
    times = psutil.cpu_times(percpu=True)
    return [(sum(each) - each.idle - getattr(each, "iowait", 0.0), sum(each)) for each in times]


def _busy(before: list[tuple[float, float]], after: list[tuple[float, float]]) -> tuple[float, ...] | None:
    """Return how busy each core was in between, in per cent; None where cores came or went."""
    if len(before) != len(after):
        return None
    spans = [(b[0] - a[0], b[1] - a[1]) for a, b in zip(before, after, strict=True)]
    return tuple(round(100 * busy / total, 1) if total > 0 else 0.0 for busy, total in spans)


def _hotter(known: float | None) -> float | None:
    """Return the highest temperature of the processor until now, °C; None where the system does not tell."""
    sensors: dict[str, Any] = getattr(psutil, "sensors_temperatures", dict)()
    told = [each.current for name in ("coretemp", "k10temp", "cpu_thermal") for each in sensors.get(name, [])]
    return max([*told, *([] if known is None else [known])], default=None)
