"""How much memory a run takes, and how much it may take: its processes, the machine, and the control group's bounds."""

from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")
_BOUNDS = (("memory.max", "memory.current"), ("memory.limit_in_bytes", "memory.usage_in_bytes"))
"""Names of a control group's bound and use, of version 2 and 1."""

LATER = 1.06
"""By how much a run's own process outgrows its first steps and a small evaluation, since every image is judged and freed memory
stays in pieces: 1.03 to 1.16 in the five set-ups of benchmarks/forecast.py."""


def process_began() -> float:
    """Return when this process was started, as time.time() tells it."""
    return float(psutil.Process().create_time())


def tree_memory(process: psutil.Process | None = None) -> int:
    """Return the bytes of a process (this one) and all it began: its resident ones, and what is each child's alone.

    Pages that a forked worker shares with its parent are counted once.
    """
    process = process or psutil.Process()
    return int(process.memory_info().rss) + children_memory(process)


def children_memory(process: psutil.Process) -> int:
    """Return the bytes that are the descendants' alone; one that ends meanwhile counts as none."""
    total = 0
    for child in process.children(recursive=True):
        try:
            total += int(child.memory_full_info().uss)
        except psutil.Error:
            continue
    return total


def peak_memory() -> int:
    """Return the most bytes that this process ever had resident; what it has now where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return int(psutil.Process().memory_info().rss)


def peak_to_come() -> int:
    """Return the most bytes that this process will have had at the end of its run, after its first steps."""
    return int(LATER * peak_memory())


def available_memory(groups: Path = CGROUPS) -> int:
    """Return the bytes that this process can still take: the machine's, or less where a control group allows less."""
    left = int(psutil.virtual_memory().available)
    for folder in _own_groups(groups):
        for bound, used in _BOUNDS:
            try:
                most, now = int((folder / bound).read_text()), int((folder / used).read_text())
            except (OSError, ValueError):  # no such group, or "max"
                continue
            left = min(left, max(0, most - now + _cache(folder)))
    return left


def _cache(folder: Path) -> int:
    """Return the bytes of the group's file cache that the kernel gives back when asked."""
    try:
        lines = (folder / "memory.stat").read_text().splitlines()
        return next(
            int(line.split()[1]) for line in lines if line.split()[0] in ("inactive_file", "total_inactive_file")
        )
    except (OSError, ValueError, StopIteration):
        return 0


def _own_groups(groups: Path) -> list[Path]:
    """Return the folders of this process's memory groups, innermost first, up to the root."""
    found = []
    for line in _own_lines():
        _, kinds, path = line.split(":", 2)
        if kinds in ("", "memory"):
            inner = (groups / kinds / path.strip("/")).resolve()
            found += [inner, *(parent for parent in inner.parents if parent.is_relative_to(groups))]
    return found


def _own_lines() -> list[str]:
    try:
        return Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
