"""Rates and sizes follow the step alone."""

import pytest

from onelook.models.known import find_network
from onelook.training.recipe.schedule import learning_rate, make_plan
from onelook.training.settings import TrainSettings, make_train_settings, resolve


def resolved(**values: object) -> TrainSettings:
    return resolve(make_train_settings(values, "--set"), find_network("yolov3-tiny"), images=80, classes=2)


def test_the_rate_rises_over_the_burn_in_and_falls_as_a_cosine() -> None:
    settings = resolved(max_batches=110, burn_in=10, learning_rate=1.0)
    rates = [learning_rate(settings, step) for step in range(110)]

    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == 1.0
    assert rates[60] == pytest.approx(0.505, abs=0.001)
    assert rates[109] == pytest.approx(0.01, abs=0.001)


def test_steps_multiply_the_rate_where_they_are_reached() -> None:
    settings = resolved(max_batches=100, burn_in=0, learning_rate=1.0, policy="steps", steps="50,80", scales=".1,.5")

    assert [learning_rate(settings, step) for step in (49, 50, 80)] == pytest.approx([1, 0.1, 0.05])


def test_mosaics_end_before_the_run_does() -> None:
    plan = make_plan(resolved(max_batches=100, close_mosaic=0.2, batch=8, subdivisions=2), 32, 2)

    assert plan(0).mosaic
    assert plan(2 * 79).mosaic
    assert not plan(2 * 80).mosaic


def test_sizes_vary_within_the_factor_in_multiples_of_the_stride_and_end_true() -> None:
    plan = make_plan(resolved(max_batches=400, random=1.5, width=320, height=256), 32, 1)
    sizes = [plan(step).size for step in range(400)]

    assert {side % 32 for size in sizes for side in size} == {0}
    assert 192 <= min(width for width, _ in sizes) < 320 < max(width for width, _ in sizes) <= 480
    assert sizes[-10:] == [(320, 256)] * 10
    assert all(len(set(sizes[start : start + 10])) == 1 for start in range(0, 400, 10))


def test_an_input_that_grows_is_whole_from_two_thirds_on() -> None:
    plan = make_plan(resolved(max_batches=300, grow=0.5, width=320, height=320), 32, 1)
    sides = [plan(step).size[0] for step in range(300)]

    assert sides[0] == 160
    assert sides == sorted(sides)
    assert set(sides[200:]) == {320}
    assert len(set(sides)) > 3
