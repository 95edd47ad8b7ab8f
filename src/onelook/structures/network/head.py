"""What the raw outputs of one head mean, in numpy; every kind of head decodes into boxes in pixels of the input.

Sources: YOLOv3 (arXiv 1804.02767), scale_x_y from YOLOv4 (arXiv 2004.10934), new_coords from Scaled-YOLOv4 (arXiv 2011.08036),
Gaussian YOLOv3 (arXiv 1904.04620), YOLOv2 (arXiv 1612.08242), YOLOv1 (arXiv 1506.02640).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.structures.boxes import xyxy_from_cxcywh
from onelook.structures.detections import Detections

Floats = NDArray[np.float32]
Places = tuple[NDArray[np.signedinteger[Any]], ...]
"""Anchors, rows and columns, each (n,)."""

FARTHEST = 1e7
"""Pixels: no box is larger or farther off, so that areas stay finite in float32."""


@dataclass(frozen=True)
class Head:
    """The numbers of one [yolo] section; anchors (a, 2) are width and height in pixels of the network's input."""

    anchors: Floats
    classes: int
    scale_x_y: float = 1.0
    new_coords: bool = False

    @property
    def channels(self) -> int:
        """Outputs of one anchor in one cell: x, y, width, height, objectness, classes."""
        return 5 + self.classes

    def outputs(self, classes: int) -> int:
        """Return how many channels the layer before must have for so many classes."""
        return len(self.anchors) * (self.channels - self.classes + classes)

    def decode(self, raw: Floats, size: tuple[int, int], threshold: float) -> Detections:
        """Return what one image's raw output (a * (5 + classes), h, w) says; see `heads.decode`."""
        outputs = raw.reshape(len(self.anchors), self.channels, *raw.shape[1:])
        place = np.nonzero(outputs[:, 4] > (threshold if self.new_coords else before_sigmoid(threshold)))
        if not len(place[0]):
            return Detections.none()
        cells = outputs[place[0], :, place[1], place[2]]  # (n, 5 + classes)
        objectness = cells[:, 4:5] if self.new_coords else sigmoid(cells[:, 4:5])
        classes = cells[:, 5:] if self.new_coords else sigmoid(cells[:, 5:])
        offsets = cells[:, :2] if self.new_coords else sigmoid(cells[:, :2])
        with np.errstate(over="ignore"):
            factors = (cells[:, 2:4] * 2) ** 2 if self.new_coords else np.exp(cells[:, 2:4])
        boxes = self._boxes(offsets, factors, place, raw.shape[1:], size)
        return above(boxes, objectness * classes, threshold)

    def _boxes(
        self, offsets: Floats, factors: Floats, place: Places, grid: tuple[int, ...], size: tuple[int, int]
    ) -> Floats:
        """Return centres and sides (n, 4) in input pixels of cells at `place` in a grid (rows, columns).

        `offsets` (n, 2) from the cell's corner are stretched by scale_x_y, `factors` (n, 2) multiply the anchors.
        """
        anchor, row, column = place
        offsets = offsets * self.scale_x_y - (self.scale_x_y - 1) / 2
        stride = np.asarray([size[0] / grid[1], size[1] / grid[0]], np.float32)
        centres = (offsets + np.stack([column, row], axis=1)) * stride
        with np.errstate(over="ignore"):
            sides = factors * self.anchors[anchor]
        return np.concatenate([centres, sides], axis=1)


@dataclass(frozen=True)
class GaussianHead(Head):
    """The numbers of one [Gaussian_yolo] section: x, y, width and height each have a spread behind them."""

    point: str = "center"
    """What of the box x and y mean: its `center`, its `left_top` or its `right_bottom` corner."""

    @property
    def channels(self) -> int:
        """Outputs of one anchor in one cell: x, y, width, height, each with its spread; objectness, classes."""
        return 9 + self.classes

    def decode(self, raw: Floats, size: tuple[int, int], threshold: float) -> Detections:
        """Return what one image's raw output (a * (9 + classes), h, w) says; spread takes from the scores."""
        outputs = raw.reshape(len(self.anchors), self.channels, *raw.shape[1:])
        place = np.nonzero(outputs[:, 8] > before_sigmoid(threshold))
        cells = outputs[place[0], :, place[1], place[2]]  # (n, 9 + classes)
        with np.errstate(over="ignore"):
            factors = np.exp(cells[:, [4, 6]])
        boxes = self._boxes(sigmoid(cells[:, [0, 2]]), factors, place, raw.shape[1:], size)
        boxes[:, :2] += boxes[:, 2:] * {"center": 0, "left_top": 0.5, "right_bottom": -0.5}[self.point]
        certain = 1 - sigmoid(cells[:, [1, 3, 5, 7]]).mean(axis=1)
        return above(boxes, (sigmoid(cells[:, 8]) * certain)[:, None] * sigmoid(cells[:, 9:]), threshold)


