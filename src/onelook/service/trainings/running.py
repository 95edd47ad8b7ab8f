"""Runs trainings, a few at once, as processes of their own: the service itself needs no torch, and outlives what they do.

Several API processes may share the folder: a training belongs to whoever makes its `owner` file, and is taken for left behind
when nobody has touched that for a while. What an owner left is stopped, and may be resumed.
"""

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from onelook.service.trainings.data import DataGoneError, data_path, find_data
from onelook.service.trainings.record import (
    OWNER,
    STOP,
    MovedError,
    Training,
    all_trainings,
    cfg_of,
    change,
    changing,
    find_training,
    folder_of,
    run_of,
    write,
)
from onelook.service.trainings.watching import client_words
from onelook.structures.settings import spelled

TICK = 0.5
STALE_SECONDS = 60.0
"""Seconds without a sign of life after which a training's owner counts as gone."""
CLOSE_SECONDS = 20.0
"""Seconds in which trainings may save themselves when the service ends."""

_STOPPED = 130
_KEPT = (
    "PATH",
    "HOME",
    "LANG",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "CUDA_VISIBLE_DEVICES",
    "OMP_NUM_THREADS",
    "ONELOOK_CACHE",
)
_MOST_ERROR = 2000
_PAGE_HERE = "; all of it: "
"""Behind these words stands a page on this machine, which the client cannot open; the API has the same for it."""
_log = logging.getLogger(__name__)


@dataclass
class _Running:
    training: Training
    process: subprocess.Popen[bytes]
    asked_to_stop: bool = False


