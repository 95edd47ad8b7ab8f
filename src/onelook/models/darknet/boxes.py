"""What Darknet's [yolo] heads push boxes towards: overlaps of boxes (n, 4) centre x, y, width, height, and their slopes.

The slopes are not those of the overlaps: width and height get twice theirs, corners count as they lie, and where boxes do not
meet, GIoU, DIoU and CIoU leave IoU's part away. Networks were tuned with exactly this, so it is computed as it is there.
Sources: arXiv 1902.09630 (GIoU), 1911.08287 (DIoU, CIoU); AlexeyAB/darknet at commit 59596d7, observed behaviour.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Pair:
    """Boxes and truths side by side, their edges and what follows from them; every tensor is (n,)."""

    boxes: Tensor
    truths: Tensor
    low: Tensor
    """(n, 2): left and top of the boxes."""
    high: Tensor
    """(n, 2): right and bottom of the boxes."""
    truth_low: Tensor
    truth_high: Tensor

    @property
    def shared_sides(self) -> Tensor:
        """Width and height of what both cover (n, 2); below 0 where they are apart."""
        return torch.minimum(self.high, self.truth_high) - torch.maximum(self.low, self.truth_low)

    @property
    def hull_sides(self) -> Tensor:
        """Width and height of the smallest box around both (n, 2)."""
        return torch.maximum(self.high, self.truth_high) - torch.minimum(self.low, self.truth_low)

    @property
    def apart(self) -> Tensor:
        """Whether they do not meet (n,)."""
        return (self.shared_sides <= 0).any(1)


def pair(boxes: Tensor, truths: Tensor) -> Pair:
    """Return boxes and truths, each (n, 4) centre x, y, width, height, side by side."""
    half, truth_half = boxes[:, 2:] / 2, truths[:, 2:] / 2
    return Pair(
        boxes,
        truths,
        boxes[:, :2] - half,
        boxes[:, :2] + half,
        truths[:, :2] - truth_half,
        truths[:, :2] + truth_half,
    )


def overlap(both: Pair) -> Tensor:
    """Return IoU (n,)."""
    shared = both.shared_sides.clamp(min=0).prod(1)
    union = both.boxes[:, 2:].prod(1) + both.truths[:, 2:].prod(1) - shared
    return torch.where(union > 0, shared / union, torch.zeros_like(shared))


def generalised_overlap(both: Pair) -> Tensor:
    """Return GIoU (n,)."""
    shared = both.shared_sides.clamp(min=0).prod(1)
    union = both.boxes[:, 2:].prod(1) + both.truths[:, 2:].prod(1) - shared
    hull = both.hull_sides.prod(1)
    return overlap(both) - torch.where(hull > 0, (hull - union) / hull, torch.zeros_like(hull))


def slopes(both: Pair, kind: str) -> Tensor:
    """Return what Darknet takes for the slopes of the overlap called `kind` by centre x, y, width, height, (n, 4)."""
    return SLOPES[kind](both)


def _by_edges(both: Pair) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return union (n,), intersection (n,), and the slopes of both by left, top, right, bottom, each (n, 4)."""
    width_height = both.high - both.low
    shared_sides = both.shared_sides
    shared = shared_sides.prod(1)  # of boxes apart in both directions it is above 0, as in Darknet
    union = width_height.prod(1) + (both.truth_high - both.truth_low).prod(1) - shared
    across, shared_across = width_height.flip(1), shared_sides.flip(1)  # what an edge is as long as: height, width
    area = torch.cat([-across, across], 1)
    inner = torch.cat(
        [
            torch.where(both.low > both.truth_low, -shared_across, 0),
            torch.where(both.high < both.truth_high, shared_across, 0),
        ],
        1,
    )
    return union, shared, area - inner, inner


def _centred(edges: Tensor) -> Tensor:
    """Return slopes by centre and sides (n, 4) of slopes by left, top, right, bottom; those of the sides are doubled."""
    return torch.cat([edges[:, :2] + edges[:, 2:], edges[:, 2:] - edges[:, :2]], 1)


def _iou_edges(both: Pair) -> Tensor:
    union, shared, union_slope, shared_slope = _by_edges(both)
    whole = (union[:, None] * shared_slope - shared[:, None] * union_slope) / union[:, None].square()
    return torch.where(union[:, None] > 0, whole, 0)


def _iou(both: Pair) -> Tensor:
    return _centred(_iou_edges(both))


def _giou(both: Pair) -> Tensor:
    union, _, union_slope, _ = _by_edges(both)
    sides = both.hull_sides
    hull, across = sides.prod(1)[:, None], sides.flip(1)
    outer = torch.cat(
        [
            torch.where(both.low < both.truth_low, -across, 0),
            torch.where(both.high > both.truth_high, across, 0),
        ],
        1,
    )
    term = torch.where(hull > 0, (hull * union_slope - union[:, None] * outer) / hull.square(), 0)
    return _centred(torch.where(both.apart[:, None], term, _iou_edges(both) + term))


def _diou(both: Pair) -> Tensor:
    term = _distance(both)
    return torch.where(both.apart[:, None], term, _iou(both) + term)


def _ciou(both: Pair) -> Tensor:
    shape = _shape(both)
    return _diou(both) + shape


def _distance(both: Pair) -> Tensor:
    """Return the slopes of the squared distance over the hull's squared diagonal, as Darknet signs them, (n, 4)."""
    away = both.truths[:, :2] - both.boxes[:, :2]  # (n, 2)
    squared, sides = away.square().sum(1, keepdim=True), both.hull_sides
    diagonal = sides.square().sum(1, keepdim=True)
    low, high = (both.low < both.truth_low).to(sides), (both.high > both.truth_high).to(sides)
    by_centre, by_side = 2 * sides * (high - low), sides * (high + low)
    moved = torch.cat([2 * away * diagonal - by_centre * squared, by_side * squared], 1)
    return torch.where(diagonal > 0, moved / diagonal.square(), 0)


def _shape(both: Pair) -> Tensor:
    """Return the slopes of CIoU's term for the sides' ratio, (n, 4)."""
    (width, height), (true_width, true_height) = both.boxes[:, 2:].unbind(1), both.truths[:, 2:].unbind(1)
    angle = torch.atan(true_width / true_height) - torch.atan(width / height)
    ratio = 4 / math.pi**2 * angle.square()
    union, shared, _, _ = _by_edges(both)
    weight = ratio / (1 - shared / union + ratio + 1e-6)
    turn = 8 / math.pi**2 * angle * weight
    return torch.stack([torch.zeros_like(turn), torch.zeros_like(turn), turn * height, -turn * width], 1)


SLOPES: dict[str, Callable[[Pair], Tensor]] = {"iou": _iou, "giou": _giou, "diou": _diou, "ciou": _ciou}
"""By `iou_loss`; `mse` has no overlap."""
