"""Letterbox and stretch: where Darknet puts the image, and the way back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onelook.structures.boxes import as_boxes
from onelook.structures.letterbox import GREY, cut, fit, place


@pytest.mark.parametrize(
    ("size", "inner", "pad"),
    [
        ((768, 576), (416, 312), (0, 52)),
        ((424, 640), (275, 416), (70, 0)),
        ((500, 500), (416, 416), (0, 0)),
        ((4000, 1), (416, 1), (0, 207)),
    ],
)
def test_letterbox_keeps_the_aspect_ratio_in_the_middle(
    size: tuple[int, int], inner: tuple[int, int], pad: tuple[int, int]
) -> None:
    how = fit(size, (416, 416), letterbox=True)

    assert (how.inner, (how.pad_x, how.pad_y)) == (inner, pad)


@pytest.mark.parametrize(
    ("size", "inner", "pad"),
    [((500, 375), (341, 256), (-58, -16)), ((224, 224), (256, 256), (-16, -16)), ((30, 60), (256, 512), (-16, -144))],
)
def test_the_middle_is_cut_from_a_picture_whose_short_side_is_an_eighth_longer(
    size: tuple[int, int], inner: tuple[int, int], pad: tuple[int, int]
) -> None:
    how = cut(size, (224, 224))

    assert (how.inner, (how.pad_x, how.pad_y)) == (inner, pad)


def test_what_is_cut_out_is_the_middle() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[30:70, 80:120] = 255
    seen = place(image, cut((200, 100), (50, 50)), (50, 50))

    assert seen.shape == (50, 50, 3)
    assert seen[25, 25].min() == 255
    assert seen[:12].max() == seen[:, :12].max() == seen[-12:].max() == seen[:, -12:].max() == 0


def test_stretch_fills_the_input() -> None:
    how = fit((768, 576), (416, 320), letterbox=False)

    assert how.inner == (416, 320)
    assert how.into(as_boxes([[0, 0, 768, 576], [384, 288, 768, 576]])).tolist() == [
        [0, 0, 416, 320],
        [208, 160, 416, 320],
    ]


def test_letterbox_pads_with_darknet_s_grey() -> None:
    image = np.full((10, 20, 3), 255, np.uint8)
    how = fit((20, 10), (32, 32), letterbox=True)

    canvas = place(image, how, (32, 32))

    assert canvas.shape == (32, 32, 3)
    assert (canvas[:8] == GREY).all()
    assert (canvas[8:24] == 255).all()
    assert (canvas[24:] == GREY).all()


def test_an_image_of_the_input_s_size_is_left_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)

    assert (place(image, fit((64, 48), (64, 48), letterbox=True), (64, 48)) == image).all()


@given(st.integers(1, 2000), st.integers(1, 2000), st.booleans())
def test_boxes_come_back_where_they_were(width: int, height: int, letterbox: bool) -> None:
    boxes = as_boxes([[0, 0, width, height], [width / 4, height / 3, width / 2, height]])
    how = fit((width, height), (416, 320), letterbox)

    inside = how.into(boxes)

    np.testing.assert_allclose(how.back(inside), boxes, atol=0.01 * max(width, height) / 100)
    assert (inside >= 0).all()
    assert (inside[:, 2] <= 416.01).all()
    assert (inside[:, 3] <= 320.01).all()
