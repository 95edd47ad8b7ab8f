"""Time budgets: words, and schedules fitted to them."""

import pytest

from onelook.structures.errors import UserError
from onelook.training.forecast.budget import fitting_steps, parse_duration, shortened
from onelook.training.settings import make_train_settings


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("2h", 7200), ("90m", 5400), ("1h30m", 5400), ("45s", 45), ("1h 30 min", 5400), ("1.5h", 5400), ("1d", 86400)],
)
def test_a_time_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert parse_duration(text, "--time-budget") == seconds


@pytest.mark.parametrize("text", ["", "2", "two hours", "0s", "-3h", "2h!", "3 weeks", "1h30"])
def test_another_word_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UserError, match=r"--time-budget: expected a time such as 2h, 90m"):
        parse_duration(text, "--time-budget")


def test_as_many_steps_are_taken_as_fit() -> None:
    assert fitting_steps(lambda steps: 10 + 2.0 * steps, 1000, 110) == 50
    assert fitting_steps(lambda steps: 10 + 2.0 * steps, 40, 110) == 40


def test_a_budget_in_which_nothing_fits_is_refused_with_what_would() -> None:
    with pytest.raises(UserError, match=r"expected at least 66 s"):
        fitting_steps(lambda steps: 58 + 2.0 * steps, 1000, 30)


def test_a_shortened_schedule_keeps_its_shape() -> None:
    given = make_train_settings({"epochs": 40, "steps": "800,900", "scales": ".1,.1", "burn_in": 100}, "test")
    short = shortened(given, 1000, 250)

    assert (short.max_batches, short.epochs) == (250, None)
    assert short.steps == (200, 225)
    assert short.burn_in == 25
