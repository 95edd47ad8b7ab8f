"""Two machines: what differs, and that the measured parts multiply to the whole."""

import re
from dataclasses import replace

import pytest
from tests.experiments.report.known_grids import QUICK, SLOW, as_rows, grid_outcomes

from onelook.experiments.outcome import Outcome
from onelook.experiments.report.contrasts import contrast
from onelook.experiments.report.figures import ACCURACY
from onelook.experiments.report.machines import name_machines
from onelook.experiments.report.rows import Row, axes_of
from onelook.experiments.report.side_by_side import explain_machines, machine_tables


def on_quick_machine(outcome: Outcome) -> Outcome:
    """Return the same run where cores are 1.25 times as quick and twice as many of them are busy."""
    measured = outcome.measured
    assert measured is not None and measured.user_seconds is not None and measured.system_seconds is not None
    quicker = replace(
        measured,
        wall_seconds=measured.wall_seconds / 2.5,
        user_seconds=measured.user_seconds / 1.25,
        system_seconds=measured.system_seconds / 1.25,
        cpu_percent=320.0,
        waiting_seconds=0.0,
    )
    return replace(outcome, measured=quicker, environment=QUICK)


@pytest.fixture
def two() -> list[Row]:
    ours = list(grid_outcomes())
    return as_rows(
        [*ours, *(replace(on_quick_machine(each), id=f"quick-{each.id}", run=f"quick/{each.id}") for each in ours)]
    )


def test_the_machine_is_an_axis_where_there_are_two(two: list[Row], rows: list[Row]) -> None:
    assert axes_of(two) == ["network", "batch", "epochs", "machine"]
    assert "machine" not in axes_of(rows)
    assert machine_tables(rows) == []
    assert explain_machines(rows) == []


def test_time_is_explained_by_parts_that_multiply_to_it(two: list[Row]) -> None:
    (words,) = explain_machines(two)

    assert "New, 4 cores takes 0.4 times [0.4 to 0.4] (16 settings) the time of Old, 2 cores." in words
    cpu, busy, whole = (float(n) for n in re.findall(r"([\d.]+) / ([\d.]+) = ([\d.]+)\.", words)[0])
    assert (cpu, busy, whole) == (0.8, 2.0, 0.4)
    assert "waits for data 0 % of the time, Old, 2 cores 5 %" in words
    assert "cores 4 against 2" in words
    assert "memory 16.00 GiB against 8.00 GiB" in words


def test_a_second_machine_makes_no_more_settings_of_a_plan(two: list[Row], rows: list[Row]) -> None:
    """Both give the same accuracy, so that counting them apart would feign certainty."""
    alone, both = (contrast(each, "batch", 4, 32, ACCURACY) for each in (rows, two))

    assert len(both.pairs) == len(alone.pairs) == 4
    assert len(both.everywhere) == 8
    assert both.interval == alone.interval


def test_machines_without_a_common_setting_are_not_compared(two: list[Row]) -> None:
    apart = [row for row in two if (row.levels["batch"] == 4) == (row.machine == "Old, 2 cores")]

    assert explain_machines(apart) == [
        "New, 4 cores and Old, 2 cores have no setting in common, so nothing can be said of the two."
    ]


def test_machines_of_the_same_make_are_numbered() -> None:
    first, second = {**SLOW, "node": "a"}, {**SLOW, "node": "b"}

    assert name_machines([first, second, first, {}]) == ["Old, 2 cores", "Old, 2 cores (2)", "Old, 2 cores", ""]


def test_a_machine_stays_itself_whatever_its_container_is_called_and_its_kernel_takes() -> None:
    made = [
        {**SLOW, "container": "docker", "node": name, "memory": 8 * 2**30 - taken}
        for name, taken in (("x", 0), ("y", 5000))
    ]

    assert len(set(name_machines(made))) == 1
    assert len(set(name_machines([*made, SLOW]))) == 2  # the same processor without a container
