"""What each [yolo] head says of the truth while it learns: the table of the live view.

The losses are YOLOv3's own terms (arXiv 1804.02767), whatever loss trains: mean squared errors of place and shape over the
cells that answer for a truth by their anchor's shape, mean cross entropies of confidence and class. So runs with different
losses can be compared.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from onelook.models.assignment import by_shape
from onelook.models.box_losses import ciou
from onelook.models.yolo_cells import Grid, Positives, as_grid, boxes_of
from onelook.structures.network.heads import Head

SURE = 0.5
"""Confidence from which a cell is taken to say that it sees something."""

SHAPE_IOU = 0.213
"""IoU of shapes from which an anchor answers for a truth, beside the best."""

COLUMNS = (
    "grid",
    "loss",
    "x",
    "y",
    "w",
    "h",
    "conf",
    "cls",
    "class_accuracy",
    "recall50",
    "recall75",
    "precision",
    "conf_obj",
    "conf_noobj",
)
"""A row's keys, in the order they are shown. `loss` is the sum of x, y, w, h, conf and cls; the rest but `grid` are 0 to 1."""

Row = dict[str, float | str | None]


@torch.no_grad()
def head_figures(raws: Sequence[Tensor], heads: Sequence[Head], targets: Tensor, size: tuple[int, int]) -> list[Row]:
    """Return a row of COLUMNS for each head; what nothing can be said of, as no cell of it answers for a truth, is None.

    `raws` are (n, a * (5 + classes), h, w), `targets` (m, 6) rows of image, class, x1, y1, x2, y2 in input pixels; `size` is the
    input's (width, height). Heads without anchors or with other channels are left out.
    """
    pairs = [(raw, head) for raw, head in zip(raws, heads, strict=True) if _is_yolo(raw, head)]
    if not pairs:
        return []
    targets = targets.to(raws[0].device)
    grids = [as_grid(raw, head, size) for raw, head in pairs]
    return [_row(grid, found, targets) for grid, found in zip(grids, by_shape(grids, targets, SHAPE_IOU), strict=True)]


def _is_yolo(raw: Tensor, head: Head) -> bool:
    return len(head.anchors) > 0 and raw.shape[1] == len(head.anchors) * (5 + head.classes)


def _row(grid: Grid, found: Positives, targets: Tensor) -> Row:
    _, rows, columns = grid.shape
    asked = torch.zeros_like(grid.outputs[..., 4])  # (n, a, h, w): 1 where a cell answers for a truth
    asked[found.image, found.anchor, found.row, found.column] = 1
    logits = grid.outputs[..., 4]
    confidence = logits.sigmoid()
    row: Row = {"grid": f"{columns}x{rows}"}
    terms = _terms(grid, found, targets)
    terms["conf"] = binary_cross_entropy_with_logits(logits, asked).item()
    row["loss"] = sum(terms.values())
    row |= terms
    row |= _counts(grid, found, targets, confidence)
    row["conf_obj"] = confidence[asked == 1].mean().item() if len(found.truth) else None
    row["conf_noobj"] = confidence[asked == 0].mean().item()
    return {name: row[name] for name in COLUMNS}


def _terms(grid: Grid, found: Positives, targets: Tensor) -> dict[str, float]:
    """Return the mean losses of place, shape and class over the cells that answer for a truth, 0 when none does."""
    if not len(found.truth):
        return {"x": 0.0, "y": 0.0, "w": 0.0, "h": 0.0, "cls": 0.0}
    cells, boxes = boxes_of(grid, found)
    truths = targets[found.truth]
    anchors = torch.from_numpy(grid.head.anchors).to(cells)[found.anchor]
    place = ((_centres(boxes) - _centres(truths[:, 2:6])) / grid.stride).square().mean(0)  # (2,) in cells
    shape = ((_sides(boxes) / anchors).log() - (_sides(truths[:, 2:6]) / anchors).log()).square().mean(0)
    wanted = torch.zeros_like(cells[:, 5:])
    wanted[torch.arange(len(truths)), truths[:, 1].long()] = 1
    said = binary_cross_entropy_with_logits(cells[:, 5:], wanted) if wanted.shape[1] else cells.new_zeros(())
    names = ("x", "y", "w", "h", "cls")
    return dict(zip(names, [*place.tolist(), *shape.tolist(), said.item()], strict=True))


def _counts(grid: Grid, found: Positives, targets: Tensor, confidence: Tensor) -> Row:
    """Return accuracy, recall and precision: right is a cell that is sure, of the right class and over the IoU."""
    sure = int((confidence > SURE).sum())
    if not len(found.truth):
        return {"class_accuracy": None, "recall50": None, "recall75": None, "precision": 0.0 if sure else None}
    cells, boxes = boxes_of(grid, found)
    truths = targets[found.truth]
    _, overlap = ciou(boxes, truths[:, 2:6])
    named = (
        cells[:, 5:].argmax(1) == truths[:, 1].long()
        if cells.shape[1] > 5
        else torch.ones_like(overlap, dtype=torch.bool)
    )
    right = named & (cells[:, 4].sigmoid() > SURE)
    half = right & (overlap > 0.5)
    places = torch.stack([found.image, found.anchor, found.row, found.column], -1)[half]
    return {
        "class_accuracy": named.float().mean().item(),
        "recall50": half.float().mean().item(),
        "recall75": (right & (overlap > 0.75)).float().mean().item(),
        "precision": len(torch.unique(places, dim=0)) / sure if sure else None,
    }


def _centres(boxes: Tensor) -> Tensor:
    return (boxes[:, :2] + boxes[:, 2:4]) / 2


def _sides(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:4] - boxes[:, :2]).clamp(min=1e-6)
