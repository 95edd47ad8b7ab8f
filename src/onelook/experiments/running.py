"""One run of a grid as a process of its own: begun, watched, bounded, and told as a row when it ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from onelook.experiments.measuring import Ended, TreeWatch, added, wait_for
from onelook.experiments.outcome import RUNS, Outcome
from onelook.experiments.past_run import (
    as_training_wrote,
    cards,
    ending,
    kernels,
    outcome_of_run,
    pace_of,
    read_lines,
    result_of,
)
from onelook.experiments.plan import Limits
from onelook.experiments.proof import differences, finished_as_asked, weights_digest
from onelook.experiments.request import Request
from onelook.structures.errors import UserError
from onelook.structures.settings import read_toml
from onelook.training.forecast.forecast import size
from onelook.training.report.chart import duration
from onelook.training.report.facts import read_environment
from onelook.training.report.predictions_file import read_envelope
from onelook.training.report.resource_plots import read_resources
from onelook.training.run import Run
from onelook.training.survival.heartbeat import read_heartbeat, trains

LOGS = "logs"
"""The folder of a grid that holds what each run said."""

PATIENCE = 30.0
"""Seconds in which a run that is asked to stop has saved and stopped; then it is killed."""

STOPPED_CODES = (130, 128 + signal.SIGTERM, -signal.SIGTERM)
"""Exit codes of a run that stopped because it was asked to."""

NO_ROOM = ("expected room on the disk", "of free disk")
"""What a training says that ended because the disk was full: it goes on when there is room."""

STOPPED = "waiting", "stopped; it goes on when the grid is run again"
PRUNED = "pruned", "successive halving: not among the best of those that came this far"
"""State and cause of a run that was ended from here for no fault of its own."""


@dataclass(frozen=True)
class Place:
    """Where a grid's runs go, and what each may take."""

    folder: Path
    limits: Limits

    def run(self, name: str) -> Path:
        """Return the folder of a run."""
        return self.folder / RUNS / name

    def log(self, name: str) -> Path:
        """Return the file of what a run says."""
        return self.folder / LOGS / f"{name}.log"


class Running:
    """A run that was begun; `look` a few times a second until it gives the row of its end."""

    def __init__(self, request: Request, row: Outcome, place: Place) -> None:
        self.request, self.place = request, place
        self.folder = place.run(request.name)
        self.before = row.measured
        self.row = replace(row, state="running", cause=None, attempts=row.attempts + 1)
        self.stopping: tuple[str, str | None] | None = None
        """The state and cause of a run that is being ended from here."""
        self._asked_at: float | None = None
        self._proven = False
        self.memory = 0
        self.log = place.log(request.name)
        self._said_before = self.log.stat().st_size if self.log.is_file() else 0
        self._process = _begin(request, self.folder, self.log)
        self.watch = TreeWatch(self._process.pid)

    def look(self) -> Outcome | None:
        """Return the row of the run's end, None while it goes; one that takes more than it may is ended."""
        ended = wait_for(self._process.pid)
        if ended is not None:
            self._process.returncode = ended.code  # it is waited for already
            return self._row_of(ended)
        self.memory = self.watch.look()
        if self.stopping is None:
            self._keep_bounds()
            self._prove_settings()
        elif self._asked_at is not None and time.monotonic() - self._asked_at > PATIENCE:
            self._kill()
        return None

    @property
    def seconds(self) -> float:
        """Since it was begun."""
        return time.monotonic() - self.watch.began

    def so_far(self) -> Outcome:
        """Return the row of a run under way, with what it has taken until now."""
        return replace(self.row, measured=added(self.before, self.watch.so_far()))

    def stop(self, state: str, cause: str) -> None:
        """Ask the run to save and stop; its row will be of this state."""
        if self.stopping is None:
            self.stopping, self._asked_at = (state, cause), time.monotonic()
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGTERM)

    def _keep_bounds(self) -> None:
        """End a run that takes more memory or time than it may."""
        limits, seconds = self.place.limits, self.seconds
        total = seconds + (self.before.wall_seconds if self.before else 0.0)
        if self.memory > limits.memory_bytes:
            most = (
                f"expected at most {limits.memory} (limits.memory), got {size(self.memory)} after {duration(seconds)}"
            )
            self.stopping = "out_of_memory", f"memory: {most}{self._step()}"
            self._kill()
        elif total > limits.seconds:
            most = f"expected at most {limits.time} (limits.time), got {duration(total)}"
            self.stop("out_of_time", f"time: {most}{self._step()}")

    def _step(self) -> str:
        beat = read_heartbeat(Run(self.folder).alive)
        return f", at step {beat.get('step', 0)}" if beat else ", before its first step"

    def _prove_settings(self) -> None:
        """End a run whose settings are not those of the plan, as soon as it has written which it has."""
        if not self._proven and Run(self.folder).settings.is_file():
            self._proven = True
            try:
                with as_training_wrote(self.folder):
                    found = differences(self.request, self.folder)
            except UserError as error:
                found = [str(error)]
            if found:
                self.stop("failed", found[0])

    def _kill(self) -> None:
        """Kill all that the run began, then the run, whose supervisor may say in between that its child was killed."""
        with suppress(psutil.Error):
            for child in psutil.Process(self._process.pid).children(recursive=True):
                with suppress(psutil.Error):
                    child.kill()
        deadline = time.monotonic() + 2.0
        while time.monotonic() < deadline and psutil.Process(self._process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.02)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _row_of(self, ended: Ended) -> Outcome:
        state, cause = self.stopping or self._state_of(ended)
        measured = added(self.before, self.watch.at_end(ended))
        return row_of_folder(replace(self.row, state=state, cause=cause, measured=measured), self.folder)

    def _state_of(self, ended: Ended) -> tuple[str, str | None]:
        """Return the state and cause of a run that ended by itself."""
        if ended.code == 0:
            return proven(self.request, self.folder)
        if ended.code in STOPPED_CODES:
            return STOPPED
        if ended.code < 0:
            with suppress(UserError):
                let_go(self.folder)  # who trains beneath it is saving
        state, cause = self._told_ending()
        if state == "out_of_memory":
            return state, cause
        if ended.code < 0:
            return "failed", f"killed by {signal.Signals(-ended.code).name}{f'; {cause}' if cause else ''}"
        said = _last_words(self.log, self._said_before)
        if said and any(words in said for words in NO_ROOM):
            return "waiting", f"{said}; it goes on when the grid is run again"
        if ended.code == 2 and not can_resume(self.folder):
            return "refused", said
        return "failed", said or cause or f"ended with {ended.code} and without a word"

    def _told_ending(self) -> tuple[str, str | None]:
        """Return what the run's folder says of its end."""
        try:
            with as_training_wrote(self.folder):
                return ending(Run(self.folder)) if self.folder.is_dir() else ("failed", None)
        except UserError as error:
            return "failed", str(error)


