"""Paired comparisons: against a naive form, against known effects, and where nothing can be said."""

import math
import statistics
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.experiments.report.known_grids import as_rows, grid_outcomes, outcome

from onelook.experiments.outcome import Outcome
from onelook.experiments.report.contrasts import contrast
from onelook.experiments.report.figures import ACCURACY, MEMORY, OBJECTNESS, WALL
from onelook.experiments.report.rows import Row
from onelook.experiments.report.student import student_quantile


def test_a_known_effect_is_found(rows: list[Row]) -> None:
    found = contrast(rows, "batch", 4, 32, OBJECTNESS)

    assert found.over == "settings"
    assert len(found.pairs) == 4  # two networks, two lengths: two seeds of a setting count once
    assert found.value == pytest.approx(0.3, abs=0.01)
    assert found.side == 1


def test_ratios_are_geometric_means(rows: list[Row]) -> None:
    found = contrast(rows, "batch", 4, 32, MEMORY)

    assert found.value == pytest.approx(1.2**3, rel=1e-6)
    assert found.told().startswith("1.73 times [1.73 to 1.73] (4 settings)")


def test_with_one_setting_the_seeds_are_averaged_over() -> None:
    scores = {4: (0.30, 0.34, 0.31), 8: (0.35, 0.36, 0.38)}
    found = contrast(
        as_rows([outcome(batch=b, seed=s, result={"ap50": v}) for b, vs in scores.items() for s, v in enumerate(vs)]),
        "batch",
        4,
        8,
        ACCURACY,
    )

    differences = [0.05, 0.02, 0.07]
    reach = 4.3027 * statistics.stdev(differences) / math.sqrt(3)
    assert found.over == "seeds"
    assert found.value == pytest.approx(statistics.fmean(differences))
    assert found.interval.low == pytest.approx(statistics.fmean(differences) - reach, abs=1e-5)
    assert found.interval.high == pytest.approx(statistics.fmean(differences) + reach, abs=1e-5)


def test_axes_that_a_plan_varies_together_are_compared_as_one() -> None:
    made = [
        replace(
            outcome(batch=batch, epochs=epochs),
            axes={"batch": batch, "learning_rate": batch / 1000, "epochs": epochs},
            result={"ap50": batch / 100 + epochs / 10},
        )
        for batch in (4, 8)
        for epochs in (1, 5)
    ]
    alone = as_rows(made)
    zipped = [replace(row, together=(frozenset({"batch", "learning_rate"}),)) for row in alone]

    assert contrast(alone, "batch", 4, 8, ACCURACY).value is None, "nobody says that they belong together"
    for axis, first, second in (("batch", 4, 8), ("learning_rate", 0.004, 0.008)):
        found = contrast(zipped, axis, first, second, ACCURACY)
        assert found.value == pytest.approx(0.04)
        assert len(found.pairs) == 2


def test_one_run_a_level_has_a_difference_and_no_interval() -> None:
    found = contrast(as_rows([outcome(batch=4), outcome(batch=8)]), "batch", 4, 8, ACCURACY)

    assert found.value == pytest.approx(-0.03)
    assert found.interval.low is None
    assert found.side == 0
    assert found.told() == "-0.030 (1 seed, so no interval)"


def test_runs_that_are_not_done_make_no_pair(rows: list[Row]) -> None:
    broken = [replace(row, outcome=replace(row.outcome, state="failed")) for row in rows if row.levels["epochs"] == 5]
    rest = [row for row in rows if row.levels["epochs"] == 1]

    assert len(contrast([*broken, *rest], "batch", 4, 32, ACCURACY).pairs) == 2
    assert contrast(broken, "batch", 4, 32, ACCURACY).value is None
    assert contrast(broken, "batch", 4, 32, ACCURACY).told() == "no pair"


def test_a_level_that_lacks_a_seed_is_compared_over_the_seeds_of_both() -> None:
    rows = as_rows(
        [
            outcome(batch=4, seed=0, result={"ap50": 0.2}),
            outcome(batch=4, seed=1, result={"ap50": 0.9}),
            outcome(batch=8, seed=0, result={"ap50": 0.3}),
        ]
    )

    assert contrast(rows, "batch", 4, 8, ACCURACY).value == pytest.approx(0.1)


figures = st.floats(0.01, 100, allow_nan=False)
runs = st.lists(
    st.tuples(
        st.sampled_from((4, 8)), st.sampled_from((1, 5)), st.sampled_from(("tiny", "large")), st.integers(0, 2), figures
    ),
    unique_by=lambda run: run[:4],
    max_size=24,
)


@settings(deadline=None, max_examples=60)
@given(runs)
def test_every_comparison_is_the_naive_one(made: list[tuple[int, int, str, int, float]]) -> None:
    """The naive form: every two runs are looked at, and the sums are written out."""
    outcomes = [outcome(n, b, e, s, result={"ap50": value}) for b, e, n, s, value in made]
    by_setting: dict[tuple[int, str], list[float]] = {}
    for first, second in ((a, b) for a in made for b in made):
        if (first[0], second[0]) == (4, 8) and first[1:4] == second[1:4]:
            by_setting.setdefault((first[1], first[2]), []).append(second[4] - first[4])
    units = [sum(each) / len(each) for each in by_setting.values()]
    if len(by_setting) == 1:
        units = next(iter(by_setting.values()))

    found = contrast(as_rows(outcomes), "batch", 4, 8, ACCURACY)

    assert list(found.pairs) == pytest.approx(sorted(units))
    if not units:
        assert found.value is None
        return
    mean = sum(units) / len(units)
    assert found.value == pytest.approx(mean)
    if len(units) > 1:
        variance = sum((unit - mean) ** 2 for unit in units) / (len(units) - 1)
        reach = student_quantile(0.95, len(units) - 1) * math.sqrt(variance / len(units))
        assert found.interval.low == pytest.approx(mean - reach, abs=1e-6)
        assert found.interval.high == pytest.approx(mean + reach, abs=1e-6)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(figures, figures), min_size=2, max_size=6))
def test_turning_a_ratio_round_gives_its_inverse(seconds: list[tuple[float, float]]) -> None:
    def timed(batch: int, seed: int, wall: float) -> Outcome:
        made = outcome(batch=batch, seed=seed)
        assert made.measured is not None
        return replace(made, measured=replace(made.measured, wall_seconds=wall))

    rows = as_rows([timed(b, s, wall) for s, pair in enumerate(seconds) for b, wall in zip((4, 8), pair, strict=True)])
    there, back = contrast(rows, "batch", 4, 8, WALL), contrast(rows, "batch", 8, 4, WALL)

    assert there.value is not None
    assert back.value is not None
    assert there.value * back.value == pytest.approx(1)
    assert there.side == -back.side


def test_the_interval_holds_the_true_effect_as_often_as_it_says() -> None:
    """Sixteen settings with a true effect of 0.05 and independent noise, two hundred times."""
    import random

    held = 0
    for trial in range(200):
        rng = random.Random(trial)
        outcomes = [
            replace(each, result={"ap50": 0.5 + (0.05 if each.axes["batch"] == 8 else 0.0) + rng.gauss(0, 0.02)})
            for each in grid_outcomes(seeds=1)
            if each.axes["batch"] in (4, 8)
        ]
        interval = contrast(as_rows(outcomes), "batch", 4, 8, ACCURACY).interval
        held += interval.low is not None and interval.high is not None and interval.low <= 0.05 <= interval.high

    assert held / 200 == pytest.approx(0.95, abs=0.05)
