"""A random window of a photograph that shows at least one of its objects whole."""

import numpy as np
from numpy.typing import NDArray

from onelook.structures.boxes import Boxes, clip

Window = tuple[int, int, int, int]
"""x1, y1, x2, y2 in whole pixels, within the photograph."""


def choose_window(size: tuple[int, int], boxes: Boxes, least: float, rng: np.random.Generator) -> Window:
    """Return a window over a photograph of `size` (width, height); each side is drawn from `least` to 1 of the photograph's.

    It holds one of the boxes (n, 4), xyxy, drawn at random, and grows where that is larger; with n = 0 it lies anywhere.
    """
    whole = np.asarray(size, np.float64)
    sides = rng.uniform(least, 1, 2) * whole
    low, high = np.zeros(2), whole - sides
    if len(boxes):
        box = clip(boxes, size)[int(rng.integers(len(boxes)))].astype(np.float64)
        sides = np.maximum(sides, box[2:] - box[:2])
        low, high = np.maximum(0, box[2:] - sides), np.minimum(box[:2], whole - sides)
    start = low + np.maximum(high - low, 0) * rng.random(2)
    first: NDArray[np.int64] = np.floor(start).astype(np.int64)
    last = np.minimum(np.ceil(start + sides), whole).astype(np.int64)
    return int(first[0]), int(first[1]), int(last[0]), int(last[1])