def proven(request: Request, folder: Path) -> tuple[str, str | None]:
    """Return `done`, or `failed` and why, of a run that says it is finished: did it do what was asked?"""
    try:
        with as_training_wrote(folder):
            found = finished_as_asked(request, folder)
    except UserError as error:
        found = [str(error)]
    return ("failed", found[0]) if found else ("done", None)


def row_of_folder(row: Outcome, folder: Path) -> Outcome:
    """Return the row with the figures, pace, GPU and environment that the run's folder tells; a broken file makes it `failed`."""
    try:
        with as_training_wrote(folder):
            return _told_by(Run(folder), row)
    except UserError as error:
        return replace(row, state="failed", cause=str(error)) if row.state == "done" else row


def _told_by(run: Run, row: Outcome) -> Outcome:
    lines, samples = read_lines(run), read_resources(run.resources)
    environment = read_environment(run.environment) | _data_digests(run)
    weights = {"weights_sha256": digest} if (digest := weights_digest(run)) else {}
    speed, waited = pace_of(lines, int(row.settings.get("batch") or _batch(run)))
    more: dict[str, Any] = {"images_per_second": speed, "waiting_seconds": waited, **cards(samples), **kernels(run)}
    measured = replace(row.measured, **more) if row.measured else outcome_of_run(run.folder).measured
    return replace(
        row, measured=measured, result=result_of(lines) | weights, environment=environment or row.environment
    )


def _batch(run: Run) -> int:
    return int(read_toml(run.settings).get("batch") or 1) if run.settings.is_file() else 1


def _data_digests(run: Run) -> dict[str, Any]:
    if not run.predictions.is_file():
        return {}
    splits: Mapping[str, Any] = read_envelope(run.predictions).data.get("splits", {})
    return {"data": {name: split.get("digest") for name, split in splits.items()}}


def command(words: list[str]) -> list[str]:
    """Return the program of a run: `onelook train WORDS`, which ends when this process does."""
    return [sys.executable, "-m", "onelook.experiments.bound", str(os.getpid()), "train", *words]


def _begin(request: Request, folder: Path, log: Path) -> subprocess.Popen[bytes]:
    """Start the run, or go on with it where it has a checkpoint; what it left without one is taken away."""
    goes_on = can_resume(folder)
    if not goes_on and folder.exists():
        shutil.rmtree(folder)
    words = request.words_to_resume(folder) if goes_on else request.words(folder)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as said:
        return subprocess.Popen(
            command(words), stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )


def can_resume(folder: Path) -> bool:
    """Return whether the run in `folder` was begun and has a checkpoint to go on from."""
    run = Run(folder)
    return run.settings.is_file() and run.last.is_dir() and any(run.last.glob("*.safetensors"))


def let_go(folder: Path) -> None:
    """Wait until nobody trains the run in `folder`: one whose grid was killed is saving. Raises UserError after PATIENCE."""
    deadline = time.monotonic() + PATIENCE
    while (beat := read_heartbeat(Run(folder).alive)) is not None and trains(beat):
        if time.monotonic() > deadline:
            raise UserError(
                f"{folder}: expected a run that nobody trains, got one that process {beat['pid']} trains; end it"
            )
        time.sleep(0.1)


def _last_words(log: Path, start: int) -> str | None:
    """Return the last line that the run said behind byte `start` of its log, that of its error where it has one."""
    try:
        said = log.read_bytes()[start:].decode(errors="replace")
        lines = [line.strip() for line in said.splitlines() if line.strip()]
    except OSError:
        return None
    told = [line.removeprefix("onelook: ") for line in lines if line.startswith("onelook: ")]
    said_last = told or lines
    return said_last[-1] if said_last else None
