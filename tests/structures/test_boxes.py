"""Boxes: shapes, areas, overlaps, and the way between corners and centres."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onelook.structures.boxes import area, as_boxes, clip, cxcywh_from_xyxy, iou, xyxy_from_cxcywh

sides = st.floats(0, 1000, width=32)
box = st.tuples(sides, sides, sides, sides).map(
    lambda b: (min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3]))
)


def test_an_empty_list_is_no_box() -> None:
    boxes = as_boxes([])

    assert boxes.shape == (0, 4)
    assert boxes.dtype == np.float32


@pytest.mark.parametrize("values", [[1, 2, 3, 4], [[1, 2, 3]], [[[1, 2, 3, 4]]]])
def test_another_shape_is_refused_with_the_shape(values: list[object]) -> None:
    with pytest.raises(ValueError, match=r"expected boxes \(n, 4\), got"):
        as_boxes(values)


def test_an_inverted_box_has_no_area() -> None:
    assert area(as_boxes([[0, 0, 4, 5], [4, 5, 0, 0], [3, 0, 1, 9]])).tolist() == [20, 0, 0]


def test_iou_is_the_shared_part_of_the_union() -> None:
    overlaps = iou(
        as_boxes([[0, 0, 10, 10]]), as_boxes([[0, 0, 10, 5], [5, 5, 15, 15], [10, 0, 20, 10], [0, 0, 10, 10]])
    )

    assert overlaps[0].tolist() == pytest.approx([0.5, 25 / 175, 0, 1])


def test_iou_of_boxes_without_area_is_zero() -> None:
    assert iou(as_boxes([[1, 1, 1, 1]]), as_boxes([[1, 1, 1, 1]])).tolist() == [[0]]
    assert iou(as_boxes([]), as_boxes([[0, 0, 1, 1]])).shape == (0, 1)


@given(st.lists(box, max_size=5), st.lists(box, max_size=5))
def test_iou_lies_between_0_and_1_and_is_symmetric(first: list[object], second: list[object]) -> None:
    there, back = iou(as_boxes(first), as_boxes(second)), iou(as_boxes(second), as_boxes(first))

    assert there.shape == (len(first), len(second))
    assert ((there >= 0) & (there <= 1.0001)).all()
    np.testing.assert_allclose(there, back.T)


def test_clip_cuts_to_the_image_and_leaves_nothing_of_a_box_outside() -> None:
    cut = clip(as_boxes([[-5, -5, 30, 8], [50, 50, 60, 60]]), (20, 10))

    assert cut.tolist() == [[0, 0, 20, 8], [20, 10, 20, 10]]
    assert area(cut).tolist() == [160, 0]


@given(st.lists(box, max_size=5))
def test_centres_and_corners_are_the_same_boxes(boxes: list[object]) -> None:
    corners = as_boxes(boxes)

    np.testing.assert_allclose(xyxy_from_cxcywh(cxcywh_from_xyxy(corners)), corners, atol=1e-3)
