"""A few real steps of a run, measured."""

import math
import time
from pathlib import Path

import pytest

from onelook.datasets.reading import read
from onelook.structures.network.cfg import read_cfg
from onelook.training.forecast.forecasting import forecast_training
from onelook.training.forecast.probe import measure
from onelook.training.forecast.workload import cache_growth, workload
from onelook.training.settings import make_train_settings
from onelook.training.tasks.preparation import prepare
from onelook.training.tasks.task import Task

CLOCK = (120.0, 30.0)
"""Seconds between checkpoints, and between charts."""

SETTINGS = {"max_batches": 100, "batch": 4, "eval_every": 2, "workers": 0, "threads": 1}


def task(network: Path, squares: Path, **settings: object) -> Task:
    return prepare(read_cfg(network), read(squares), None, make_train_settings({**SETTINGS, **settings}, "test"))


def test_the_workload_counts_steps_by_kind_and_evaluations_as_the_run_has_them(network: Path, squares: Path) -> None:
    work = workload(task(network, squares, close_mosaic=0.2), *CLOCK)

    assert {kind: count for kind, (count, _) in work.kinds.items()} == {"mosaics": 80, "photographs": 20}
    assert work.evaluations == 13  # after every 8th step and the last
    assert (work.val_images, work.proof_images) == (6, 6)


def test_multi_scale_counts_the_pixels_of_the_sizes_that_come(network: Path, squares: Path) -> None:
    one = workload(task(network, squares), *CLOCK).kinds["mosaics"][1]
    many = workload(task(network, squares, random=2), *CLOCK).kinds["mosaics"][1]

    assert one == 64 * 64
    assert many != one


def test_both_kinds_of_steps_are_measured_and_a_file_of_each_sort_is_weighed(
    network: Path, squares: Path, tmp_path: Path
) -> None:
    measured = measure(task(network, squares), tmp_path, time.time(), print)

    kinds = {load.kind for load, _ in measured.steps}
    assert kinds == {"mosaics", "photographs"}
    assert 15 <= len(measured.steps) <= 25
    assert all(pace.seconds > 0 for _, pace in measured.steps)
    assert measured.image > 0 < measured.proof[0]
    assert measured.memory > 50e6
    assert measured.disk > 3 * (tmp_path / "run" / "last" / "state.safetensors").stat().st_size


def test_an_input_that_grows_is_measured_at_its_first_size_and_at_its_last(
    network: Path, squares: Path, tmp_path: Path
) -> None:
    measured = measure(task(network, squares, mosaic=0, grow=0.5), tmp_path, time.time(), print)

    sizes = [load.pixels for load, _ in measured.steps]
    assert sizes.count(32 * 32) >= 7
    assert sizes.count(64 * 64) >= 7


def test_workers_forked_from_a_process_that_has_trained_are_not_counted_as_no_run_has_any(
    network: Path, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = iter((10**6, 10**12))
    monkeypatch.setattr("onelook.training.forecast.probe.children_memory", lambda _: next(found))

    assert measure(task(network, squares), tmp_path, time.time(), print).memory < 10**11


def test_kept_photographs_grow_to_what_the_run_meets(network: Path, squares: Path) -> None:
    whole, met = 16 * 64 * 64 * 3, 1 - math.exp(-4 * 4 * 2 / 16)
    short, long = task(network, squares, max_batches=2), task(network, squares, max_batches=1000)

    assert cache_growth(long, 0) == pytest.approx(whole, abs=1)
    assert cache_growth(short, 0) == pytest.approx(met * whole, abs=1)
    assert cache_growth(long, 8) == pytest.approx((1 - met) * whole, abs=1)
    assert cache_growth(short, 8) == 0


def test_steps_that_take_too_long_are_fewer_and_told(
    network: Path, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onelook.training.forecast.probe.MOST_SECONDS", 0.0)
    told: list[str] = []
    measured = measure(task(network, squares), tmp_path, time.time(), told.append)

    assert 1 <= len(measured.steps) <= 4
    assert any("steps measured instead of" in line for line in told)


def test_a_forecast_leaves_nothing_behind(
    network: Path, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    result = forecast_training(network, squares, settings=SETTINGS, say=lambda line: None)

    assert result.forecast.steps == 100
    assert 0 < result.forecast.low < result.forecast.seconds < result.forecast.high < 600
    assert result.contradictions == ()
    # torch makes an empty folder for its compiler's cache as its optimizers are first imported
    assert not [path for path in (tmp_path / "temporary").iterdir() if not path.name.startswith("torchinductor")]
    assert not (tmp_path / "runs").exists()
