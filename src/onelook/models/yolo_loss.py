"""The loss of [yolo] heads: what each cell should have said.

Sources: YOLOv3 (arXiv 1804.02767) for the terms, CIoU (arXiv 1911.08287), focal loss (arXiv 1708.02002).
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from onelook.models.assignment import by_cost, by_shape
from onelook.models.box_losses import ciou, focal_cross_entropy, pairwise_iou
from onelook.models.loss_settings import LossSettings
from onelook.models.yolo_cells import Grid, Positives, all_boxes, as_grid, boxes_of
from onelook.structures.network.heads import Head


def yolo_loss(
    raws: Sequence[Tensor], heads: Sequence[Head], targets: Tensor, size: tuple[int, int], settings: LossSettings
) -> dict[str, Tensor]:
    """Return the losses `box`, `objectness` and `class`, each its sum over cells divided by the number of positive cells.

    `raws` are (n, a * (5 + classes), h, w), `targets` (m, 6) rows of image, class, x1, y1, x2, y2 in input pixels; `size` is
    the input's (width, height). Without any truth only objectness is not zero.
    """
    targets = targets.to(raws[0].device)
    grids = [as_grid(raw, head, size) for raw, head in zip(raws, heads, strict=True)]
    chosen = _positives(grids, targets, settings)
    terms = [_head_loss(grid, found, targets, size, settings) for grid, found in zip(grids, chosen, strict=True)]
    positives = max(1, sum(len(found.truth) for found in chosen))
    total = torch.stack(terms).sum(0) / positives  # (3,)
    return {
        "box": total[0] * settings.box_weight,
        "objectness": total[1] * settings.objectness_weight,
        "class": total[2] * settings.class_weight,
    }


def _positives(grids: Sequence[Grid], targets: Tensor, settings: LossSettings) -> list[Positives]:
    if settings.assign == "simota":
        return by_cost(grids, targets, settings.simota_candidates, settings.simota_radius)
    return by_shape(grids, targets, settings.iou_thresh)


def _head_loss(grid: Grid, found: Positives, targets: Tensor, size: tuple[int, int], settings: LossSettings) -> Tensor:
    """Return the sums (3,) of box, objectness and class loss of one head."""
    cells, boxes = boxes_of(grid, found)
    truths = targets[found.truth]  # (p, 6)
    full, overlap = ciou(boxes, truths[:, 2:6])
    box_loss = (1 - full).sum() if settings.box == "ciou" else _squared_box_loss(cells, truths, found, grid, size)
    class_loss = _class_loss(cells[:, 5:], truths[:, 1].long(), settings)
    wanted, weight = _wanted_objectness(grid, targets, found, overlap.detach(), settings)
    said = focal_cross_entropy(grid.outputs[..., 4], wanted, settings.focal_objectness, settings.focal_alpha)
    return torch.stack([box_loss, (said * weight).sum(), class_loss])


def _squared_box_loss(cells: Tensor, truths: Tensor, found: Positives, grid: Grid, size: tuple[int, int]) -> Tensor:
    """Return YOLOv3's own terms, summed: cross entropy on x and y, squared error on log width and height."""
    centres = (truths[:, 2:4] + truths[:, 4:6]) / 2 / grid.stride
    sides = truths[:, 4:6] - truths[:, 2:4]
    offsets = centres - torch.stack([found.column, found.row], -1)
    anchors = torch.from_numpy(grid.head.anchors).to(cells)[found.anchor]
    small = 2 - sides.prod(-1) / (size[0] * size[1])  # (p,): small boxes weigh up to twice as much
    place = functional.binary_cross_entropy_with_logits(cells[:, :2], offsets.clamp(0, 1), reduction="none").sum(-1)
    shape = (cells[:, 2:4] - (sides / anchors).log()).square().sum(-1) / 2
    return (small * (place + shape)).sum()


def _class_loss(logits: Tensor, classes: Tensor, settings: LossSettings) -> Tensor:
    smoothing = settings.label_smoothing
    wanted = torch.zeros_like(logits)
    wanted[torch.arange(len(classes)), classes] = 1
    wanted = wanted * (1 - smoothing) + smoothing / logits.shape[1] if smoothing else wanted
    return focal_cross_entropy(logits, wanted, settings.focal_class, settings.focal_alpha).sum()


@torch.no_grad()
def _wanted_objectness(
    grid: Grid, targets: Tensor, found: Positives, overlap: Tensor, settings: LossSettings
) -> tuple[Tensor, Tensor]:
    """Return what each cell should say (n, a, h, w) and whether it is asked at all (0 or 1, the same shape)."""
    wanted, weight = torch.zeros_like(grid.outputs[..., 4]), torch.ones_like(grid.outputs[..., 4])
    boxes = all_boxes(grid)  # (n, a, h, w, 4)
    for image in range(len(boxes)):
        truths = targets[targets[:, 0] == image, 2:6]
        if len(truths):
            best = pairwise_iou(boxes[image].reshape(-1, 4), truths).amax(1).view(grid.shape)
            weight[image][best > settings.ignore_thresh] = 0
    share = settings.objectness_iou
    positive = (found.image, found.anchor, found.row, found.column)
    wanted[positive] = 1 - share + share * overlap.clamp(min=0)
    weight[positive] = 1
    return wanted, weight
