"""The loss of [yolo] heads: what each cell should have said.

Sources: YOLOv3 (arXiv 1804.02767) for the terms, CIoU (arXiv 1911.08287), focal loss (arXiv 1708.02002).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from onelook.models.assignment import by_cost, by_shape
from onelook.models.box_losses import ciou, focal_cross_entropy, pairwise_iou
from onelook.models.yolo_cells import Grid, Positives, all_boxes, as_grid, boxes_of
from onelook.structures.errors import UserError
from onelook.structures.network.heads import Head
from onelook.structures.settings import check_ranges


@dataclass(frozen=True)
class LossSettings:
    """How boxes, objectness and classes are weighed and which cells are positive."""

    kind: str = "modern"
    """`modern`: the settings below. `darknet`: what the cfg's heads say, computed as Darknet does."""
    box: str = "ciou"
    """`ciou`, or `mse` for YOLOv3's own terms: BCE on x, y and squared error on log width, height."""
    box_weight: float = 5.0
    """Factor of the box term."""
    objectness_weight: float = 1.0
    """Factor of the objectness term."""
    class_weight: float = 1.0
    """Factor of the class term."""
    assign: str = "anchors"
    """Which cells answer for a truth: `anchors`, those with its centre whose anchor has its shape; `simota`, those that answer
    most cheaply at the moment, as in YOLOX."""
    simota_candidates: int = 10
    """With `simota`: how many of a truth's best IoUs are added up to the number of cells that answer for it."""
    simota_radius: float = 1.5
    """With `simota`: how far from a truth's centre, in cells, a cell beyond its box may answer for it. YOLOX has 2.5; here a
    cell's box has its centre in the cell or just beyond."""
    focal_objectness: float = 0.0
    """Focal loss's gamma on objectness, 0 to 5: cells that are nearly right already weigh less; 0 turns it off."""
    focal_class: float = 0.0
    """Focal loss's gamma on classes, 0 to 5; 0 turns it off."""
    focal_alpha: float = 0.5
    """Focal loss's weight of a yes against a no, 0 to 1; 0.5 weighs them alike."""
    ignore_thresh: float = 0.7
    """A cell whose box overlaps a truth by more than this IoU is not told that it saw nothing."""
    iou_thresh: float = 0.213
    """Every anchor whose shape has at least this IoU with a truth answers for it, beside the best; 1 leaves the best alone."""
    objectness_iou: float = 0.0
    """Share of the box's IoU in the objectness that a positive cell should say; 0 asks for 1."""
    label_smoothing: float = 0.0
    """Taken from the true class and given to the others."""
    auxiliary_weight: float = 0.3
    """Factor of a classifier's auxiliary heads, where it has them; only training asks them."""

    def __post_init__(self) -> None:
        if self.kind not in ("modern", "darknet"):
            raise UserError(f"kind: expected modern or darknet, got {self.kind!r}")
        if self.box not in ("ciou", "mse"):
            raise UserError(f"box: expected ciou or mse, got {self.box!r}")
        if self.assign not in ("anchors", "simota"):
            raise UserError(f"assign: expected anchors or simota, got {self.assign!r}")
        if self.assign == "simota" and self.box == "mse":
            raise UserError("box=mse: expected box=ciou with assign=simota, whose cells need not hold the centre")
        check_ranges(self, _RANGES)


_RANGES: dict[str, tuple[float, float]] = {
    "box_weight": (0, 1e4),
    "objectness_weight": (0, 1e4),
    "class_weight": (0, 1e4),
    "auxiliary_weight": (0, 1e4),
    "simota_candidates": (1, 1000),
    "simota_radius": (0.5, 100),
    "focal_objectness": (0, 5),
    "focal_class": (0, 5),
    "focal_alpha": (0, 1),
    "ignore_thresh": (0, 1),
    "iou_thresh": (0, 1),
    "objectness_iou": (0, 1),
    "label_smoothing": (0, 1),
}


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
