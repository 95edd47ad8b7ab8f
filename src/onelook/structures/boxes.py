"""Boxes as every room sees them: float32 (n, 4), xyxy, continuous pixels, origin top left, width = x2 - x1."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


def as_boxes(values: Any) -> Boxes:
    """Return `values` as float32 (n, 4); an empty list gives (0, 4). Raises ValueError for any other shape."""
    boxes = np.asarray(values, dtype=np.float32)
    if boxes.size == 0:
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"expected boxes (n, 4), got {boxes.shape}")
    return boxes


def area(boxes: Boxes) -> NDArray[np.float32]:
    """Return the area in square pixels (n,); an inverted box has area 0."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)  # (n, 2)
    return np.asarray(sides[:, 0] * sides[:, 1], np.float32)


def iou(first: Boxes, second: Boxes) -> NDArray[np.float32]:
    """Return the intersection over union (n, m) of every box of `first` with every box of `second`; 0 where both are empty."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])  # (n, m, 2)
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    sides = np.maximum(bottom_right - top_left, 0)
    shared = sides[..., 0] * sides[..., 1]  # (n, m)
    union = area(first)[:, None] + area(second)[None, :] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0), np.float32)


def clip(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    """Return the boxes cut to an image of `size` (width, height); a box outside becomes one without area."""
    width, height = size
    return np.clip(boxes, 0, np.asarray([width, height, width, height], np.float32))


def cxcywh_from_xyxy(boxes: Boxes) -> Boxes:
    """Return centre x, centre y, width, height (n, 4) in the same unit."""
    return np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)


def xyxy_from_cxcywh(boxes: Boxes) -> Boxes:
    """Return corner coordinates (n, 4) in the same unit."""
    half = boxes[:, 2:] / 2
    return np.concatenate([boxes[:, :2] - half, boxes[:, :2] + half], axis=1)
