"""From settings to a task that can begin, and to a run that ends in its time."""

import json
import time
from pathlib import Path

import pytest

from onelook.datasets.reading import read
from onelook.structures.errors import UserError
from onelook.training.forecast import micro_batch
from onelook.training.outset import set_out
from onelook.training.run import Run
from onelook.training.tasks.choosing import choose
from onelook.training.train import train

SETTINGS = {"max_batches": 100_000, "batch": 4, "eval_every": 1e5, "workers": 0, "threads": 1}


def quiet(line: str) -> None:
    pass


def test_contradictions_and_a_cut_batch_are_told(network: Path, squares: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(micro_batch, "available_memory", lambda: 1000)
    told: list[str] = []
    choice = choose(str(network), {**SETTINGS, "burn_in": 200_000})
    outset = set_out(choice, read(squares), None, told.append, time.time())

    assert any(line.startswith("contradiction: burn_in=200000") for line in told)
    assert any(line.startswith("subdivisions: 1 -> 4") for line in told)
    assert outset.task.settings.subdivisions == 4
    assert outset.task.settings.batch == 4


def test_a_budget_shortens_the_schedule(network: Path, squares: Path) -> None:
    told: list[str] = []
    choice = choose(str(network), {**SETTINGS, "burn_in": 10_000})
    outset = set_out(choice, read(squares), None, told.append, time.time(), budget=120)

    steps = outset.task.settings.max_batches or 0
    assert 1 <= steps < 100_000
    assert outset.task.settings.burn_in == round(steps / 10)
    assert f"time budget: max_batches 100000 -> {steps}, so that the run takes about" in told[-1]


def test_a_budget_that_runs_out_ends_the_run_well_and_it_can_go_on(
    network: Path, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onelook.training.outset.fitting_steps", lambda seconds_of, total, budget: 60)
    monkeypatch.setattr("onelook.training.train.last_seconds", lambda measured, task: 1e6)
    told: list[str] = []
    first = train(network, squares, out=tmp_path / "run", settings=SETTINGS, time_budget="1h", say=told.append)
    kinds = [line["kind"] for line in Run(first.run).read_metrics()]
    again = train(network, squares, out=tmp_path / "run", resume=True, say=told.append)

    assert first.finished
    assert kinds[-1] == "eval"
    assert any("time budget: it runs out at step 1 of 60" in line for line in told)
    assert again.finished
    assert Run(first.run).read_metrics()[-1]["step"] == 60


def test_a_budget_that_holds_nothing_is_refused_before_anything_is_written(
    network: Path, squares: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="--time-budget: expected at least"):
        train(network, squares, out=tmp_path / "run", settings=SETTINGS, time_budget="1s", say=quiet)

    assert not (tmp_path / "run").exists()


def test_a_run_forecasts_the_rest_of_itself_after_its_first_steps(network: Path, squares: Path, tmp_path: Path) -> None:
    told: list[str] = []
    chosen = {**SETTINGS, "max_batches": 40, "eval_every": 5}
    result = train(network, squares, out=tmp_path / "run", settings=chosen, say=told.append)

    said = json.loads((result.run / "forecast.json").read_text())
    assert said["after_step"] == 23
    assert said["steps"] == 17
    assert sum(line.startswith("forecast: ") for line in told) == 3
