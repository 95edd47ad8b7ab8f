"""The loss of [yolo] heads: which cells answer for which truth, and what each should have said.

Sources: YOLOv3 (arXiv 1804.02767) for the terms, CIoU (arXiv 1911.08287), several anchors for one truth (`iou_thresh`) from
YOLOv4 (arXiv 2004.10934).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from onelook.models.box_losses import ciou, pairwise_iou
from onelook.structures.errors import UserError
from onelook.structures.network.heads import Head


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
    ignore_thresh: float = 0.7
    """A cell whose box overlaps a truth by more than this IoU is not told that it saw nothing."""
    iou_thresh: float = 0.213
    """Every anchor whose shape has at least this IoU with a truth answers for it, beside the best; 1 leaves the best alone."""
    objectness_iou: float = 0.0
    """Share of the box's IoU in the objectness that a positive cell should say; 0 asks for 1."""
    label_smoothing: float = 0.0
    """Taken from the true class and given to the others."""

    def __post_init__(self) -> None:
        if self.kind not in ("modern", "darknet"):
            raise UserError(f"kind: expected modern or darknet, got {self.kind!r}")
        if self.box not in ("ciou", "mse"):
            raise UserError(f"box: expected ciou or mse, got {self.box!r}")
        for name in ("ignore_thresh", "iou_thresh", "objectness_iou", "label_smoothing"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name}: expected 0 to 1, got {getattr(self, name)}")
        for name in ("box_weight", "objectness_weight", "class_weight"):
            if getattr(self, name) < 0:
                raise UserError(f"{name}: expected at least 0, got {getattr(self, name)}")


@dataclass(frozen=True)
class _Positives:
    """The cells of one head that answer for a truth, all (p,): image, anchor, row, column, and the truth's row."""

    image: Tensor
    anchor: Tensor
    row: Tensor
    column: Tensor
    truth: Tensor


def yolo_loss(
    raws: Sequence[Tensor], heads: Sequence[Head], targets: Tensor, size: tuple[int, int], settings: LossSettings
) -> dict[str, Tensor]:
    """Return the losses `box`, `objectness` and `class`, each its sum over cells divided by the number of positive cells.

    `raws` are (n, a * (5 + classes), h, w), `targets` (m, 6) rows of image, class, x1, y1, x2, y2 in input pixels; `size` is
    the input's (width, height). Without any truth only objectness is not zero.
    """
    targets = targets.to(raws[0].device)
    chosen = _choose_anchors(targets, heads, settings.iou_thresh)
    sums = [
        _head_loss(raw, head, targets, mask, size, settings)
        for raw, head, mask in zip(raws, heads, chosen, strict=True)
    ]
    positives = max(1, sum(count for _, count in sums))
    total = torch.stack([terms for terms, _ in sums]).sum(0) / positives  # (3,)
    return {
        "box": total[0] * settings.box_weight,
        "objectness": total[1] * settings.objectness_weight,
        "class": total[2] * settings.class_weight,
    }


def _choose_anchors(targets: Tensor, heads: Sequence[Head], threshold: float) -> list[Tensor]:
    """Return for every head which of its anchors answer for which truth, bool (m, a): the best of all, and those above."""
    anchors = torch.cat([torch.from_numpy(head.anchors) for head in heads]).to(targets)  # (all, 2)
    sides = targets[:, 4:6] - targets[:, 2:4]  # (m, 2)
    shared = torch.minimum(sides[:, None], anchors[None]).prod(-1)  # (m, all)
    overlap = shared / (sides.prod(-1)[:, None] + anchors.prod(-1)[None] - shared)
    chosen = overlap > threshold
    if len(targets):
        chosen[torch.arange(len(targets)), overlap.argmax(1)] = True
    return list(chosen.split([len(head.anchors) for head in heads], dim=1))


def _head_loss(
    raw: Tensor, head: Head, targets: Tensor, chosen: Tensor, size: tuple[int, int], settings: LossSettings
) -> tuple[Tensor, int]:
    """Return the sums (3,) of box, objectness and class loss of one head, and its number of positive cells."""
    images, _, rows, columns = raw.shape
    outputs = raw.float().view(images, len(head.anchors), head.channels, rows, columns).permute(0, 1, 3, 4, 2)
    stride = torch.tensor([size[0] / columns, size[1] / rows], device=raw.device)
    found = _find_cells(targets, chosen, stride, (rows, columns))
    cells = outputs[found.image, found.anchor, found.row, found.column]  # (p, 5 + classes)
    truths = targets[found.truth]  # (p, 6)
    boxes = _decode(cells, head, found.anchor, torch.stack([found.column, found.row], -1), stride)
    box_loss, overlap = _box_loss(cells, boxes, truths, found, head, stride, size, settings)
    class_loss = _class_loss(cells[:, 5:], truths[:, 1].long(), settings.label_smoothing)
    wanted, weight = _wanted_objectness(outputs, head, targets, found, overlap, stride, settings)
    said = functional.binary_cross_entropy_with_logits(outputs[..., 4], wanted, weight, reduction="sum")
    return torch.stack([box_loss, said, class_loss]), len(found.truth)


