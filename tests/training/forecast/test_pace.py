"""Where a loop's time goes."""

import time
from collections.abc import Generator

import pytest

from onelook.training.forecast.pace import Pace, StepPace, limit_told, waiting_share


def slow(seconds: float, count: int) -> Generator[int, None, None]:
    for number in range(count):
        time.sleep(seconds)
        yield number


def test_what_a_loop_waits_for_its_batches_is_told_from_what_it_does_with_them() -> None:
    pace, steps = Pace(), []
    for number in pace.over(slow(0.03, 4)):
        time.sleep(0.01)
        steps.append(pace.step(number + 1))

    assert [step.step for step in steps] == [1, 2, 3, 4]
    assert 0.5 < waiting_share(steps) < 0.95


def test_an_evaluation_between_steps_is_no_part_of_a_step() -> None:
    pace = Pace()
    pace.restart()
    with pace.beside("evaluation"):
        time.sleep(0.2)
    step = pace.step(1)

    assert step.seconds < 0.1
    assert pace.outside["evaluation"][0] >= 0.2


def test_batches_are_closed_when_the_loop_ends_before_them() -> None:
    closed = []

    def batches() -> Generator[int, None, None]:
        try:
            yield from range(5)
        finally:
            closed.append(True)

    waited = Pace().over(batches())
    next(waited)
    waited.close()

    assert closed == [True]


@pytest.mark.parametrize(("waited", "words"), [(0.9, "loader-bound, 90 %"), (0.05, "network-bound, 5 %")])
def test_what_limits_is_told_with_the_share_of_time_spent_waiting(waited: float, words: str) -> None:
    share = waiting_share([StepPace(1, 2.0, 2.0 * waited)])

    assert limit_told(share).startswith(words)


def test_no_steps_waited_for_nothing() -> None:
    assert waiting_share([]) == 0
