"""Grids, as they go over the wire."""

from typing import Any, Literal

from pydantic import Field

from onelook.service.messages import Told

RunState = Literal["waiting", "running", "done", "failed", "out_of_memory", "out_of_time", "refused", "pruned"]


class GridRun(Told):
    """One run of a grid: what it was told to be, and what came of it."""

    name: str
    axes: dict[str, Any] = Field(description="What the plan varied, by name")
    seed: int
    state: RunState
    cause: str | None = Field(None, description="Why it is not done, in a line")
    accuracy: float | None = Field(None, description="AP50; of a classifier the share whose first guess is right")
    seconds: float | None = None
    memory: float | None = Field(None, description="Bytes, the most of all its processes together")
    report: bool = Field(description="Whether there is a report of this run")


class GridAnswer(Told):
    """A grid: how many of its runs are in which state, and the best."""

    name: str
    runs: int
    done: int
    failed: int
    left: int = Field(description="Runs that wait or are under way")
    pruned: int = Field(description="Runs that a search gave up")
    best: GridRun | None = None


class GridList(Told):
    """The grids of this machine, the one that changed last first."""

    grids: list[GridAnswer]


class GridTable(GridAnswer):
    """A grid with all its runs, the most accurate first."""

    table: list[GridRun]
