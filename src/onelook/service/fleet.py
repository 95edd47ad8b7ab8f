"""The workers of one machine, each a process of its own: started, begun again when they die, stopped gracefully."""

import logging
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from onelook.service.configuration import PREFIX
from onelook.service.decoding import DecodeSettings
from onelook.service.fetching import FetchSettings
from onelook.service.settings import ServiceSettings
from onelook.structures.settings import to_toml

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds until a worker that died is begun again; doubled each time that it dies within HEALTHY_SECONDS."""
HEALTHY_SECONDS = 60.0
GRACE = 5.0
"""Seconds beyond `drain_seconds` after which a worker that does not end is killed."""

_log = logging.getLogger("onelook.service.fleet")


class Place:
    """A worker's place: the process that has it now, and when the next may begin."""

    def __init__(self) -> None:
        """Begin empty."""
        self.process: subprocess.Popen[bytes] | None = None
        self.began = 0.0
        self.pause = FIRST_PAUSE
        self.not_before = 0.0


class Fleet:
    """`count` workers with the same settings. `check` must be called now and then; for one thread at a time."""

    def __init__(
        self,
        settings: ServiceSettings,
        count: int,
        fetching: FetchSettings | None = None,
        decoding: DecodeSettings | None = None,
    ) -> None:
        """Start nothing yet."""
        self._settings = settings
        self._tables = {
            "service": asdict(settings),
            "fetching": asdict(fetching or FetchSettings()),
            "decoding": asdict(decoding or DecodeSettings()),
        }
        self._places = [Place() for _ in range(count)]
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def pids(self) -> list[int]:
        """Of the workers that run."""
        return [place.process.pid for place in self._running() if place.process]

    def start(self) -> None:
        """Start every worker; they read their settings from a file that this process alone can read."""
        self._folder = tempfile.TemporaryDirectory(prefix="onelook-workers-")
        self._file.write_text(to_toml(self._tables))
        self.check()

    def check(self) -> int:
        """Begin dead workers again, after a pause that grows while they die young; return how many run."""
        now = time.monotonic()
        for place in self._places:
            if place.process is not None and place.process.poll() is not None:
                self._bury(place, now)
            if place.process is None and now >= place.not_before:
                place.process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL, env=_environment())
                place.began = now
        return len(self._running())

    def stop(self) -> None:
        """Ask every worker to end its batch, and return when all are gone; who takes too long is killed."""
        for place in self._running():
            if place.process:
                place.process.send_signal(signal.SIGTERM)
        end = time.monotonic() + self._settings.drain_seconds + GRACE
        for place in self._places:
            if place.process is None:
                continue
            try:
                place.process.wait(max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.warning("worker %d did not end in time and is killed", place.process.pid)
                place.process.kill()
                place.process.wait()
            place.process = None
        if self._folder:
            self._folder.cleanup()

    @property
    def _file(self) -> Path:
        assert self._folder is not None, "the fleet was not started"
        return Path(self._folder.name) / "settings.toml"

    def _command(self) -> Sequence[str]:
        return (sys.executable, "-m", "onelook", "worker", "--config", str(self._file))

    def _running(self) -> list[Place]:
        return [place for place in self._places if place.process is not None and place.process.poll() is None]

    def _bury(self, place: Place, now: float) -> None:
        assert place.process is not None
        young = now - place.began < HEALTHY_SECONDS
        place.pause = min(place.pause * 2, LONGEST_PAUSE) if young else FIRST_PAUSE
        place.not_before = now + place.pause
        _log.error(
            "worker %d ended with %s, another begins in %.1f s",
            place.process.pid,
            place.process.returncode,
            place.pause,
        )
        place.process = None


def _environment() -> dict[str, str]:
    """Return this process's environment without settings of the service: they are in the file, and would win over it."""
    return {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
