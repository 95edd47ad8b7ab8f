"""Overlap measures of boxes as tensors, xyxy; CIoU from arXiv 1911.08287."""

import math

import torch
from torch import Tensor

EPS = 1e-9


def pairwise_iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the IoU (n, m) of every box of `first` (n, 4) with every box of `second` (m, 4)."""
    low = torch.maximum(first[:, None, :2], second[None, :, :2])  # (n, m, 2)
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    shared = (high - low).clamp_(min=0).prod(-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(-1) for boxes in (first, second)]
    return shared / (areas[0][:, None] + areas[1][None] - shared + EPS)


def ciou(boxes: Tensor, truths: Tensor) -> tuple[Tensor, Tensor]:
    """Return CIoU and IoU, both (n,), of boxes (n, 4) with truths (n, 4) pair by pair; CIoU lies in about -1.5..1."""
    low, high = torch.maximum(boxes[:, :2], truths[:, :2]), torch.minimum(boxes[:, 2:], truths[:, 2:])
    shared = (high - low).clamp(min=0).prod(-1)
    sides, true_sides = boxes[:, 2:] - boxes[:, :2], truths[:, 2:] - truths[:, :2]
    iou = shared / (sides.prod(-1) + true_sides.prod(-1) - shared + EPS)
    hull = torch.maximum(boxes[:, 2:], truths[:, 2:]) - torch.minimum(boxes[:, :2], truths[:, :2])
    apart = ((boxes[:, :2] + boxes[:, 2:] - truths[:, :2] - truths[:, 2:]) / 2).square().sum(-1)
    angle = torch.atan2(true_sides[:, 0], true_sides[:, 1]) - torch.atan2(sides[:, 0], sides[:, 1])
    shape = (2 / math.pi * angle).square()
    with torch.no_grad():
        weight = shape / (1 - iou + shape + EPS)
    return iou - apart / (hull.square().sum(-1) + EPS) - weight * shape, iou
