"""What one run of a plan is asked to be."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from onelook.experiments.outcome import RUNS, Outcome
from onelook.structures.settings import spelled

LONGEST_NAME = 120
"""Letters of a run's name; a longer one is cut, and told apart by a digest."""


@dataclass(frozen=True)
class NetworkChoice:
    """A network that the plan names, and what its runs start from."""

    name: str
    network: str
    """A known name, or the path of a cfg."""
    weights: Path | None = None


@dataclass(frozen=True)
class DataChoice:
    """A data set that the plan names; `format` where looking gets it wrong."""

    name: str
    path: Path
    format: str | None = None


@dataclass(frozen=True)
class Request:
    """One run: its network, data and seed, what the plan varied, and every setting that the plan has for it."""

    name: str
    network: NetworkChoice
    data: DataChoice
    seed: int
    axes: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    """With the seed."""

    def row(self) -> Outcome:
        """Return the run's row before anything has happened."""
        names = self.network.name, self.data.name, self.seed
        return Outcome(self.name, *names, axes=self.axes, settings=self.settings, run=f"{RUNS}/{self.name}")

    def words(self, folder: Path) -> list[str]:
        """Return what follows `onelook train` for a new run in `folder`."""
        weights = ["--weights", str(self.network.weights)] if self.network.weights else []
        pairs = [word for key, value in self.settings.items() for word in ("--set", f"{key}={spelled(value)}")]
        return [*self._named(folder), *weights, *pairs]

    def words_to_resume(self, folder: Path) -> list[str]:
        """Return what follows `onelook train` to go on with the run in `folder`."""
        return [*self._named(folder), "--resume"]

    def _named(self, folder: Path) -> list[str]:
        format = ["--format", self.data.format] if self.data.format else []
        return [self.network.network, str(self.data.path), "--out", str(folder), *format]


def told(values: Mapping[str, Any]) -> str:
    """Return settings as `batch=4, epochs=5`."""
    return ", ".join(f"{key}={spelled(value)}" for key, value in values.items())


def run_name(parts: list[str]) -> str:
    """Return what the parts say as the name of a folder."""
    name = re.sub(r"[^A-Za-z0-9._=+]+", "-", "-".join(parts)).strip("-.") or "run"
    if len(name) <= LONGEST_NAME:
        return name
    return f"{name[: LONGEST_NAME - 9]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def as_row_has_it(request: Request, row: Outcome) -> bool:
    """Return whether a row is one of this very request."""
    asked: Mapping[str, Any] = {key: spelled(value) for key, value in request.settings.items()}
    kept = {key: spelled(value) for key, value in row.settings.items()}
    return (request.network.name, request.data.name, asked) == (row.network, row.data, kept)
