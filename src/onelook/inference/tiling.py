"""Large pictures looked at piece by piece, so that what is small in them is seen; what lies on a seam is found once.

Pieces overlap, and the whole picture is looked at besides, for what is larger than a piece. A box that touches a seam is a part:
it goes where a whole box of its class covers it, and joins the parts that continue it on the other side of the seam. Two views of
one object differ more than NMS expects, so a box that lies in one of another view, and is no much smaller thing, goes too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onelook.structures.boxes import Boxes, area, iou
from onelook.structures.detections import Detections
from onelook.structures.errors import UserError
from onelook.structures.letterbox import Image
from onelook.structures.network.nms import suppress

LEAST_TILE = 32
OVERLAP = 0.2
_SEAM = 0.02
"""A box that ends this near to a seam, in parts of the tile, is cut by it: networks do not find edges to the pixel."""
_COVERED = 0.5
"""Share of a part that a whole box must cover to be the same object."""
_INSIDE, _SMALLER = 0.6, 0.25
"""Share of a box that must lie in another view's box, and least ratio of their areas, to be the same object."""
_ALIKE = 0.5
"""Overlap over union, along the seam, of two parts of one object."""

Window = tuple[int, int, int, int]


@dataclass(frozen=True)
class Tiling:
    """Pieces of `size` pixels a side, each shared with its neighbour for `overlap` of the side."""

    size: int
    overlap: float = OVERLAP

    def __post_init__(self) -> None:
        if self.size < LEAST_TILE:
            raise UserError(f"tile: expected at least {LEAST_TILE} pixels, got {self.size}")
        if not 0 <= self.overlap <= 0.9:
            raise UserError(f"overlap: expected a share from 0 to 0.9, got {self.overlap}")

    def windows(self, size: tuple[int, int]) -> list[Window]:
        """Return x1, y1, x2, y2 of each piece of a picture of `size` (width, height), row by row; they cover it evenly."""
        columns, rows = (self._starts(side) for side in size)
        width, height = (min(self.size, side) for side in size)
        return [(x, y, x + width, y + height) for y in rows for x in columns]

    def _starts(self, side: int) -> list[int]:
        if side <= self.size:
            return [0]
        step = max(1, int(self.size * (1 - self.overlap)))
        count = -(-(side - self.size) // step) + 1
        return [round(number * (side - self.size) / (count - 1)) for number in range(count)]


def look_in_tiles(look: Callable[[Image], Detections], image: Image, tiling: Tiling, nms: float) -> Detections:
    """Return what `look` sees on the pieces of an image (h, w, 3) and on the whole, in its pixels, each object once, best first."""
    size = image.shape[1], image.shape[0]
    windows = tiling.windows(size)
    whole = look(image)
    if len(windows) == 1:
        return whole
    seen, views = [whole], [np.zeros(len(whole), np.int64)]
    cuts = [np.zeros((len(whole), 4), np.bool_)]  # left, top, right, bottom
    for view, (x1, y1, x2, y2) in enumerate(windows, start=1):
        found = look(image[y1:y2, x1:x2])
        boxes = found.boxes + np.asarray([x1, y1, x1, y1], np.float32)
        seen.append(Detections(boxes, found.scores, found.classes))
        views.append(np.full(len(found), view))
        cuts.append(_cut(boxes, (x1, y1, x2, y2), size, tiling.size * _SEAM))
    boxes, scores, classes = (np.concatenate([getattr(each, name) for each in seen]) for name in _COLUMNS)
    return merge(Detections(boxes, scores, classes), np.concatenate(cuts), np.concatenate(views), nms)


_COLUMNS = ("boxes", "scores", "classes")


def _cut(boxes: Boxes, window: Window, size: tuple[int, int], near: float) -> NDArray[np.bool_]:
    """Return (n, 4) whether each side of a box touches that side of its piece where the picture goes on behind it."""
    x1, y1, x2, y2 = window
    inner = np.array([x1 > 0, y1 > 0, x2 < size[0], y2 < size[1]])
    return np.asarray((np.abs(boxes - np.asarray(window, np.float32)) <= near) & inner)


def merge(found: Detections, cuts: NDArray[np.bool_], views: NDArray[np.int64], nms: float) -> Detections:
    """Return each object once, best first.

    `cuts` (n, 4) says which sides (left, top, right, bottom) of a box lie on a seam, `views` (n,) in which piece it was seen.
    """
    parts = cuts.any(axis=1)
    wholes = _once(found[~parts], views[~parts], nms)
    kept = np.flatnonzero(parts)
    kept = kept[~_covered(found[kept], wholes)]
    joined = _without_inner(_join(found[kept], cuts[kept]))
    together = [wholes, joined[~_covered(joined, wholes)]]
    boxes, scores, classes = (np.concatenate([getattr(each, name) for each in together]) for name in _COLUMNS)
    return suppress(Detections(boxes, scores, classes), nms)


def _once(wholes: Detections, views: NDArray[np.int64], nms: float) -> Detections:
    """Return the whole boxes without those that a better one of their class overlaps too much, or holds in another view."""
    order = np.argsort(-wholes.scores, kind="stable")
    kept: list[int] = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(int(best))
        box, others = wholes.boxes[[best]], wholes.boxes[order]
        inside = _shares(others, box)[:, 0]
        areas, own = area(others), area(box)[0]
        nested = np.maximum(inside, inside * areas / own)  # the smaller one's share
        alike = (nested > _INSIDE) & (np.minimum(areas, own) > _SMALLER * np.maximum(areas, own))
        same = (iou(box, others)[0] > nms) | (alike & (views[order] != views[best]))
        order = order[~(same & (wholes.classes[order] == wholes.classes[best]))]
    return wholes[kept]


def _covered(parts: Detections, wholes: Detections) -> NDArray[np.bool_]:
    """Return (n,) whether a whole box of the same class covers most of each part."""
    if not len(parts) or not len(wholes):
        return np.zeros(len(parts), np.bool_)
    share = _shares(parts.boxes, wholes.boxes)
    return np.asarray(((share > _COVERED) & (parts.classes[:, None] == wholes.classes[None])).any(axis=1))


def _shares(boxes: Boxes, others: Boxes) -> NDArray[np.float32]:
    """Return (n, m): which share of each of n boxes lies in each of m others."""
    top_left = np.maximum(boxes[:, None, :2], others[None, :, :2])  # (n, m, 2)
    sides = np.maximum(np.minimum(boxes[:, None, 2:], others[None, :, 2:]) - top_left, 0)
    return np.asarray(sides.prod(axis=2) / np.maximum(area(boxes), 1e-9)[:, None], np.float32)


def _join(parts: Detections, cuts: NDArray[np.bool_]) -> Detections:
    """Return the parts, those that continue each other across a seam as one box around them with the best of their scores."""
    group = np.arange(len(parts))
    for one in range(len(parts)):
        for other in range(one + 1, len(parts)):
            if parts.classes[one] == parts.classes[other] and _continue(parts.boxes, cuts, one, other):
                group[group == group[other]] = group[one]
    rows = [np.flatnonzero(group == each) for each in np.unique(group)]
    if not rows:
        return parts
    boxes = [np.concatenate([parts.boxes[own, :2].min(axis=0), parts.boxes[own, 2:].max(axis=0)]) for own in rows]
    scores = [parts.scores[own].max() for own in rows]
    return Detections(np.stack(boxes), np.asarray(scores), parts.classes[[own[0] for own in rows]])


def _without_inner(parts: Detections) -> Detections:
    """Return the parts, largest first, without those that a larger one of their class covers: a third tile's view of both."""
    parts = parts[np.argsort(-area(parts.boxes), kind="stable")]
    kept: list[int] = []
    for row in range(len(parts)):
        if not _covered(parts[[row]], parts[kept])[0]:
            kept.append(row)
    return parts[kept]


def _continue(boxes: Boxes, cuts: NDArray[np.bool_], one: int, other: int) -> bool:
    """Return whether two parts meet at a seam, with alike extents along it: each cut on the side where the other goes on."""
    for axis, along in ((0, 1), (1, 0)):
        for first, second in ((one, other), (other, one)):
            facing = cuts[first, axis + 2] and cuts[second, axis]
            meets = boxes[second, axis] <= boxes[first, axis + 2] and boxes[first, axis] < boxes[second, axis + 2]
            if facing and meets and _alike(boxes[first], boxes[second], along):
                return True
    return False


def _alike(first: Boxes, second: Boxes, axis: int) -> bool:
    """Return whether two boxes (4,) have about the same extent on an axis, 0 for x, 1 for y."""
    (start, end), (other, last) = (first[[axis, axis + 2]], second[[axis, axis + 2]])
    return bool(min(end, last) - max(start, other) > _ALIKE * (max(end, last) - min(start, other)))
