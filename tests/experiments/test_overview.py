"""Grids at a glance."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.experiments.report.known_grids import grid_outcomes, outcome

from onelook.experiments.outcome import write_outcome
from onelook.experiments.overview import grids_in, overview
from onelook.experiments.report.figures import ACCURACY
from onelook.structures.errors import UserError


def make_grid(folder: Path) -> Path:
    """Return the folder of a grid with 32 runs that are done and one of every other kind."""
    rows = [*grid_outcomes()]
    states = ("failed", "out_of_memory", "out_of_time", "refused", "waiting", "running", "pruned")
    others = [replace(rows[0], id=state, state=state, result={}, cause="why", run=f"runs/{state}") for state in states]
    for row in [*rows, *others]:
        write_outcome(folder, row)
    return folder


def test_runs_are_counted_and_the_most_accurate_comes_first(tmp_path: Path) -> None:
    grid = overview(make_grid(tmp_path / "blood"))

    assert (len(grid.rows), grid.done, grid.failed, grid.left, grid.states["pruned"]) == (39, 32, 4, 2, 1)
    scores = [ACCURACY.of(row.outcome) or 0.0 for row in grid.rows if row.done]
    assert scores == sorted(scores, reverse=True)
    assert grid.best is grid.rows[0]
    assert not any(row.done for row in grid.rows[32:])


def test_without_a_run_that_is_done_there_is_no_best(tmp_path: Path) -> None:
    write_outcome(tmp_path, outcome(state="failed", result={"ap50": 0.9}))
    write_outcome(tmp_path, outcome(seed=1, result={}))

    assert overview(tmp_path).best is None


def test_grids_are_found_where_they_lie_and_nothing_else_is(tmp_path: Path) -> None:
    make_grid(tmp_path / "second")
    make_grid(tmp_path / "first")
    (tmp_path / "notes").mkdir()
    (tmp_path / "file.txt").touch()

    assert [each.name for each in grids_in(tmp_path)] == ["first", "second"]
    assert grids_in(tmp_path / "absent") == []
    with pytest.raises(UserError, match="expected a run's or a grid's folder"):
        overview(tmp_path / "notes")
