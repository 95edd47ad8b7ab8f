"""Many at once, and yet in order, bounded, and with every error at its place."""

import threading
import time
from collections.abc import Iterator

import pytest

from onelook.inference.throughput import cores, in_order


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_results_come_in_the_items_order(workers: int) -> None:
    def slow_first(item: int) -> int:
        time.sleep(0.02 if item % 3 == 0 else 0)
        return item * 10

    assert list(in_order(slow_first, range(20), workers)) == [item * 10 for item in range(20)]
    assert list(in_order(slow_first, [], workers)) == []


def test_several_are_at_work_at_the_same_time() -> None:
    both = threading.Barrier(2, timeout=10)

    assert sorted(in_order(lambda _: both.wait(), range(2), 2)) == [0, 1]


def test_few_items_are_taken_ahead() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    results = in_order(lambda item: item, items(), 2)
    next(results)
    assert len(taken) < 10

    results.close()  # type: ignore[attr-defined]
    assert len(taken) < 10


@pytest.mark.parametrize("workers", [1, 3])
def test_what_goes_wrong_comes_out_at_its_turn(workers: int) -> None:
    def picky(item: int) -> int:
        if item == 3:
            raise ValueError("three")
        return item

    results = in_order(picky, range(10), workers)

    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="three"):
        next(results)


def test_there_is_at_least_one_core() -> None:
    assert cores() >= 1
