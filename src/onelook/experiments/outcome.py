"""What became of one run: a row of `outcomes/`, one JSON file a run, whole or absent."""

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, get_args, get_origin, get_type_hints

from onelook.structures.errors import FormatError
from onelook.structures.files import write_json

OUTCOMES = "outcomes"
"""The folder of a grid that holds its rows."""

PLAN = "plan.toml"
"""The plan that a grid's folder keeps."""

RUNS = "runs"
"""The folder of a grid that holds its runs."""

STATES = ("waiting", "running", "done", "failed", "out_of_memory", "out_of_time", "refused", "pruned")

ENDED = ("done", "failed", "out_of_memory", "out_of_time", "refused", "pruned")
"""States that nothing follows."""


@dataclass(frozen=True)
class Measured:
    """What a run took, of its whole tree of processes and over all its parts where it was resumed; None: nobody told."""

    wall_seconds: float
    user_seconds: float | None = None
    system_seconds: float | None = None
    cpu_percent: float | None = None
    """Of one core; 200 are two cores that never rest."""
    peak_memory_bytes: int | None = None
    """Resident, of all processes at the same time; pages that they share count once."""
    largest_process_bytes: int | None = None
    """Most that any one process had resident, as /usr/bin/time says it."""
    disk_read_bytes: int | None = None
    disk_written_bytes: int | None = None
    images_per_second: float | None = None
    """While training, without evaluations."""
    waiting_seconds: float | None = None
    """Of training that were spent waiting for data."""
    measuring_seconds: float | None = None
    """Processor time that the measuring itself took."""
    cores_percent: tuple[float, ...] | None = None
    """How busy each core of the machine was on average, whoever kept it so."""
    temperature: float | None = None
    """Highest of the processor, °C."""
    gpu_kernel: str | None = None
    """Name of the GPU kernel that took most time."""
    gpu_kernel_mean_seconds: float | None = None
    """Of one call of it."""
    gpu_kernel_share: float | None = None
    """Of all kernels' time, 0 to 1."""
    gpu_memory_bytes: int | None = None
    """Most memory in use on the cards."""
    gpu_utilisation: float | None = None
    """Mean, %."""
    gpu_power_watts: float | None = None
    """Mean, of all cards."""
    gpu_energy_joules: float | None = None


@dataclass(frozen=True)
class Outcome:
    """One run of a grid: what was asked, how far it is, what came of it."""

    id: str
    """Name of the run's folder and of its row's file."""
    network: str
    """As the plan calls it."""
    data: str
    """As the plan calls it."""
    seed: int
    axes: dict[str, Any] = field(default_factory=dict)
    """What the plan varied, in its order; `network` and `data` among them where there are several."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Everything that the plan set for the run."""
    state: str = "waiting"
    """One of STATES."""
    cause: str | None = None
    """Why it is not done, in one line."""
    attempts: int = 0
    run: str = ""
    """The run's folder, relative to the grid's."""
    measured: Measured | None = None
    result: dict[str, Any] = field(default_factory=dict)
    """Final figures: `ap50`, `ap`, `precision`, `recall`, `f1` (a classifier's `top1`, `top5`) of the best model, `loss` and
    `losses` by name, `steps`, `epochs`."""
    environment: dict[str, Any] = field(default_factory=dict)
    """Machine, versions, commit, digest of the data."""

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"state: expected {', '.join(STATES)}, got {self.state!r}")

    @property
    def ended(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ENDED


def row_path(grid: Path, name: str) -> Path:
    """Return where the row of a run lies."""
    return grid / OUTCOMES / f"{name}.json"


def write_outcome(grid: Path, outcome: Outcome) -> None:
    """Write a row of the grid's folder, whole or not at all. Raises UserError when it cannot."""
    write_json(row_path(grid, outcome.id), asdict(outcome))


def read_outcome(path: Path) -> Outcome:
    """Return a row; one that is cut short or edited into nonsense is a row of state `failed` whose cause says so."""
    try:
        return _parsed(path)
    except FormatError as error:
        return Outcome(path.stem, "", "", 0, state="failed", cause=str(error), run=f"{RUNS}/{path.stem}")


def read_outcomes(grid: Path) -> list[Outcome]:
    """Return all rows of a grid's folder, by name, numbers in names by their size; no folder gives none."""
    paths = (path for path in (grid / OUTCOMES).glob("*.json") if not path.name.startswith("."))
    return [read_outcome(path) for path in sorted(paths, key=lambda path: _natural(path.stem))]


def _natural(name: str) -> list[tuple[int, str]]:
    """Return what sorts batch8 before batch16."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _parsed(path: Path) -> Outcome:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise FormatError(f"{path}: expected a row of a grid as JSON, got {error}") from None
    if not isinstance(values, dict):
        raise FormatError(f"{path}: expected an object, got {type(values).__name__}")
    if values.get("measured") is not None:
        if not isinstance(values["measured"], dict):
            raise FormatError(f"{path}: measured: expected an object, got {type(values['measured']).__name__}")
        values["measured"] = _made(Measured, values["measured"], f"{path}: measured")
    outcome: Outcome = _made(Outcome, values, str(path))
    if outcome.id != path.stem:
        raise FormatError(f"{path}: expected id {path.stem!r}, as the file is named, got {outcome.id!r}")
    return outcome


def _made(kind: Any, values: Mapping[str, Any], where: str) -> Any:
    """Return `kind(**values)`. Raises FormatError for a value of another type, and for keys that are missing or unknown."""
    hints = get_type_hints(kind)
    missing = [each.name for each in fields(kind) if _needed(each) and each.name not in values]
    wrong = [*missing, *(key for key in values if key not in hints)]
    if wrong:
        raise FormatError(f"{where}: expected {', '.join(hints)}, got {wrong[0]!r} {'missing' if missing else 'too'}")
    made = {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
    for key, value in made.items():
        if not _fits(value, hints[key]):
            raise FormatError(f"{where}: {key}: expected {_spelled(hints[key])}, got {value!r}")
    try:
        return kind(**made)
    except ValueError as error:
        raise FormatError(f"{where}: {error}") from None


def _needed(each: Any) -> bool:
    return each.default is MISSING and each.default_factory is MISSING


def _fits(value: Any, hint: Any) -> bool:
    """Return whether a JSON value is of a field's type; whole numbers fit where numbers are wanted."""
    if isinstance(hint, UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(_fits(item, get_args(hint)[0]) for item in value)
    if isinstance(value, bool):
        return hint is bool
    if hint is float:
        return isinstance(value, int | float)
    return isinstance(value, get_origin(hint) or hint)


def _spelled(hint: Any) -> str:
    kinds = [kind for kind in (get_args(hint) if isinstance(hint, UnionType) else (hint,)) if kind is not NoneType]
    return " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