class Runner:
    """The trainings of this process, and the thread that looks after them."""

    def __init__(self, root: Path, most: int) -> None:
        """Begin to run what waits under `root`, at most `most` at once; 0 leaves all to other processes."""
        self._root, self._most = root, most
        self._running: dict[str, _Running] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="trainings", daemon=True)
        if most:
            self._thread.start()

    def close(self) -> None:
        """Ask what runs to save itself and stop; what does not in time is killed, and can be resumed from its last save."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        until = time.monotonic() + CLOSE_SECONDS
        for each in self._running.values():
            each.process.send_signal(signal.SIGTERM)
        while self._running and time.monotonic() < until:
            self._look()
            time.sleep(0.05)
        for each in self._running.values():
            each.process.kill()
            each.process.wait()
        self._look()

    def _work(self) -> None:
        while not self._ended.wait(TICK):
            try:
                self._look()
                self._take_over()
                self._start_next()
            except Exception:
                _log.exception("looking after trainings failed")

    def _look(self) -> None:
        """Note what has ended, pass on wishes to stop, and show that this process lives."""
        for id_, each in list(self._running.items()):
            folder = folder_of(self._root, each.training)
            code = each.process.poll()
            if code is not None:
                with suppress(MovedError):  # somebody has removed its folder
                    change(self._root, each.training, **_outcome(self._root, each, code))
                del self._running[id_]
                (folder / STOP).unlink(missing_ok=True)
                (folder / OWNER).unlink(missing_ok=True)
                continue
            with suppress(FileNotFoundError):
                os.utime(folder / OWNER)
            if (folder / STOP).exists() and not each.asked_to_stop:
                each.asked_to_stop = True
                each.process.send_signal(signal.SIGTERM)

    def _take_over(self) -> None:
        """Free what an owner left that is gone, ending what it left running on this machine; such a training has stopped."""
        for training in all_trainings(self._root):
            owner = folder_of(self._root, training) / OWNER
            if training.id in self._running or not (training.state == "running" or owner.exists()):
                continue
            try:
                age, words = time.time() - owner.stat().st_mtime, owner.read_text().split()
            except FileNotFoundError:
                age, words = STALE_SECONDS, []
            here = len(words) == 3 and words[0] == socket.gethostname()
            if age < STALE_SECONDS and not (here and not _alive(int(words[1]))):
                continue
            if here and _alive(int(words[2])) and training.id in _command(int(words[2])):
                os.kill(int(words[2]), signal.SIGTERM)
                continue  # it saves itself; the next look finds it gone
            owner.unlink(missing_ok=True)
            with suppress(MovedError):
                told = "the service ended meanwhile; resume it"
                change(self._root, training, ("running",), state="stopped", error=told)

    def _start_next(self) -> None:
        if len(self._running) >= self._most:
            return
        for training in all_trainings(self._root):
            if training.state == "waiting" and self._claim(training):
                return

    def _claim(self, training: Training) -> bool:
        """Start a training unless another process has it; return whether it was started here."""
        folder = folder_of(self._root, training)
        try:
            with (folder / OWNER).open("x") as file:
                file.write(f"{socket.gethostname()} {os.getpid()} 0")
        except (FileExistsError, FileNotFoundError):  # another has it, or its client has removed it
            return False
        try:
            started = change(
                self._root,
                training,
                ("waiting",),
                state="running",
                started_at=time.time(),
                finished_at=None,
                error=None,
            )
        except MovedError:  # its client has stopped it
            (folder / OWNER).unlink(missing_ok=True)
            return False
        try:
            process = _start(self._root, started)
        except OSError as error:
            told = f"it could not be started ({error.strerror}); resume it"
            change(self._root, started, state="stopped", finished_at=time.time(), error=told)
            (folder / OWNER).unlink(missing_ok=True)
            return False
        self._running[training.id] = _Running(started, process)
        (folder / OWNER).write_text(f"{socket.gethostname()} {os.getpid()} {process.pid}")
        return True


def stop(root: Path, training: Training) -> Training:
    """Ask a training to stop, whoever runs it; one that waits is stopped at once. Return it as it is now."""
    with changing(root, training.client_id):
        latest = find_training(root, training.client_id, training.id)
        if latest is None:
            return training
        if latest.state == "running":
            (folder_of(root, latest) / STOP).touch()
        if latest.state != "waiting":
            return latest
        return write(root, replace(latest, state="stopped", finished_at=time.time()))


def resume(root: Path, training: Training) -> Training:
    """Let a training that was stopped, or that failed, wait again, and return it. Raises MovedError, DataGoneError."""
    with changing(root, training.client_id):
        latest = find_training(root, training.client_id, training.id)
        if latest is None or latest.state not in ("stopped", "failed"):
            came = "gone" if latest is None else latest.state
            raise MovedError(f"training: expected one that has stopped, got one that is {came}")
        if find_data(root, training.client_id, training.data) is None:
            raise DataGoneError("training: expected one whose data is still here, got one whose data was removed")
        (folder_of(root, latest) / STOP).unlink(missing_ok=True)  # a wish that came too late
        return write(root, replace(latest, state="waiting", error=None))


def command(root: Path, training: Training) -> list[str]:
    """Return the words that run a training or a forecast: a run that has begun is gone on with."""
    folder, run = folder_of(root, training), run_of(root, training)
    network = str(cfg_of(root, training) or training.network)
    words = [
        training.kind.replace("training", "train"),
        network,
        str(data_path(root, training.client_id, training.data)),
    ]
    for key, value in training.settings.items():
        words += ["--set", f"{key}={spelled(value)}"]
    if training.weights is not None:
        words += ["--weights", str(folder / "weights")]
    if training.time_budget is not None:
        words += ["--time-budget", training.time_budget]
    if training.kind == "training":
        words += ["--out", str(run), *(["--resume"] if (run / "last").is_dir() else [])]
    return [sys.executable, "-m", "onelook", *words, "--json"]


def _start(root: Path, training: Training) -> subprocess.Popen[bytes]:
    """Start it, with nothing of this process's environment that might be a secret."""
    folder = folder_of(root, training).resolve()
    paths = os.pathsep.join(path for path in sys.path if path)
    environment = {name: os.environ[name] for name in _KEPT if name in os.environ} | {"PYTHONPATH": paths}
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as errors:
        return subprocess.Popen(
            command(root.resolve(), training),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=errors,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )


def _outcome(root: Path, each: _Running, code: int) -> dict[str, Any]:
    """Return what has changed with a process's end."""
    folder = folder_of(root, each.training)
    ended: dict[str, Any] = {"finished_at": time.time()}
    if code == 0:
        return {**ended, "state": "done", "result": json.loads((folder / "stdout").read_text() or "{}")}
    if code == _STOPPED or (each.asked_to_stop and code < 0) or code == -signal.SIGKILL:
        return {**ended, "state": "stopped", "error": "" if code == _STOPPED else "it was killed; resume it"}
    lines = (folder / "stderr").read_text(errors="replace").strip().splitlines()
    told = lines[-1].removeprefix("onelook: ") if lines else f"it ended with {code}"
    client_free = client_words(root, each.training, told).partition(_PAGE_HERE)[0]
    return {**ended, "state": "failed", "error": client_free[:_MOST_ERROR]}


def _alive(process: int) -> bool:
    return process > 0 and Path(f"/proc/{process}").exists()


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""
