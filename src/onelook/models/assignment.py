"""Which cells answer for which truth: by the shapes of the anchors, or by what the network says at the moment.

Sources: YOLOv3 (arXiv 1804.02767) for the best anchor, several anchors for one truth (`iou_thresh`) from YOLOv4 (arXiv
2004.10934); optimal transport (OTA, arXiv 2103.14259) in the simple form of YOLOX (SimOTA, arXiv 2107.08430).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from onelook.models.box_losses import pairwise_iou
from onelook.models.yolo_cells import Grid, Positives, all_boxes, places

Assign = Callable[[Sequence[Grid], Tensor], list[Positives]]
"""From the heads' grids and the truths (m, 6), rows of image, class, x1, y1, x2, y2, to the positive cells of each head."""

_IOU_COST, _APART_COST = 3.0, 1e5
"""Of SimOTA: the weight of -log IoU beside the class's cost, and what a cell costs that is near a truth but not in its box."""


def by_shape(grids: Sequence[Grid], targets: Tensor, threshold: float) -> list[Positives]:
    """Return the cells with the truths' centres: for each truth the best anchor of all, and those with an IoU of shapes above."""
    anchors = torch.cat([torch.from_numpy(grid.head.anchors) for grid in grids]).to(targets)  # (all, 2)
    sides = targets[:, 4:6] - targets[:, 2:4]  # (m, 2)
    shared = torch.minimum(sides[:, None], anchors[None]).prod(-1)  # (m, all)
    overlap = shared / (sides.prod(-1)[:, None] + anchors.prod(-1)[None] - shared)
    chosen = overlap > threshold
    if len(targets):
        chosen[torch.arange(len(targets)), overlap.argmax(1)] = True
    each = chosen.split([grid.shape[0] for grid in grids], dim=1)
    return [_cells_with_centres(targets, mask, grid) for mask, grid in zip(each, grids, strict=True)]


def _cells_with_centres(targets: Tensor, chosen: Tensor, grid: Grid) -> Positives:
    """Return the cells in which the truths' centres lie, once for each chosen anchor, bool (m, a)."""
    _, rows, columns = grid.shape
    truth, anchor = chosen.nonzero(as_tuple=True)
    centres = (targets[:, 2:4] + targets[:, 4:6]) / 2 / grid.stride  # (m, 2) in cells
    column = centres[truth, 0].long().clamp(0, columns - 1)
    row = centres[truth, 1].long().clamp(0, rows - 1)
    return Positives(targets[truth, 0].long(), anchor, row, column, truth)


@dataclass(frozen=True)
class _Cells:
    """All heads' cells in one row, in the order of their grids; what they say of objectness and classes is a chance.

    Boxes (n, p, 4), middles (p, 2) and strides (p, 2) are in pixels of the input; objectness (n, p), classes (n, p, c).
    """

    boxes: Tensor
    middles: Tensor
    strides: Tensor
    objectness: Tensor
    classes: Tensor


@torch.no_grad()
def by_cost(grids: Sequence[Grid], targets: Tensor, candidates: int, radius: float) -> list[Positives]:
    """Return SimOTA's choice: each truth takes the cells that answer for it most cheaply, as many as its best IoUs add up to.

    `candidates` is how many of the best IoUs are added; a cell can be chosen when its middle lies in the truth's box or
    within `radius` strides of its centre. A cell that two truths want goes to the cheaper.
    """
    cells = _in_a_row(grids)
    pairs = [(torch.zeros(2, 0, dtype=torch.long, device=targets.device), 0)]
    for image in range(len(cells.boxes)):
        rows = (targets[:, 0] == image).nonzero()[:, 0]
        if len(rows):
            cell, truth = _cheapest(cells, image, targets[rows], candidates, radius)
            pairs.append((torch.stack([cell, rows[truth]]), image))
    cell, truth = torch.cat([pair for pair, _ in pairs], 1)
    image_of = torch.cat([torch.full_like(pair[0], image) for pair, image in pairs])
    return _by_head(grids, image_of, cell, truth)


def _in_a_row(grids: Sequence[Grid]) -> _Cells:
    boxes, middles, strides, said = [], [], [], []
    for grid in grids:
        anchors = grid.shape[0]
        middle = ((places(grid) + 0.5) * grid.stride).flatten(0, 1)  # (h*w, 2)
        boxes.append(all_boxes(grid).flatten(1, 3))
        middles.append(middle.repeat(anchors, 1))
        strides.append(grid.stride.expand(len(middle) * anchors, 2))
        said.append(grid.outputs[..., 4:].flatten(1, 3).sigmoid())
    chances = torch.cat(said, 1)  # (n, p, 1 + c)
    return _Cells(torch.cat(boxes, 1), torch.cat(middles), torch.cat(strides), chances[..., 0], chances[..., 1:])


def _cheapest(cells: _Cells, image: int, truths: Tensor, candidates: int, radius: float) -> tuple[Tensor, Tensor]:
    """Return cells (k,) and which of the image's truths (m, 6) each answers for (k,)."""
    low, high = truths[:, 2:4], truths[:, 4:6]
    middles = cells.middles[:, None]  # (p, 1, 2)
    inside = ((middles > low) & (middles < high)).all(-1)  # (p, m)
    near = ((middles - (low + high) / 2).abs() < radius * cells.strides[:, None]).all(-1)
    some = (inside | near).any(1).nonzero()[:, 0]  # (k,)
    if not len(some):
        return some, some
    iou = pairwise_iou(cells.boxes[image, some], truths[:, 2:6])  # (k, m)
    cost = _class_cost(cells.objectness[image, some], cells.classes[image, some], truths[:, 1].long())
    cost += -_IOU_COST * iou.clamp(min=1e-8).log() + _APART_COST * ~(inside & near)[some]
    wanted = iou.topk(min(candidates, len(some)), 0).values.sum(0).long().clamp(min=1)  # (m,)
    taken = torch.zeros_like(cost, dtype=torch.bool)
    for truth, count in enumerate(wanted.tolist()):
        taken[cost[:, truth].topk(count, largest=False).indices, truth] = True
    cell = taken.any(1).nonzero()[:, 0]
    return some[cell], cost[cell].masked_fill(~taken[cell], torch.inf).argmin(1)


def _class_cost(objectness: Tensor, classes: Tensor, wanted: Tensor) -> Tensor:
    """Return the binary cross entropy (k, m) of what cells say of all classes, if truth m were theirs."""
    said = (objectness[:, None] * classes).sqrt().clamp(1e-7, 1 - 1e-7)  # (k, c)
    against = -torch.log1p(-said)
    return against.sum(1, keepdim=True) + (-said.log() - against)[:, wanted]


def _by_head(grids: Sequence[Grid], image: Tensor, cell: Tensor, truth: Tensor) -> list[Positives]:
    found, start = [], 0
    for grid in grids:
        anchors, rows, columns = grid.shape
        count = anchors * rows * columns
        mine = (cell >= start) & (cell < start + count)
        place = cell[mine] - start
        anchor, row, column = place // (rows * columns), place // columns % rows, place % columns
        found.append(Positives(image[mine], anchor, row, column, truth[mine]))
        start += count
    return found
