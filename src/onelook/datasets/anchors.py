"""Anchors fitted to the shapes of a data set's boxes: k-means with 1 - IoU as distance.

Source: YOLO9000 (arXiv 1612.08242), section 2, and what Darknet's `detector calc_anchors` computes; that starts once, this
several times.
"""

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.dataset import Dataset
from onelook.structures.errors import UserError

Shapes = NDArray[np.float32]
"""(m, 2): widths and heights, in pixels of the network's input."""

STARTS = 10
MOST_ROUNDS = 1000
MOST_SHAPES = 20_000
"""Boxes that are clustered; of more, a seeded sample of so many."""


def box_shapes(dataset: Dataset, size: tuple[int, int], letterbox: bool) -> Shapes:
    """Return the widths and heights (m, 2) that the boxes have in an input of `size` (width, height)."""
    scale = np.asarray(size) / dataset.sizes  # (n, 2)
    if letterbox:
        scale = np.repeat(scale.min(axis=1, keepdims=True), 2, axis=1)
    of_box = np.repeat(np.arange(len(dataset)), np.diff(dataset.offsets))
    return np.asarray((dataset.boxes[:, 2:] - dataset.boxes[:, :2]) * scale[of_box], np.float32)


def fit_anchors(shapes: Shapes, count: int, seed: int) -> tuple[Shapes, float]:
    """Return `count` anchors (count, 2), smallest area first, and the mean IoU of the shapes with the nearest.

    The best of several seeded starts. Raises UserError without a shape or without an anchor to fit.
    """
    if not len(shapes) or count < 1:
        raise UserError(f"anchors: expected boxes and at least one anchor, got {len(shapes)} boxes, {count} anchors")
    rng = np.random.default_rng(seed)
    sample = shapes if len(shapes) <= MOST_SHAPES else shapes[rng.choice(len(shapes), MOST_SHAPES, replace=False)]
    best, best_iou = np.zeros((0, 2), np.float32), -1.0
    for _ in range(STARTS):
        starts = rng.choice(len(sample), count, replace=len(sample) < count)
        anchors, _ = k_means(sample, sample[starts])
        suits = anchor_iou(sample, anchors)
        if suits > best_iou:
            best, best_iou = anchors, suits
    return best, anchor_iou(shapes, best)


def anchor_iou(shapes: Shapes, anchors: Shapes) -> float:
    """Return the mean, over the shapes, of the IoU with the nearest anchor; nan without a shape."""
    return float(shape_iou(shapes, anchors).max(axis=1).mean()) if len(shapes) else float("nan")


def shape_iou(shapes: Shapes, anchors: Shapes) -> NDArray[np.float32]:
    """Return the IoU (m, k) of every shape with every anchor, laid over each other at one corner."""
    (widths, heights), (wide, high) = shapes.T[..., None], anchors.T  # (m, 1) twice, (k,) twice
    shared = np.minimum(widths, wide) * np.minimum(heights, high)  # (m, k)
    return np.asarray(shared / (widths * heights + wide * high - shared))


def k_means(shapes: Shapes, starts: Shapes) -> tuple[Shapes, int]:
    """Return the centres (k, 2), by area, that the clusters settle at from `starts`, and after how many rounds.

    A centre that loses all of its shapes stays where it was. In float32 as Darknet, so that ties fall as they do there.
    """
    shapes, centres = shapes.astype(np.float32), starts.astype(np.float32)
    nearest, rounds = shape_iou(shapes, centres).argmax(axis=1), 0
    while rounds < MOST_ROUNDS:
        rounds += 1
        for place in np.unique(nearest):
            centres[place] = shapes[nearest == place].mean(axis=0)
        before, nearest = nearest, shape_iou(shapes, centres).argmax(axis=1)
        if np.array_equal(before, nearest):
            break
    return centres[np.argsort(centres.prod(axis=1), kind="stable")], rounds
