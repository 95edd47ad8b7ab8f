import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onelook.datasets.augment import (
    NONE,
    AugmentSettings,
    Sample,
    augment_four,
    augment_one,
    compose,
    recolour,
    warp_boxes,
)
from onelook.structures.boxes import as_boxes
from onelook.structures.errors import UserError
from onelook.structures.letterbox import fit, place

COLOURS = ((255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0))
"""One a tile, so that a rectangle is found again in the mosaic."""


def rectangle(size: tuple[int, int], box: tuple[int, int, int, int], colour: tuple[int, int, int]) -> Sample:
    """Return a black picture of `size` (width, height) with one rectangle, which is its box."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = colour
    return Sample(image, as_boxes([box]), np.array([7]))


def seen(image: np.ndarray, colour: tuple[int, int, int]) -> tuple[int, int, int, int] | None:
    """Return the box of the pixels that are nearer to the colour than to black or grey; None when there are none."""
    far = np.abs(image.astype(int) - np.array(colour)).max(axis=2) < 100
    rows, columns = np.flatnonzero(far.any(axis=1)), np.flatnonzero(far.any(axis=0))
    return (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1) if len(rows) else None


def assert_same(box: np.ndarray, seen_box: tuple[int, int, int, int] | None, slack: float) -> None:
    assert seen_box is not None, box
    assert np.abs(box - np.array(seen_box)).max() <= slack, (box, seen_box)


sizes = st.tuples(st.integers(40, 200), st.integers(40, 200))
moves = st.builds(
    AugmentSettings,
    letterbox=st.booleans(),
    flip=st.sampled_from([0.0, 1.0]),
    flip_vertical=st.sampled_from([0.0, 1.0]),
    hue=st.just(0.0),
    saturation=st.just(1.0),
    exposure=st.just(1.0),
    scale=st.floats(1, 2),
    aspect=st.floats(1, 1.5),
    translate=st.floats(0, 0.3),
    min_visible=st.just(0.3),
)


@settings(deadline=None, max_examples=40)
@given(sizes, sizes, moves, st.integers(0, 2**32), st.data())
def test_a_box_follows_its_pixels(size, into, how, seed, data):
    x1, y1 = data.draw(st.integers(0, size[0] // 2)), data.draw(st.integers(0, size[1] // 2))
    box = (x1, y1, x1 + data.draw(st.integers(16, size[0] // 2)), y1 + data.draw(st.integers(16, size[1] // 2)))
    made = augment_one(rectangle(size, box, COLOURS[0]), into, how, np.random.default_rng(seed))

    assert made.image.shape == (into[1], into[0], 3)
    for kept in made.boxes:
        if min(kept[2:] - kept[:2]) > 4:
            assert_same(kept, seen(made.image, COLOURS[0]), 1.6)


@settings(deadline=None, max_examples=40)
@given(st.lists(sizes, min_size=4, max_size=4), moves, st.integers(0, 2**32))
def test_boxes_follow_their_pixels_into_a_mosaic(four, how, seed):
    samples = [
        rectangle(size, (size[0] // 4, size[1] // 4, size[0] * 3 // 4, size[1] * 3 // 4), colour)
        for size, colour in zip(four, COLOURS, strict=True)
    ]
    samples = [dataclasses.replace(sample, classes=np.array([i])) for i, sample in enumerate(samples)]
    made = augment_four(samples, (160, 128), how, np.random.default_rng(seed))

    for kept, index in zip(made.boxes, made.classes, strict=True):
        if min(kept[2:] - kept[:2]) > 4:
            assert_same(kept, seen(made.image, COLOURS[index]), 1.6)
    for index, colour in enumerate(COLOURS):
        shown = seen(made.image, colour)
        if shown and index not in made.classes:
            whole = how.min_visible * 160 * 128  # dropped boxes are the small remains of larger ones
            assert (shown[2] - shown[0]) * (shown[3] - shown[1]) < whole


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 180), st.floats(0, 30), st.integers(0, 2**32))
def test_a_turned_box_holds_all_of_its_pixels(degrees, shear, seed):
    how = dataclasses.replace(NONE, degrees=degrees, shear=shear)
    made = augment_one(
        rectangle((200, 200), (80, 60, 120, 110), COLOURS[1]), (200, 200), how, np.random.default_rng(seed)
    )
    shown = seen(made.image, COLOURS[1])

    assert shown is not None
    assert len(made.boxes) == 1
    assert (made.boxes[0, :2] <= np.array(shown[:2]) + 1.5).all()
    assert (made.boxes[0, 2:] >= np.array(shown[2:]) - 1.5).all()


@pytest.mark.parametrize("letterbox", [True, False])
def test_without_augmentation_the_input_is_what_inference_sees(letterbox: bool):
    rng = np.random.default_rng(0)
    image = np.repeat(np.repeat(rng.integers(0, 255, (12, 16, 3), dtype=np.uint8), 10, axis=0), 10, axis=1)
    sample = Sample(image, as_boxes([[10, 20, 60, 80]]), np.array([1]))
    how = fit((160, 120), (96, 96), letterbox)
    made = augment_one(sample, (96, 96), dataclasses.replace(NONE, letterbox=letterbox), rng)
    difference = np.abs(made.image.astype(int) - place(image, how, (96, 96)))

    assert np.allclose(made.boxes, how.into(sample.boxes), atol=1e-4)
    assert difference.mean() < 1
    assert np.percentile(difference, 99) <= 12


def test_a_box_with_too_little_left_is_dropped_and_the_others_are_clipped():
    boxes = as_boxes([[0, 0, 10, 10], [-9, 0, 1, 10], [-4, 0, 6, 10], [5, 5, 5.5, 9]])
    kept, which = warp_boxes(boxes, np.eye(3), (20, 20), min_visible=0.25)

    assert which.tolist() == [True, False, True, False]
    assert kept.tolist() == [[0, 0, 10, 10], [0, 0, 6, 10]]


def test_no_boxes_stay_no_boxes():
    sample = Sample(np.zeros((20, 30, 3), np.uint8), as_boxes([]), np.zeros(0, np.int64))
    made = compose(lambda _: sample, 0, 1, (32, 32), True, AugmentSettings(mixup=1), np.random.default_rng(0))

    assert made.boxes.shape == (0, 4)
    assert made.classes.shape == (0,)


def test_a_mosaic_is_made_of_four_and_mixup_of_both():
    asked: list[int] = []

    def load(index: int) -> Sample:
        asked.append(index)
        return rectangle((64, 64), (10, 10, 50, 50), COLOURS[index % 4])

    compose(load, 5, 9, (64, 64), True, AugmentSettings(mixup=0), np.random.default_rng(1))
    four = len(asked)
    compose(load, 5, 9, (64, 64), False, AugmentSettings(mixup=0), np.random.default_rng(1))
    one = len(asked) - four
    mixed = compose(load, 5, 9, (64, 64), False, AugmentSettings(mixup=1), np.random.default_rng(1))

    assert asked[0] == asked[4] == asked[5] == 5
    assert (four, one, len(asked) - four - one) == (4, 1, 2)
    assert len(mixed.boxes) == 2


def test_one_generator_gives_one_picture():
    sample = rectangle((90, 60), (10, 10, 50, 50), COLOURS[0])
    one, two = (
        compose(lambda _: sample, 0, 1, (64, 64), True, AugmentSettings(degrees=10), np.random.default_rng(4))
        for _ in range(2)
    )

    assert np.array_equal(one.image, two.image)
    assert np.array_equal(one.boxes, two.boxes)


def test_brightness_and_hue_change_within_their_limits():
    image = np.full((8, 8, 3), (200, 100, 50), np.uint8)
    brighter = [
        recolour(image, dataclasses.replace(NONE, exposure=1.25), np.random.default_rng(seed)).max()
        for seed in range(50)
    ]

    assert 160 <= min(brighter) < 200 < max(brighter) <= 250
    assert np.array_equal(recolour(image, NONE, np.random.default_rng(0)), image)
    turned = recolour(image, dataclasses.replace(NONE, hue=0.5), np.random.default_rng(3))
    assert not np.array_equal(turned, image)
    assert abs(int(turned.max()) - 200) <= 2


@pytest.mark.parametrize(("field", "value"), [("flip", 1.5), ("hue", -0.1), ("scale", 0.5), ("min_visible", math.nan)])
def test_a_setting_out_of_range_is_refused_with_its_range(field: str, value: float):
    with pytest.raises(UserError, match=f"^{field}: expected "):
        AugmentSettings(**{field: value})
