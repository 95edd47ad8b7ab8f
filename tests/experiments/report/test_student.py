"""Student's t interval against the published table, and against what it promises."""

import numpy as np
import pytest

from onelook.experiments.report.student import mean_interval, student_quantile

TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 7: 2.365, 10: 2.228, 15: 2.131, 30: 2.042, 120: 1.980}
"""Of the middle 95 %, by degrees of freedom, as every textbook prints it."""


@pytest.mark.parametrize("freedom", TABLE)
def test_quantiles_are_those_of_the_textbooks(freedom: int) -> None:
    assert student_quantile(0.95, freedom) == pytest.approx(TABLE[freedom], abs=6e-4)


def test_other_levels_are_those_of_the_textbooks() -> None:
    assert student_quantile(0.99, 4) == pytest.approx(4.604, abs=6e-4)
    assert student_quantile(0.90, 9) == pytest.approx(1.833, abs=6e-4)


@pytest.mark.parametrize("freedom", [1, 2, 3, 6, 11])
def test_a_quantile_holds_its_share_of_the_density(freedom: int) -> None:
    """The density integrated by the trapezoidal rule, in the angle where it has a finite range."""
    t = student_quantile(0.8, freedom)
    angles = np.linspace(0, np.pi / 2, 200_001)
    density = np.cos(angles) ** (freedom - 1)  # of t = sqrt(freedom) tan(angle)
    inside = angles <= np.arctan(t / np.sqrt(freedom))

    assert density[inside].sum() / density.sum() == pytest.approx(0.8, abs=1e-4)


def test_the_interval_holds_the_true_mean_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = 0
    for values in rng.normal(3.0, 2.0, (2000, 4)).tolist():
        interval = mean_interval(values)
        held += interval.low is not None and interval.high is not None and interval.low <= 3.0 <= interval.high

    assert held / 2000 == pytest.approx(0.95, abs=0.02)


def test_one_number_has_no_interval() -> None:
    assert mean_interval([1.0]).low is None
    assert mean_interval([]).high is None


def test_numbers_that_agree_have_an_interval_of_no_width() -> None:
    interval = mean_interval([0.5, 0.5, 0.5])

    assert (interval.low, interval.high) == (0.5, 0.5)
