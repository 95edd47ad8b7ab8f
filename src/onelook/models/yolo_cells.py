"""The cells of [yolo] heads: what each says, the box it means, and which of them answer for which truth."""

from dataclasses import dataclass

import torch
from torch import Tensor

from onelook.structures.network.heads import Head


@dataclass(frozen=True)
class Grid:
    """One head's output: `outputs` (n, a, h, w, 5 + classes), and the stride (2,) of its cells, x and y, in input pixels."""

    outputs: Tensor
    head: Head
    stride: Tensor

    @property
    def shape(self) -> tuple[int, int, int]:
        """Anchors, rows, columns."""
        _, anchors, rows, columns, _ = self.outputs.shape
        return anchors, rows, columns


@dataclass(frozen=True)
class Positives:
    """The cells of one head that answer for a truth, all (p,): image, anchor, row, column, and the truth's row."""

    image: Tensor
    anchor: Tensor
    row: Tensor
    column: Tensor
    truth: Tensor


def as_grid(raw: Tensor, head: Head, size: tuple[int, int]) -> Grid:
    """Return what a head receives, (n, a * (5 + classes), h, w), cell by cell; `size` is the input's (width, height)."""
    images, _, rows, columns = raw.shape
    outputs = raw.float().view(images, len(head.anchors), head.channels, rows, columns).permute(0, 1, 3, 4, 2)
    return Grid(outputs, head, torch.tensor([size[0] / columns, size[1] / rows], device=raw.device))


def decode(cells: Tensor, head: Head, anchor: Tensor, place: Tensor, stride: Tensor) -> Tensor:
    """Return boxes (..., 4), xyxy in input pixels, of cells (..., 5 + classes) at `place` (..., 2) column, row."""
    anchors = torch.from_numpy(head.anchors).to(cells)[anchor]  # (..., 2)
    offsets = cells[..., :2] if head.new_coords else cells[..., :2].sigmoid()
    offsets = offsets * head.scale_x_y - (head.scale_x_y - 1) / 2
    centres = (offsets + place) * stride
    sides = (cells[..., 2:4] * 2) ** 2 if head.new_coords else cells[..., 2:4].clamp(max=10).exp()
    half = sides * anchors / 2
    return torch.cat([centres - half, centres + half], -1)


def places(grid: Grid) -> Tensor:
    """Return column and row (h, w, 2) of every cell."""
    _, rows, columns = grid.shape
    row, column = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    return torch.stack([column, row], -1).to(grid.outputs.device)


def all_boxes(grid: Grid) -> Tensor:
    """Return the box (n, a, h, w, 4) of every cell, xyxy in input pixels."""
    anchors, rows, columns = grid.shape
    which = torch.arange(anchors, device=grid.outputs.device)[:, None, None].expand(anchors, rows, columns)
    return decode(grid.outputs, grid.head, which, places(grid), grid.stride)


def boxes_of(grid: Grid, found: Positives) -> tuple[Tensor, Tensor]:
    """Return the outputs (p, 5 + classes) of positive cells and the boxes (p, 4) they mean, xyxy in input pixels."""
    cells = grid.outputs[found.image, found.anchor, found.row, found.column]
    place = torch.stack([found.column, found.row], -1)
    return cells, decode(cells, grid.head, found.anchor, place, grid.stride)