def _find_cells(targets: Tensor, chosen: Tensor, stride: Tensor, grid: tuple[int, int]) -> _Positives:
    """Return the cells in which the truths' centres lie, once for each chosen anchor."""
    truth, anchor = chosen.nonzero(as_tuple=True)
    centres = (targets[:, 2:4] + targets[:, 4:6]) / 2 / stride  # (m, 2) in cells
    column = centres[truth, 0].long().clamp(0, grid[1] - 1)
    row = centres[truth, 1].long().clamp(0, grid[0] - 1)
    return _Positives(targets[truth, 0].long(), anchor, row, column, truth)


def _decode(cells: Tensor, head: Head, anchor: Tensor, place: Tensor, stride: Tensor) -> Tensor:
    """Return boxes (..., 4), xyxy in input pixels, of cells (..., 5 + classes) at `place` (..., 2) column, row."""
    anchors = torch.from_numpy(head.anchors).to(cells)[anchor]  # (..., 2)
    offsets = cells[..., :2] if head.new_coords else cells[..., :2].sigmoid()
    offsets = offsets * head.scale_x_y - (head.scale_x_y - 1) / 2
    centres = (offsets + place) * stride
    sides = (cells[..., 2:4] * 2) ** 2 if head.new_coords else cells[..., 2:4].clamp(max=10).exp()
    half = sides * anchors / 2
    return torch.cat([centres - half, centres + half], -1)


def _box_loss(
    cells: Tensor,
    boxes: Tensor,
    truths: Tensor,
    found: _Positives,
    head: Head,
    stride: Tensor,
    size: tuple[int, int],
    settings: LossSettings,
) -> tuple[Tensor, Tensor]:
    """Return the box loss's sum and the IoU (p,) of each positive cell's box with its truth, which carries no gradient."""
    full, overlap = ciou(boxes, truths[:, 2:6])
    if settings.box == "ciou":
        return (1 - full).sum(), overlap.detach()
    centres = (truths[:, 2:4] + truths[:, 4:6]) / 2 / stride
    sides = truths[:, 4:6] - truths[:, 2:4]
    offsets = centres - torch.stack([found.column, found.row], -1)
    anchors = torch.from_numpy(head.anchors).to(cells)[found.anchor]
    small = 2 - sides.prod(-1) / (size[0] * size[1])  # (p,): small boxes weigh up to twice as much
    place = functional.binary_cross_entropy_with_logits(cells[:, :2], offsets.clamp(0, 1), reduction="none").sum(-1)
    shape = (cells[:, 2:4] - (sides / anchors).log()).square().sum(-1) / 2
    return (small * (place + shape)).sum(), overlap.detach()


def _class_loss(logits: Tensor, classes: Tensor, smoothing: float) -> Tensor:
    wanted = torch.zeros_like(logits)
    wanted[torch.arange(len(classes)), classes] = 1
    wanted = wanted * (1 - smoothing) + smoothing / logits.shape[1] if smoothing else wanted
    return functional.binary_cross_entropy_with_logits(logits, wanted, reduction="sum")


@torch.no_grad()
def _wanted_objectness(
    outputs: Tensor,
    head: Head,
    targets: Tensor,
    found: _Positives,
    overlap: Tensor,
    stride: Tensor,
    settings: LossSettings,
) -> tuple[Tensor, Tensor]:
    """Return what each cell should say (n, a, h, w) and whether it is asked at all (0 or 1, the same shape)."""
    images, anchors, rows, columns, _ = outputs.shape
    wanted, weight = torch.zeros_like(outputs[..., 4]), torch.ones_like(outputs[..., 4])
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    place = torch.stack([column, row], -1).to(outputs.device)  # (h, w, 2)
    which = torch.arange(anchors, device=outputs.device)[:, None, None].expand(anchors, rows, columns)
    boxes = _decode(outputs, head, which, place, stride)  # (n, a, h, w, 4)
    for image in range(images):
        truths = targets[targets[:, 0] == image, 2:6]
        if len(truths):
            best = pairwise_iou(boxes[image].reshape(-1, 4), truths).amax(1).view(anchors, rows, columns)
            weight[image][best > settings.ignore_thresh] = 0
    share = settings.objectness_iou
    positive = (found.image, found.anchor, found.row, found.column)
    wanted[positive] = 1 - share + share * overlap.clamp(min=0)
    weight[positive] = 1
    return wanted, weight
