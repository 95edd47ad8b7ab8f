"""A run's folder: where its files lie, and how they are written so that a run killed at any moment can go on."""

import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import append_json, write_json, write_text

RUNS = Path("runs")
"""Where runs are made that are not told where."""


class Run:
    """The files of `runs/NAME/`; metrics are appended a line at a time, everything else is whole or absent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "settings.toml"
        self.model = folder / "model"
        self.last = folder / "last"
        self.state = self.last / "state.safetensors"
        self.alive = self.last / "alive.json"
        self.guard = folder / "guard.jsonl"
        self.diagnosis = folder / "diagnosis.md"
        self.metrics = folder / "metrics.jsonl"
        self.resources = folder / "resources.jsonl"
        self.kernels = folder / "kernels.json"
        self.samples = folder / "samples.jsonl"
        self.forecast = folder / "forecast.json"
        self.board = folder / "tensorboard"
        self.environment = folder / "environment.json"
        self.origin = folder / "origin"
        self.chart = folder / "chart.png"
        self.predictions = folder / "predictions.json"

    def begin(self, settings: str, environment: Mapping[str, Any]) -> None:
        """Make the folder with its settings (TOML text) and environment. Raises UserError when it holds anything."""
        refuse_used(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        write_text(self.settings, settings)
        write_json(self.environment, environment)

    def append(self, line: Mapping[str, Any]) -> None:
        """Add one line to the metrics."""
        append_json(self.metrics, line)

    def note(self, event: Mapping[str, Any]) -> None:
        """Add one line to what the guard saw."""
        append_json(self.guard, event)

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return the metrics' lines; a last line that a kill cut short is left out, none gives none."""
        return _read_lines(self.metrics)

    def read_events(self) -> list[dict[str, Any]]:
        """Return what the guard saw and how the run died, line by line as `guard.jsonl` has it; none gives none."""
        return _read_lines(self.guard)

    def rewind(self, step: int, events: int | None = None) -> None:
        """Drop what metrics and samples say of steps after `step`, and the guard's events after number `events`.

        A resumed run writes them again. Deaths have no number and stay.
        """
        for path in (path for path in (self.metrics, self.samples) if path.is_file()):
            _write_lines(path, [line for line in _read_lines(path) if line["step"] <= step])
        if events is not None and self.guard.is_file():
            _write_lines(self.guard, [line for line in self.read_events() if line.get("number", 0) <= events])


def _read_lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    parsed = []
    for number, line in enumerate(lines, start=1):
        try:
            parsed.append(json.loads(line))
        except json.JSONDecodeError:
            if number < len(lines):
                raise FormatError(f"{path}:{number}: expected JSON, got {line[:60]!r}") from None
    return parsed


def _write_lines(path: Path, lines: list[dict[str, Any]]) -> None:
    write_text(path, "".join(json.dumps(line) + "\n" for line in lines))


def refuse_used(folder: Path) -> None:
    """Raise UserError when `folder` is something else than an empty folder, or one that does not exist."""
    if (folder / "settings.toml").is_file():
        raise UserError(
            f"{folder}: expected a new folder, got a run; --resume goes on with it, another --out begins anew"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder}: expected a new or empty folder, got one that holds something; choose another --out")


def new_run_folder(network: str, data: Path) -> Path:
    """Return the first of `runs/NETWORK-DATA`, `…-2`, `…-3` that does not exist."""
    name = f"{Path(network).stem}-{data.resolve().stem}"
    numbered = (RUNS / (name if number == 1 else f"{name}-{number}") for number in range(1, sys.maxsize))
    return next(folder for folder in numbered if not folder.exists())


def describe_environment() -> dict[str, Any]:
    """Return what the run depends on beside its settings: machine, memory, GPU, container, versions, commit of the folder's git."""
    from importlib import metadata

    import psutil
    import torch  # here, so that a supervisor, which only waits, need not load it

    versions = {name: metadata.version(name) for name in ("onelook", "torch", "numpy", "opencv-python-headless")}
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "machine": platform.machine(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "clock": _clock(psutil.cpu_freq()),
        "memory": psutil.virtual_memory().total,
        "node": platform.node(),
        "container": _container(),
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu",
        "driver": _driver(),
        "commit": _commit(),
        "system": platform.platform(),
        "python": platform.python_version(),
        **versions,
    }


def _clock(told: Any) -> str | None:
    """Return the processor's highest clock of what psutil tells, or its clock now where that is 0; None where nothing is told."""
    return f"{(told.max or told.current) / 1000:.1f} GHz" if told else None


def _container() -> str | None:
    """Return what kind of container this process is in, None where it seems to be in none."""
    if Path("/.dockerenv").exists():
        return "docker"
    if Path("/run/.containerenv").exists():
        return "podman"
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return "kubernetes"
    return os.environ.get("container")  # noqa: SIM112 - systemd's convention, which LXC and others keep


def _driver() -> str | None:
    """Return the version of NVIDIA's driver, None where there is none."""
    try:
        return Path("/sys/module/nvidia/version").read_text().strip()
    except OSError:
        return None


def _commit() -> str | None:
    """Return the commit of the git repository that the process stands in, `+` behind it where files are changed; None: no git."""
    try:
        done = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"],
            check=False,
            capture_output=True,
            text=True,
            timeout=10,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
