"""Lower rates and early ends follow from the scores."""

import pytest

from onelook.training.recipe.plateau import LOWEST, plateau_factor, stops_early


@pytest.mark.parametrize(
    ("scores", "factor"),
    [
        ([], 1),
        ([0.1, 0.2, 0.3], 1),
        ([0.3, 0.2], 1),
        ([0.3, 0.2, 0.3], 0.5),
        ([0.3, 0.2, 0.3, 0.25, 0.1], 0.25),
        ([0.3, 0.2, 0.3, 0.4, 0.1, 0.1], 0.25),
        ([0.3, 0.30005, 0.30009], 0.5),
        ([0.3, 0.30005, 0.3002], 1),
        ([float("nan"), 0.1, 0.2], 1),
    ],
)
def test_the_rate_is_lowered_after_every_two_evaluations_without_progress(scores: list[float], factor: float) -> None:
    assert plateau_factor(scores, 2, 0.5) == factor


def test_the_rate_is_never_lowered_to_nothing() -> None:
    assert plateau_factor([0.5] * 1000, 2, 0.1) == LOWEST


def test_a_run_ends_when_its_patience_has_run_out_and_not_without_one() -> None:
    assert not stops_early([], 1)
    assert not stops_early([0.5, 0.4, 0.5], 3)
    assert stops_early([0.5, 0.4, 0.5, 0.5], 3)
    assert not stops_early([0.5, 0.4, 0.5, 0.6], 3)
    assert not stops_early([0.5] * 100, None)
