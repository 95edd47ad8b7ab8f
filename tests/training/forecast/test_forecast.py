"""From what was measured to hours, an interval and what limits."""

from dataclasses import replace

import pytest

from onelook.training.forecast.forecast import Measured, Workload, forecast, told
from onelook.training.forecast.pace import StepPace
from onelook.training.tasks.task import StepLoad

WORK = Workload({"mosaics": (800, 100.0), "photographs": (200, 100.0)}, 8, 5, 40, 60, 120.0, 30.0)


def steps(
    kind: str, seconds: list[float], pixels: int = 100, waited: float = 0.0
) -> tuple[tuple[StepLoad, StepPace], ...]:
    return tuple((StepLoad(kind, pixels), StepPace(n + 1, s, s * waited)) for n, s in enumerate(seconds))


MEASURED = Measured(
    ready=4.0,
    steps=steps("mosaics", [0.5] * 16) + steps("photographs", [0.25] * 4),
    image=0.1,
    evaluation=1.0,
    save=0.6,
    chart=0.3,
    proof=(3.0, 0.2),
    memory=10**9,
    disk=10**8,
    available=8 * 10**9,
    disk_free=10**10,
)


def test_the_whole_is_the_sum_of_what_a_run_does() -> None:
    result = forecast(WORK, MEASURED)

    assert result.parts["steps"] == pytest.approx(800 * 0.5 + 200 * 0.25)
    assert result.parts["evaluations"] == pytest.approx(5 * (40 * 0.1 + 1))
    assert result.parts["saves and charts"] == pytest.approx(450 * (0.6 / 120 + 0.3 / 30))
    assert result.parts["proof"] == pytest.approx(3 + 60 * 0.2)
    assert result.seconds == pytest.approx(sum(result.parts.values()))
    assert result.low < result.seconds < result.high


def test_a_step_costs_in_proportion_to_the_pixels_of_its_input() -> None:
    larger = replace(WORK, kinds={"mosaics": (800, 150.0), "photographs": (200, 150.0)})

    assert forecast(larger, MEASURED).parts["steps"] == pytest.approx(1.5 * forecast(WORK, MEASURED).parts["steps"])


def test_a_step_of_half_the_side_may_cost_half_and_not_a_quarter_where_both_were_measured() -> None:
    both = replace(MEASURED, steps=steps("mosaics", [0.3] * 10, 100) + steps("mosaics", [0.6] * 10, 400))
    growing = replace(WORK, kinds={"mosaics": (1000, 250.0)})

    assert forecast(growing, both).parts["steps"] == pytest.approx(1000 * 0.45)


def test_an_input_that_grows_beyond_what_was_measured_widens_the_interval_down_to_steps_that_cost_no_more() -> None:
    growing = replace(WORK, kinds={"mosaics": (1000, 300.0)})
    result = forecast(growing, replace(MEASURED, steps=steps("mosaics", [0.5] * 20, 100)))

    assert result.parts["steps"] == pytest.approx(1000 * 1.5)
    assert result.low < 1000 * 0.8


def test_one_step_that_another_program_held_up_does_not_spoil_the_forecast() -> None:
    disturbed = replace(MEASURED, steps=steps("mosaics", [0.5] * 15 + [60.0]) + MEASURED.steps[16:])

    assert forecast(WORK, disturbed).parts["steps"] < 1.2 * forecast(WORK, MEASURED).parts["steps"]


def test_drift_and_few_steps_widen_the_interval() -> None:
    drifting = replace(MEASURED, steps=steps("mosaics", [0.3 + 0.03 * n for n in range(16)]) + MEASURED.steps[16:])
    few = replace(MEASURED, steps=steps("mosaics", [0.5]))

    widths = [
        (result.high - result.low) / result.seconds
        for result in (forecast(WORK, MEASURED), forecast(WORK, drifting), forecast(WORK, few))
    ]
    assert widths[0] < widths[1] < widths[2]


@pytest.mark.parametrize(
    ("measured", "limit"),
    [
        (MEASURED, "network"),
        (replace(MEASURED, steps=steps("mosaics", [0.5] * 20, waited=0.6)), "loader"),
        (replace(MEASURED, memory=15 * 10**9, available=16 * 10**9), "memory"),
    ],
)
def test_what_limits_is_named(measured: Measured, limit: str) -> None:
    assert forecast(WORK, measured).limit == limit


def test_a_disk_that_is_too_small_is_told_with_the_way_out() -> None:
    lines = told(forecast(WORK, replace(MEASURED, disk=10**11)))

    assert lines[0].startswith("forecast: 8 min")
    assert any("disk is too small" in line for line in lines)
