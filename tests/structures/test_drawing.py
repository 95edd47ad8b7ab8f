"""Boxes over pictures: in their class's colour, on a copy, at any size."""

import itertools

import numpy as np
import pytest

from onelook.structures.boxes import as_boxes
from onelook.structures.drawing import class_colour, draw_boxes, draw_list


def test_a_box_is_drawn_in_its_class_s_colour_and_the_picture_is_left_alone() -> None:
    image = np.zeros((60, 80, 3), np.uint8)

    drawn = draw_boxes(image, as_boxes([[10, 20, 60, 50]]), [3], [""])

    assert not image.any()
    assert tuple(drawn[20, 30].tolist()) == class_colour(3)
    assert not drawn[35, 35].any()


def test_neighbouring_classes_have_colours_that_differ() -> None:
    colours = [class_colour(index) for index in range(20)]

    assert len(set(colours)) == 20
    assert all(sum(abs(a - b) for a, b in zip(*pair, strict=True)) > 100 for pair in itertools.pairwise(colours))


@pytest.mark.parametrize("size", [(1, 1), (3, 200), (600, 800)])
def test_labels_are_drawn_on_pictures_of_any_size(size: tuple[int, int]) -> None:
    image = np.zeros((*size, 3), np.uint8)

    drawn = draw_boxes(
        image, as_boxes([[0, 0, size[1], size[0]], [-5, -5, 5, 5]]), np.array([0, 1]), ["cat 0.5", "dog"]
    )

    assert drawn.shape == image.shape
    assert drawn.any()


def test_a_label_lies_over_the_boxes_that_cross_it() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    labelled, crossing = [20, 40, 80, 90], [10, 10, 30, 35]

    alone = draw_boxes(image, as_boxes([labelled]), [0], ["0.99"])
    both = draw_boxes(image, as_boxes([labelled, crossing]), [0, 1], ["0.99", ""])
    only_crossing = draw_boxes(image, as_boxes([crossing]), [1], [""])
    label = alone[:39].any(axis=2)

    assert (label & only_crossing[:39].any(axis=2)).any()
    assert np.array_equal(both[:39][label], alone[:39][label])


def test_truth_is_drawn_with_broken_lines() -> None:
    image = np.zeros((100, 100, 3), np.uint8)

    whole = draw_boxes(image, as_boxes([[10, 10, 90, 90]]), [0], [""])
    dashed = draw_boxes(image, as_boxes([[10, 10, 90, 90]]), [0], [""], dashed=True)

    assert 0.3 < dashed.any(axis=2).sum() / whole.any(axis=2).sum() < 0.8


def test_another_number_of_labels_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        draw_boxes(np.zeros((9, 9, 3), np.uint8), as_boxes([[0, 0, 1, 1]]), [0], [])


def test_a_list_stands_in_the_corner_each_line_in_its_class_s_colour() -> None:
    image = np.zeros((200, 300, 3), np.uint8)

    drawn = draw_list(image, [3, 1], ["cat 0.9", "dog 0.1"])

    assert not image.any()
    first, second = (np.argwhere((drawn == class_colour(index)).all(axis=2)) for index in (3, 1))
    assert len(first) > 50
    assert len(second) > 50
    assert first[:, 0].max() <= second[:, 0].min() + 3
    assert second[:, 0].max() < 60


@pytest.mark.parametrize("size", [(16, 60), (12, 200), (40, 30)])
def test_of_a_list_what_does_not_fit_is_left_out(size: tuple[int, int]) -> None:
    drawn = draw_list(np.zeros((*size, 3), np.uint8), range(9), ["word"] * 9)

    assert drawn.any()
    assert not (drawn == class_colour(8)).all(axis=2).any()
