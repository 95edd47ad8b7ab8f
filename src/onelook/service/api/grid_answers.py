"""Grids as messages."""

from typing import Any

from onelook.experiments.overview import Overview
from onelook.experiments.report.figures import ACCURACY, MEMORY, WALL
from onelook.experiments.report.rows import Row
from onelook.service.grid_messages import GridAnswer, GridRun, GridTable
from onelook.service.grids import REPORT


def grid_answer(grid: Overview) -> GridAnswer:
    """Return a grid without its runs."""
    return GridAnswer(**_counts(grid))


def grid_table(grid: Overview) -> GridTable:
    """Return a grid with its runs."""
    return GridTable(**_counts(grid), table=[_run(row) for row in grid.rows])


def _counts(grid: Overview) -> dict[str, Any]:
    return {
        "name": grid.folder.name,
        "runs": len(grid.rows),
        "done": grid.done,
        "failed": grid.failed,
        "left": grid.left,
        "pruned": grid.states.get("pruned", 0),
        "best": None if grid.best is None else _run(grid.best),
    }


def _run(row: Row) -> GridRun:
    outcome = row.outcome
    return GridRun.model_validate(
        {
            "name": row.name,
            "axes": dict(row.levels),
            "seed": outcome.seed,
            "state": outcome.state,
            "cause": outcome.cause,
            "accuracy": ACCURACY.of(outcome),
            "seconds": WALL.of(outcome),
            "memory": MEMORY.of(outcome),
            "report": (row.folder / REPORT).is_file(),
        }
    )
