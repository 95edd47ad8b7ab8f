"""The gate: equal models pass with their difference stated, others do not."""

import dataclasses

import numpy as np
import pytest
from tests.structures.small_models import small_bundle

from onelook.inference.export import generated_pictures
from onelook.inference.gate import Difference, GateError, Tolerance, check, compare
from onelook.inference.model import Detector, load
from onelook.structures.letterbox import Image


def changed(amount: float) -> Detector:
    """Return the small detector with its last biases moved."""
    bundle = small_bundle()
    arrays = {**bundle.arrays, "1.biases": bundle.arrays["1.biases"] + np.float32(amount)}
    return load(dataclasses.replace(bundle, arrays=arrays), threads=1)


def test_a_model_does_not_differ_from_itself(detector: Detector, picture: Image) -> None:
    difference = check(detector, detector, [picture], Tolerance())

    assert difference.boxes > 50
    assert (difference.missing, difference.score, difference.box, difference.outputs) == (0, 0, 0, 0)
    assert str(difference).startswith(f"1 pictures, {difference.boxes} boxes: scores differ by at most 0.0e+00")


def test_a_small_difference_is_measured_and_passes(detector: Detector, picture: Image) -> None:
    difference = check(detector, changed(1e-4), [picture], Tolerance())

    assert 0 < difference.score < 1e-3
    assert 0 < difference.box < 0.5
    assert 0 < difference.outputs < 1e-3


def test_another_model_is_refused_with_the_difference(detector: Detector, picture: Image) -> None:
    with pytest.raises(GateError, match="differs from its source beyond tolerance and was not kept") as caught:
        check(detector, changed(0.3), [picture], Tolerance())

    assert caught.value.difference.score > 1e-3


def test_a_model_that_misses_everything_is_refused(detector: Detector, picture: Image) -> None:
    difference = compare(detector, changed(-50), [picture])

    assert difference.missing == difference.boxes > 0
    assert not difference.within(Tolerance(1, 1e9, 1e9))


def test_what_is_not_a_number_never_passes() -> None:
    nan = float("nan")

    assert not Difference(1, 1, 0, nan, 0, 0).within(Tolerance())
    assert not Difference(1, 1, 0, 0, 0, nan).within(Tolerance())
    assert Difference(1, 1, 0, 0, 0, 0).as_json()["score_difference"] == 0


def test_no_picture_is_no_difference(detector: Detector) -> None:
    assert compare(detector, changed(1), []) == Difference(0, 0, 0, 0, 0, 0)


def test_generated_pictures_are_always_the_same_and_differ_from_each_other() -> None:
    first, second = generated_pictures(), generated_pictures()

    assert len(first) == 3
    assert all((one == other).all() for one, other in zip(first, second, strict=True))
    assert len({image.shape for image in first}) == 3
