"""Which trainings are wanted: axes, lists and exclusions, and the runs that they come to."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from onelook.experiments.request import DataChoice, NetworkChoice, Request, run_name, told
from onelook.experiments.search_settings import SearchSettings
from onelook.structures.errors import UserError
from onelook.structures.settings import check_ranges, spelled
from onelook.training.forecast.budget import parse_duration, parse_size
from onelook.training.settings import make_train_settings

Point = dict[str, Any]
Dimension = tuple[Point, ...]
"""The points of one axis: each says what it sets; `name` is what it is called."""


@dataclass(frozen=True)
class Range:
    """Values between two bounds, for a search; whole ones where both bounds are whole in the plan."""

    low: float
    high: float
    log: bool = False
    """Whether factors count, not differences."""
    step: float | None = None
    """Where only some values will do."""
    whole: bool = False

    def __post_init__(self) -> None:
        told = ", ".join(f"{name}={getattr(self, name)}" for name in ("low", "high", "log", "step"))
        if not all(map(math.isfinite, (self.low, self.high, self.step or 1))):
            raise UserError(f"expected finite numbers, got {told}")
        if not self.low < self.high or (self.step is not None and self.step <= 0):
            raise UserError(f"expected low < high and a step over 0, got {told}")
        if self.log and (self.low <= 0 or self.step):
            raise UserError(f"expected with log both over 0 and no step, got {told}")


MOST_RUNS = 100_000


@dataclass(frozen=True)
class Limits:
    """What one run may take; None is no limit."""

    time: str | None = None
    """Such as 2h or 45m, all its parts together; a run that takes longer is ended, and reported as `out_of_time`."""
    memory: str | None = None
    """Such as 4GB, of all its processes; a run that takes more is killed, and reported as `out_of_memory`."""
    disk: str = "1GB"
    """Left free on the disk of the grid's folder; no run begins with less."""

    def __post_init__(self) -> None:
        _ = self.seconds, self.memory_bytes, self.disk_bytes

    @property
    def seconds(self) -> float:
        """Of one run; infinite without a limit."""
        return parse_duration(self.time, "time") if self.time else math.inf

    @property
    def memory_bytes(self) -> float:
        """Of one run; infinite without a limit."""
        return parse_size(self.memory, "memory") if self.memory else math.inf

    @property
    def disk_bytes(self) -> int:
        """That stay free."""
        return parse_size(self.disk, "disk")


@dataclass(frozen=True)
class Resources:
    """What one run takes of a Ray cluster."""

    cpus: float = 1.0
    gpus: float = 0.0

    def __post_init__(self) -> None:
        check_ranges(self, {"cpus": (0.01, 1024), "gpus": (0, 1024)})


@dataclass(frozen=True)
class Plan:
    """A plan as `read_plan` gives it; `expand` gives its runs."""

    path: Path
    text: str
    """Of the file, as it was given."""
    name: str
    networks: tuple[NetworkChoice, ...]
    data: tuple[DataChoice, ...]
    seeds: tuple[int, ...]
    dimensions: tuple[Dimension, ...] = ()
    ranges: dict[str, Range] = field(default_factory=dict)
    """Axes of a search that are no lists."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Of every run."""
    exclude: tuple[Point, ...] = ()
    limits: Limits = field(default_factory=Limits)
    resources: Resources = field(default_factory=Resources)
    retries: int = 0
    """How often a run that failed is tried again."""
    parallel: int = 1
    """Runs at a time."""
    search: SearchSettings | None = None
    """Where not every point is wanted, but the best."""


def expand(plan: Plan) -> list[Request]:
    """Return the runs in the plan's order, repeats of one after the other.

    For a search these are all that it may choose from, ranges left out.
    Raises UserError for settings that a training refuses, two runs of one name, an exclusion that excludes nothing, no run.
    """
    points = [merged(plan, each) for each in product(*dimensions(plan))]
    excluded = [[point for point in points if _matches(point, rule)] for rule in plan.exclude]
    for rule, found in zip(plan.exclude, excluded, strict=True):
        if not found:
            raise UserError(
                f"{plan.path}: exclude {told(rule)}: expected a rule that some run meets, got one that none does"
            )
    kept = [point for point in points if not excludes(plan, point)]
    requests = [request(plan, point, seed) for point in kept for seed in plan.seeds]
    if not requests:
        raise UserError(f"{plan.path}: expected at least one run, got a plan whose runs are all excluded")
    _refuse_twice(plan, requests)
    return requests


def excludes(plan: Plan, point: Mapping[str, Any]) -> bool:
    """Return whether the plan does not want a point of its axes."""
    return any(_matches(point, rule) for rule in plan.exclude)


def dimensions(plan: Plan) -> tuple[Dimension, ...]:
    """Return the axes: networks and data sets first, where there are several. Raises UserError when the runs are too many."""
    places: dict[str, tuple[NetworkChoice, ...] | tuple[DataChoice, ...]] = {
        "network": plan.networks,
        "data": plan.data,
    }
    named = tuple(tuple({key: each.name} for each in choices) for key, choices in places.items() if len(choices) > 1)
    found = (*named, *plan.dimensions)
    count = math.prod(len(each) for each in found) * len(plan.seeds)
    if count > MOST_RUNS:
        raise UserError(f"{plan.path}: expected at most {MOST_RUNS:,} runs, got {count:,}")
    return found


def request(plan: Plan, point: Mapping[str, Any], seed: int) -> Request:
    """Return the run at a point of the axes. Raises UserError naming the run for settings that a training refuses."""
    network = next(each for each in plan.networks if each.name == point.get("network", plan.networks[0].name))
    data = next(each for each in plan.data if each.name == point.get("data", plan.data[0].name))
    axes = {key: value for key, value in point.items() if key != "label"}
    settings = {**plan.settings, **{key: value for key, value in axes.items() if key not in ("network", "data")}}
    several = [f"s{seed}"] if len(plan.seeds) > 1 else []
    name = run_name([network.name, *([data.name] if len(plan.data) > 1 else []), *point["label"], *several])
    asked = {**settings, "seed": seed}
    make_train_settings(asked, f"{plan.path}: {name}")
    return Request(name, network, data, seed, axes, asked)


def merged(plan: Plan, points: tuple[Point, ...]) -> Point:
    """Return what the points of several axes set together, and as `label` what the run is called by them.

    Raises UserError for a setting that is on two axes.
    """
    together: Point = {}
    for point in points:
        there = {_setting(key) for key in together} - {"name"}
        twice = next((key for key in point if _setting(key) in there), None)
        if twice:
            raise UserError(f"{plan.path}: {twice}: expected it on one axis, got it on two")
        together |= point
    together.pop("name", None)
    return {**together, "label": [word for point in points for word in _words(point)]}


def _setting(key: str) -> str:
    """Return a setting's name without its table: `flip` and `augment.flip` are the same."""
    return key.rpartition(".")[2]


def _words(point: Point) -> list[str]:
    if "name" in point:
        return [str(point["name"])]
    return [f"{_setting(key)}{spelled(value)}" for key, value in point.items() if key not in ("network", "data")]


def _matches(point: Mapping[str, Any], rule: Mapping[str, Any]) -> bool:
    return all(key in point and point[key] == value for key, value in rule.items())


def _refuse_twice(plan: Plan, requests: list[Request]) -> None:
    names: set[str] = set()
    for each in requests:
        if each.name.lower() in names:  # on some disks a.cfg and A.cfg are one
            raise UserError(
                f"{plan.path}: {each.name}: expected a name for one run, got two runs of it; name or value them apart"
            )
        names.add(each.name.lower())
