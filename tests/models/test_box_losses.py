"""Overlap measures against numbers worked out by hand."""

import math

import pytest
import torch
from torch.nn import functional

from onelook.models.box_losses import ciou, focal_cross_entropy, pairwise_iou


def test_iou_of_pairs_is_shared_area_over_all_area() -> None:
    first = torch.tensor([[0.0, 0, 10, 10], [20, 20, 30, 30]])
    second = torch.tensor([[0.0, 0, 10, 5], [5, 5, 15, 15], [20, 20, 30, 30]])

    overlaps = pairwise_iou(first, second)

    torch.testing.assert_close(overlaps, torch.tensor([[0.5, 25 / 175, 0], [0, 0, 1]]))


def test_ciou_of_equal_boxes_is_one() -> None:
    box = torch.tensor([[3.0, 4, 13, 10]])

    full, overlap = ciou(box, box)

    assert full.item() == pytest.approx(1)
    assert overlap.item() == pytest.approx(1)


def test_ciou_of_shifted_boxes_of_one_shape_loses_the_distance_over_the_hulls_diagonal() -> None:
    """IoU 50/150; centres 5 apart; hull 15 x 10."""
    full, overlap = ciou(torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[5.0, 0, 15, 10]]))

    assert overlap.item() == pytest.approx(1 / 3)
    assert full.item() == pytest.approx(1 / 3 - 25 / (225 + 100))


def test_ciou_of_boxes_with_one_centre_loses_the_difference_of_shape() -> None:
    """A 10 x 10 box around a 10 x 5 one: IoU 1/2, v = 4/pi² (atan 2 - atan 1)², weight v / (1 - IoU + v)."""
    full, overlap = ciou(torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[0.0, 2.5, 10, 7.5]]))

    shape = 4 / math.pi**2 * (math.atan(2) - math.atan(1)) ** 2
    assert overlap.item() == pytest.approx(0.5)
    assert full.item() == pytest.approx(0.5 - shape * shape / (0.5 + shape))


def test_ciou_of_boxes_far_apart_is_below_zero_and_still_has_a_slope() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10]], requires_grad=True)

    full, _ = ciou(boxes, torch.tensor([[100.0, 0, 110, 10]]))
    full.sum().backward()

    assert full.item() < 0
    assert boxes.grad is not None and boxes.grad[0, 2] > 0


def test_no_boxes_give_no_overlap() -> None:
    none = torch.zeros(0, 4)

    assert ciou(none, none)[0].shape == (0,)
    assert pairwise_iou(none, torch.zeros(3, 4)).shape == (0, 3)


def test_focal_cross_entropy_is_cross_entropy_times_the_distance_to_a_power() -> None:
    logits, wanted = torch.tensor([0.0, 3.0, -3.0]), torch.tensor([1.0, 1.0, 1.0])
    plain = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")

    torch.testing.assert_close(focal_cross_entropy(logits, wanted, 0), plain)
    torch.testing.assert_close(focal_cross_entropy(logits, wanted, 2), plain * (1 - logits.sigmoid()) ** 2)
    torch.testing.assert_close(focal_cross_entropy(logits, wanted, 0, 0.25), plain / 2)
    torch.testing.assert_close(focal_cross_entropy(logits, 1 - wanted, 0, 0.25)[0], plain[0] * 1.5)


def test_focal_cross_entropy_has_a_finite_slope_where_the_answer_is_exact() -> None:
    logits = torch.tensor([0.0, 40.0, -40.0, 200.0], requires_grad=True)

    focal_cross_entropy(logits, torch.tensor([0.5, 1.0, 0.0, 0.0]), 0.5).sum().backward()

    assert logits.grad is not None and torch.isfinite(logits.grad).all()
