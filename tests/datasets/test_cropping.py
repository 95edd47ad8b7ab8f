import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onelook.datasets.augment import NONE, Sample, augment_one, cut
from onelook.datasets.cropping import choose_window
from onelook.structures.boxes import as_boxes

WHOLE = as_boxes([[10, 20, 60, 50], [70, 5, 95, 99]])


def sample() -> Sample:
    return Sample(np.random.default_rng(0).integers(0, 255, (100, 120, 3), dtype=np.uint8), WHOLE, np.array([0, 1]))


@settings(deadline=None, max_examples=60)
@given(st.floats(0.05, 1), st.integers(0, 2**32))
def test_a_window_lies_in_the_photograph_and_holds_one_of_its_objects_whole(least: float, seed: int):
    x1, y1, x2, y2 = choose_window((120, 100), WHOLE, least, np.random.default_rng(seed))
    held = [x1 <= box[0] and y1 <= box[1] and box[2] <= x2 and box[3] <= y2 for box in WHOLE]

    assert 0 <= x1 < x2 <= 120 and 0 <= y1 < y2 <= 100
    assert any(held)


def test_windows_differ_and_reach_from_the_least_side_to_the_whole():
    rng = np.random.default_rng(0)
    sides = [
        window[2] - window[0] for window in (choose_window((120, 100), as_boxes([]), 0.3, rng) for _ in range(200))
    ]

    assert 36 <= min(sides) < 45
    assert 110 < max(sides) <= 120


def test_a_box_that_reaches_beyond_the_photograph_is_held_as_far_as_it_goes():
    window = choose_window((120, 100), as_boxes([[-30, -5, 130, 90]]), 0.1, np.random.default_rng(1))

    assert window[0] == 0 and window[2] == 120 and window[1] == 0 and window[3] >= 90


def test_a_cut_photograph_is_a_window_of_its_pixels_and_boxes_follow():
    whole = sample()
    for seed in range(30):
        made = cut(whole, dataclasses.replace(NONE, crop=1, crop_least=0.2), np.random.default_rng(seed))
        height, width = made.image.shape[:2]
        at = next(
            (x, y)
            for y in range(101 - height)
            for x in range(121 - width)
            if np.array_equal(whole.image[y : y + height, x : x + width], made.image)
        )
        for box, kind in zip(made.boxes, made.classes, strict=True):
            moved = np.clip(WHOLE[kind] - np.array([*at, *at]), 0, [width, height, width, height])
            assert np.allclose(box, moved)
        assert len(made.boxes) >= 1


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_chance_of_0_leaves_the_picture_as_it_is(chance: float):
    how = dataclasses.replace(NONE, crop=chance, crop_least=0.3)
    plain, cropped = (augment_one(sample(), (64, 64), each, np.random.default_rng(3)) for each in (NONE, how))
    made = augment_one(cut(sample(), how, np.random.default_rng(3)), (64, 64), how, np.random.default_rng(3))

    assert np.array_equal(plain.image, cropped.image)
    assert np.array_equal(plain.image, made.image) == (chance == 0)
