"""Recipes by their settings, in whole runs: each does something, and goes on bit for bit after a stop."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file
from tests.training.test_train import SETTINGS, quiet, stopped_after

from onelook.training.recipe.plateau import stops_early
from onelook.training.run import Run
from onelook.training.train import train

SHORT = {**SETTINGS, "max_batches": 24, "eval_every": 1, "burn_in": 0}
RECIPES: dict[str, dict[str, object]] = {
    "plateau": {"policy": "plateau", "plateau_patience": 1, "plateau_factor": 0.1, "learning_rate": 1e-6},
    "frozen": {"freeze": 2, "rate_decay": 0.5, "layer_rates": "3:0.1"},
    "asgd": {"optimizer": "asgd"},
    "varied": {"crop": 0.7, "degrees": 20, "mixup": 0.5, "random": 1.4, "assign": "simota", "focal_objectness": 2},
}


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_goes_on_bit_for_bit(
    network: Path, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    chosen = {**SHORT, **RECIPES[name]}
    whole = train(str(network), squares, out=tmp_path / "whole", settings=chosen, say=quiet)
    with monkeypatch.context() as patch:
        stopped_after(10, patch)
        train(str(network), squares, out=tmp_path / "parts", settings=chosen, say=quiet)
    parts = train(str(network), squares, out=tmp_path / "parts", resume=True, say=quiet)

    one, two = (load_file(run / "last" / "state.safetensors") for run in (whole.run, parts.run))
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[key], two[key]) for key in one)
    rates = [
        [line["learning_rate"] for line in Run(run).read_metrics() if line["kind"] == "step"]
        for run in (whole.run, parts.run)
    ]
    assert rates[0] == rates[1]
    if name == "plateau":
        assert rates[0][-1] < rates[0][0], "evaluations at this rate bring no progress"


def test_a_run_ends_when_its_patience_has_run_out_and_stays_ended(network: Path, squares: Path, tmp_path: Path) -> None:
    told: list[str] = []
    chosen = {**SHORT, "max_batches": 400, "patience": 2, "learning_rate": 1e-6}

    result = train(str(network), squares, out=tmp_path / "run", settings=chosen, say=told.append)
    again = train(str(network), squares, out=tmp_path / "run", resume=True, say=quiet)

    evaluations = [line for line in Run(result.run).read_metrics() if line["kind"] == "eval"]
    scores, last = [line["ap"] for line in evaluations], evaluations[-1]["step"]
    assert result.finished and again.finished
    assert stops_early(scores, 2) and not stops_early(scores[:-1], 2)
    assert last == 4 * len(scores) < 400
    assert any(f"ended after step {last} of 400: 2 evaluations without progress (patience=2)" in line for line in told)


def test_one_seed_gives_one_result_whatever_the_number_of_workers(network: Path, squares: Path, tmp_path: Path) -> None:
    states = []
    for workers in (0, 1, 2):
        chosen = {**SHORT, "max_batches": 8, "random": 1.4, "mixup": 0.5, "crop": 0.5, "workers": workers}
        run = train(str(network), squares, out=tmp_path / str(workers), settings=chosen, say=quiet).run
        states.append(load_file(run / "last" / "state.safetensors"))

    for state in states[1:]:
        assert all(np.array_equal(states[0][key], state[key]) for key in states[0])
