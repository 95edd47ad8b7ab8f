"""Overlap measures of boxes as tensors, xyxy, CIoU from arXiv 1911.08287; and focal cross entropy, arXiv 1708.02002."""

import math

import torch
from torch import Tensor
from torch.nn import functional

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


def focal_cross_entropy(logits: Tensor, wanted: Tensor, gamma: float, alpha: float = 0.5) -> Tensor:
    """Return the binary cross entropy of each logit with its target in 0..1, the same shape, less for what is nearly right.

    It is multiplied by the distance from the target to the power `gamma`, and by 2 `alpha` for a yes, 2 (1 - alpha) for a no.
    A gamma of 0 and an alpha of 0.5 give plain cross entropy.
    """
    loss = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    if gamma:
        loss = loss * (wanted - logits.sigmoid()).abs().clamp(min=1e-6).pow(
            gamma
        )  # the power's slope at 0 may be infinite
    return loss if alpha == 0.5 else loss * 2 * (alpha * wanted + (1 - alpha) * (1 - wanted))
