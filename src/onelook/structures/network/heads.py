"""What a [yolo] layer's raw outputs mean, in numpy: the one decoding that training, evaluation and inference share.

Source: YOLOv3 (arXiv 1804.02767), scale_x_y from YOLOv4 (arXiv 2004.10934), new_coords from Scaled-YOLOv4 (arXiv 2011.08036).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onelook.structures.boxes import xyxy_from_cxcywh
from onelook.structures.detections import Detections
from onelook.structures.network.layers import Layer

Floats = NDArray[np.float32]

FARTHEST = 1e7
"""Pixels: no box is larger or farther off, so that areas stay finite in float32."""


@dataclass(frozen=True)
class Head:
    """The numbers of one [yolo] section; anchors (a, 2) are width and height in pixels of the network's input."""

    anchors: Floats
    classes: int
    scale_x_y: float
    new_coords: bool

    @property
    def channels(self) -> int:
        """Outputs of one anchor in one cell: x, y, width, height, objectness, classes."""
        return 5 + self.classes


def head_of(layer: Layer) -> Head:
    """Return the head that a [yolo] layer describes."""
    section = layer.section
    anchors = np.asarray(section.numbers("anchors"), np.float32).reshape(-1, 2)
    mask = section.integers("mask") or tuple(range(len(anchors)))
    return Head(
        anchors[list(mask)],
        section.integer("classes", 20),
        section.number("scale_x_y", 1.0),
        bool(section.integer("new_coords", 0)),
    )


def decode(raw: Floats, head: Head, size: tuple[int, int], threshold: float) -> Detections:
    """Return what one image's raw output (a * (5 + classes), h, w) says above `threshold`: boxes in pixels of the input.

    `size` is the input's (width, height). One detection a (cell, anchor, class) whose objectness times class score exceeds
    the threshold, before NMS. Cells are sorted out by objectness first: a class score cannot lift what is below. Numbers of
    a network that diverged give no box (nan) or one as large as FARTHEST allows.
    """
    _, rows, columns = raw.shape
    outputs = raw.reshape(len(head.anchors), head.channels, rows, columns)
    objectness = outputs[:, 4] if head.new_coords else _sigmoid(outputs[:, 4])  # (a, h, w)
    anchor, row, column = np.nonzero(objectness > threshold)
    if not len(anchor):
        return Detections.none()
    cells = outputs[anchor, :, row, column]  # (n, 5 + classes)
    boxes = _boxes(cells[:, :4], head, (anchor, row, column), (rows, columns), size)  # (n, 4)
    classes = cells[:, 5:] if head.new_coords else _sigmoid(cells[:, 5:])
    scores = objectness[anchor, row, column][:, None] * classes  # (n, classes)
    scores[np.isnan(boxes).any(axis=1)] = 0
    which, kind = np.nonzero(scores > threshold)
    return Detections(boxes[which], scores[which, kind], kind)


def _boxes(
    cells: Floats,
    head: Head,
    place: tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]],
    grid: tuple[int, int],
    size: tuple[int, int],
) -> Floats:
    """Return the boxes (n, 4) in input pixels of cells (n, 4) at `place` (anchor, row, column) in a grid (rows, columns)."""
    anchor, row, column = place
    offsets = cells[:, :2] if head.new_coords else _sigmoid(cells[:, :2])
    offsets = offsets * head.scale_x_y - (head.scale_x_y - 1) / 2
    stride = np.asarray([size[0] / grid[1], size[1] / grid[0]], np.float32)
    centres = (offsets + np.stack([column, row], axis=1)) * stride
    with np.errstate(over="ignore"):
        factors = (cells[:, 2:4] * 2) ** 2 if head.new_coords else np.exp(cells[:, 2:4])
        sides = factors * head.anchors[anchor]
    middles_and_sides = np.concatenate([centres, sides], axis=1).clip(-FARTHEST, FARTHEST)
    return xyxy_from_cxcywh(middles_and_sides.astype(np.float32))


def decode_all(raws: Sequence[Floats], heads: Sequence[Head], size: tuple[int, int], threshold: float) -> Detections:
    """Return the detections of all heads of one image together, before NMS."""
    found = [decode(raw, head, size, threshold) for raw, head in zip(raws, heads, strict=True)]
    return Detections(
        np.concatenate([each.boxes for each in found]),
        np.concatenate([each.scores for each in found]),
        np.concatenate([each.classes for each in found]),
    )


def _sigmoid(values: Floats) -> Floats:
    """Return the logistic function without overflow: exp is only taken of what is not positive."""
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1 / (1 + small), small / (1 + small)).astype(np.float32)
