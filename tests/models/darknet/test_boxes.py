"""Slopes of overlaps against numbers worked out by hand and against differences."""

import math

import pytest
import torch

from onelook.models.darknet.boxes import SLOPES, generalised_overlap, overlap, pair, slopes


def boxes(*rows: list[float]) -> torch.Tensor:
    return torch.tensor(rows, dtype=torch.float64)


TRUTH = boxes([0.5, 0.5, 0.2, 0.3])
NEAR = boxes([0.56, 0.47, 0.26, 0.22])
"""Overlaps the truth, with an edge beyond it on each side but the left."""


def test_overlaps_by_hand() -> None:
    """0.1 x 0.1 of two squares of 0.2 in a hull of 0.3: IoU 1/7, GIoU 1/7 - 2/9."""
    both = pair(boxes([0.1, 0.1, 0.2, 0.2]), boxes([0.2, 0.2, 0.2, 0.2]))

    assert overlap(both).item() == pytest.approx(1 / 7)
    assert generalised_overlap(both).item() == pytest.approx(1 / 7 - 2 / 9)
    assert overlap(pair(boxes([0, 0, 0, 0]), boxes([0, 0, 0, 0]))).item() == 0


def numeric(measure: object, box: torch.Tensor) -> list[float]:
    """Return the slopes of a measure by differences."""
    found = []
    for axis in range(4):
        step = torch.zeros(1, 4, dtype=torch.float64)
        step[0, axis] = 1e-6
        found.append((measure(pair(box + step, TRUTH)) - measure(pair(box - step, TRUTH))).item() / 2e-6)
    return found


@pytest.mark.parametrize(("kind", "measure"), [("iou", overlap), ("giou", generalised_overlap)])
def test_where_boxes_meet_slopes_are_those_of_the_overlap_with_sides_doubled(kind: str, measure: object) -> None:
    x, y, width, height = numeric(measure, NEAR)

    assert slopes(pair(NEAR, TRUTH), kind)[0].tolist() == pytest.approx([x, y, 2 * width, 2 * height], rel=1e-4)


@pytest.mark.parametrize("kind", SLOPES)
def test_a_box_to_the_left_is_moved_to_the_right(kind: str) -> None:
    x, y, _, _ = slopes(pair(boxes([0.45, 0.5, 0.2, 0.3]), TRUTH), kind)[0].tolist()

    assert x > 0
    assert y == pytest.approx(0)


@pytest.mark.parametrize("kind", ["giou", "diou", "ciou"])
def test_boxes_that_do_not_meet_are_drawn_together(kind: str) -> None:
    x, _, _, _ = slopes(pair(boxes([0.1, 0.5, 0.1, 0.3]), TRUTH), kind)[0].tolist()

    assert x > 0


def test_ciou_also_turns_the_shape() -> None:
    """One centre, a square of 0.2 in a truth of 0.2 x 0.3: IoU 2/3."""
    square = pair(boxes([0.5, 0.5, 0.2, 0.2]), TRUTH)
    angle = math.atan(2 / 3) - math.atan(1)
    ratio = 4 / math.pi**2 * angle**2
    turn = 8 / math.pi**2 * angle * 0.2 * ratio / (1 - 2 / 3 + ratio + 1e-6)

    apart = (slopes(square, "ciou") - slopes(square, "diou"))[0].tolist()

    assert apart == pytest.approx([0, 0, turn, -turn], rel=1e-5)


def test_no_boxes_have_no_slopes() -> None:
    none = torch.zeros(0, 4)

    assert all(slopes(pair(none, none), kind).shape == (0, 4) for kind in SLOPES)
