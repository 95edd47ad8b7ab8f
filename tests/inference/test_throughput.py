"""Many at once, and yet in order, bounded, and with every error at its place."""

import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from tests.structures.small_models import small_bundle

from onelook.inference import runtime
from onelook.inference.model import load
from onelook.inference.throughput import cores, in_order
from onelook.structures.letterbox import Image


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


def test_a_list_of_pictures_is_looked_at_by_several_threads_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime, "cores", lambda: 3)
    detector = load(small_bundle(), threads=1, runtime="onnxruntime")
    pictures = [np.random.default_rng(seed).integers(0, 256, (50, 80, 3), dtype=np.uint8) for seed in range(12)]
    threads: set[str] = set()
    look = detector.raw_outputs

    def noted(image: Image, *size: object) -> object:
        threads.add(threading.current_thread().name)
        time.sleep(0.01)
        return look(image)

    monkeypatch.setattr(detector, "raw_outputs", noted)
    found = detector.predict(pictures)

    assert detector.runtime.at_once == len(threads) == 3
    for one, picture in zip(found, pictures, strict=True):
        np.testing.assert_array_equal(one.boxes, detector.predict(picture).boxes)


def test_a_model_with_all_cores_looks_at_one_picture_at_a_time() -> None:
    assert load(small_bundle(), runtime="onnxruntime").runtime.at_once == 1