@dataclass(frozen=True)
class RegionHead(Head):
    """The numbers of one [region] section; its anchors (a, 2) are in cells, and its classes share 1 where `softmax` is set."""

    softmax: bool = True

    def decode(self, raw: Floats, size: tuple[int, int], threshold: float) -> Detections:
        """Return what one image's raw output (a * (5 + classes), h, w) says."""
        outputs = raw.reshape(len(self.anchors), self.channels, *raw.shape[1:])
        objectness = sigmoid(outputs[:, 4])  # (a, h, w)
        place = np.nonzero(objectness > (threshold if self.softmax else -1))  # raw class scores may be above 1
        cells = outputs[place[0], :, place[1], place[2]]  # (n, 5 + classes)
        stride = np.asarray([size[0] / raw.shape[2], size[1] / raw.shape[1]], np.float32)
        with np.errstate(over="ignore"):
            factors = np.exp(cells[:, 2:4]) * stride
        boxes = self._boxes(sigmoid(cells[:, :2]), factors, place, raw.shape[1:], size)
        classes = softmax(cells[:, 5:]) if self.softmax else cells[:, 5:]
        return above(boxes, objectness[place][:, None] * classes, threshold)


@dataclass(frozen=True)
class GridHead(Head):
    """The numbers of one [detection] section: a grid of `side` x `side` cells with `boxes` boxes and one set of classes each."""

    side: int = 7
    boxes: int = 2
    square_root: bool = True
    """Whether the network gives the root of width and height."""
    softmax: bool = False

    def outputs(self, classes: int) -> int:
        """Return how many numbers the layer before must give for so many classes."""
        return self.side**2 * (classes + 5 * self.boxes)

    def decode(self, raw: Floats, size: tuple[int, int], threshold: float) -> Detections:
        """Return what one image's raw output (side² * (classes + 5 * boxes), 1, 1) says."""
        values, cells = raw.reshape(-1), self.side**2
        classes = values[: cells * self.classes].reshape(cells, 1, self.classes)
        objectness = values[classes.size : classes.size + cells * self.boxes].reshape(cells, self.boxes, 1)
        places = values[classes.size + objectness.size :].reshape(cells, self.boxes, 4)
        classes = softmax(classes) if self.softmax else classes
        row, column = np.divmod(np.arange(cells), self.side)
        centres = (places[..., :2] + np.stack([column, row], axis=1)[:, None]) / self.side
        sides = places[..., 2:] ** 2 if self.square_root else places[..., 2:]
        boxes = np.concatenate([centres, sides], axis=2) * np.asarray([*size, *size], np.float32)
        return above(boxes.reshape(-1, 4), (objectness * classes).reshape(-1, self.classes), threshold)


def above(boxes: Floats, scores: Floats, threshold: float) -> Detections:
    """Return one detection a box (n, 4), centre and sides in pixels, and class whose score (n, classes) is above the threshold.

    Numbers of a network that diverged give no box (nan) or one as large as FARTHEST allows.
    """
    scores = np.where(np.isnan(boxes).any(axis=1, keepdims=True), 0, scores)
    which, kind = np.nonzero(scores > threshold)
    kept = boxes[which].clip(-FARTHEST, FARTHEST).astype(np.float32)
    return Detections(xyxy_from_cxcywh(kept), scores[which, kind], kind)


def before_sigmoid(threshold: float) -> float:
    """Return a number that everything exceeds whose logistic function exceeds the threshold; what just does may exceed it too.

    Cells are sorted out by it before any logistic function is computed: nearly all cells are empty.
    """
    if not 0 < threshold < 1:
        return -math.inf if threshold <= 0 else math.inf
    return math.log(threshold / (1 - threshold)) - 1e-3


def sigmoid(values: Floats) -> Floats:
    """Return the logistic function without overflow: exp is only taken of what is not positive."""
    small = np.exp(-np.abs(values))
    return np.where(values >= 0, 1 / (1 + small), small / (1 + small)).astype(np.float32)


def softmax(values: Floats) -> Floats:
    """Return shares of 1 along the last axis."""
    powers = np.exp(values - values.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)
