"""A sign of life beside the checkpoint, and what it tells of a run that died without a word.

`last/alive.json` says which process trains, at which step, in which phase and on which pictures. It is written in place, a few
microseconds a step, and taken away when a run ends in good order: where it lies without its process, the run was killed.
"""

import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onelook.structures.errors import UserError

_MOST = 64
"""Pictures of a batch that are named."""

DYING = 2.0
"""Seconds in which a process that was killed is gone."""

_OOM_COUNTERS = (Path("/sys/fs/cgroup/memory.events"), Path("/proc/vmstat"))
"""Where Linux counts the processes it killed for lack of memory: the container's own count, or the machine's."""


class Heartbeat:
    """Writes the sign of life at `path`."""

    def __init__(self, path: Path) -> None:
        self.path, self._length = path, 0
        self._fixed = {
            "pid": os.getpid(),
            "process": _process_began(os.getpid()),
            "boot": _boot(),
            "killed_for_memory": killed_for_memory(),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file: int | None = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o644)

    def beat(self, step: int, phase: str, pictures: Sequence[str] = ()) -> None:
        """Say that `phase` of step number `step` begins, on these pictures."""
        if self._file is None:
            return
        facts = {**self._fixed, "step": step, "phase": phase, "pictures": [*pictures[:_MOST]], "time": time.time()}
        line = json.dumps(facts).encode()
        self._length = max(self._length, len(line))
        try:
            os.pwrite(self._file, line.ljust(self._length), 0)
        except OSError:  # a full disk: the sign is then an old one, and the run goes on
            self.end()

    def leave(self, step: int, phase: str) -> None:
        """Say that `phase` begins, and leave the sign to who ends the run: nobody else may take the folder meanwhile."""
        self.beat(step, phase)
        self._close()

    def end(self) -> None:
        """Take the sign away."""
        if self._file is not None:
            self._close()
            self.path.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_heartbeat(path: Path) -> dict[str, Any] | None:
    """Return the sign of life, None when there is none or when it cannot be understood."""
    try:
        beat = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return beat if isinstance(beat, dict) and "pid" in beat else None


def refuse_trained(path: Path) -> None:
    """Raise UserError when the process that the sign of life at `path` names still runs.

    One that was killed a moment ago may still be giving back its memory, so it gets DYING seconds to be gone.
    """
    beat, until = read_heartbeat(path), time.monotonic() + DYING
    while beat and beat["pid"] != os.getpid() and trains(beat):
        if time.monotonic() > until:
            raise UserError(
                f"{path.parent.parent}: expected a run that nobody trains, got one that process {beat['pid']} trains; wait for it"
            )
        time.sleep(0.05)


def trains(beat: Mapping[str, Any]) -> bool:
    """Return whether the process that gave a sign of life still runs."""
    return _process_began(beat["pid"]) == beat.get("process") is not None


def death(beat: Mapping[str, Any], number: int | None = None) -> dict[str, Any]:
    """Return the event that says how the run died that last gave this sign; `number` is the signal's when it is known."""
    memory = killed_for_memory() > beat["killed_for_memory"]
    if beat["boot"] != _boot():
        cause, what = "machine went down", "the machine went down: power was lost, or it was started anew"
    elif memory and number in (None, signal.SIGKILL):
        cause, what = "out of memory", "killed by the kernel: memory ran out"
    elif number is None:
        cause, what = "killed", "killed without a word, as by kill -9"
    else:
        cause, what = "killed", f"killed by {signal.Signals(number).name} ({signal.strsignal(number)})"
    step, phase = beat.get("step", 0), beat.get("phase", "training")
    return {
        "kind": "death",
        "cause": cause,
        "what": f"{what}; it was {phase}, at step {step}",
        "step": step,
        "pictures": beat.get("pictures", []),
        "time": beat.get("time", 0.0),
    }


def killed_for_memory() -> int:
    """Return how many processes Linux says that it killed for lack of memory; 0 where nobody counts."""
    for path in _OOM_COUNTERS:
        try:
            lines = path.read_text().splitlines()
        except OSError:
            continue
        counts = [line.split()[1] for line in lines if line.startswith("oom_kill ")]
        if counts:
            return int(counts[0])
    return 0


def _boot() -> str | None:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None


def _process_began(pid: int) -> int | None:
    """Return when a process began, in the kernel's ticks, which tells it from a later one of the same number; None: no such."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    after_name = text.rpartition(")")[2].split()
    return None if after_name[0] == "Z" else int(after_name[19])
