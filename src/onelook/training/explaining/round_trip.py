"""Truth written as a network would say it, read back by decoding and NMS, and judged: it must score 1.0.

What is lost on the way no training can bring back: two objects in one cell and anchor, or NMS taking one for the other.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.anchors import shape_iou
from onelook.datasets.dataset import Dataset
from onelook.structures.boxes import cxcywh_from_xyxy
from onelook.structures.detections import Detections
from onelook.structures.letterbox import fit
from onelook.structures.network.head import Floats, Head
from onelook.structures.network.heads import decode_all
from onelook.structures.network.nms import suppress
from onelook.structures.truth import Truth

SURE = 12.0
"""The logit of a network that has no doubt."""


def round_trip(
    dataset: Dataset,
    heads: Sequence[Head],
    grids: Sequence[tuple[int, int]],
    size: tuple[int, int],
    letterbox: bool,
    nms: float,
) -> list[Detections] | None:
    """Return the truth of every image after encoding, decoding and NMS, in the image's pixels; None for heads other than [yolo].

    `grids` are the heads' (rows, columns) in an input of `size` (width, height). Crowds are left out.
    """
    if not heads or any(type(head) is not Head for head in heads):
        return None
    found = []
    for index in range(len(dataset)):
        how = fit((int(dataset.sizes[index][0]), int(dataset.sizes[index][1])), size, letterbox)
        true = dataset.truth(index)
        assert true.crowd is not None
        plain = Truth(how.into(true.boxes[~true.crowd]), true.classes[~true.crowd])
        seen = suppress(decode_all(encode(plain, heads, grids, size), heads, size, 0.5), nms)
        found.append(Detections(how.back(seen.boxes), seen.scores, seen.classes))
    return found


def encode(
    truth: Truth, heads: Sequence[Head], grids: Sequence[tuple[int, int]], size: tuple[int, int]
) -> list[Floats]:
    """Return the raw outputs (c, h, w) of each head that say exactly `truth`, whose boxes are in pixels of the input.

    Each object is told by the free anchor and cell whose shape fits it best; one that finds none is lost.
    """
    raws = [
        np.zeros((len(head.anchors), head.channels, *grid), np.float32) for head, grid in zip(heads, grids, strict=True)
    ]
    for raw, head in zip(raws, heads, strict=True):
        raw[:, 4:] = 0.0 if head.new_coords else -SURE
    anchors = np.concatenate([head.anchors for head in heads])
    where = [(k, anchor) for k, head in enumerate(heads) for anchor in range(len(head.anchors))]
    centres = cxcywh_from_xyxy(truth.boxes)
    shapes = np.maximum(centres[:, 2:], 1e-3)
    ranked = np.argsort(-shape_iou(shapes, anchors), axis=1) if len(shapes) else np.zeros((0, 0), np.int64)
    taken: set[tuple[int, int, int, int]] = set()
    for centre, kind, order in zip(centres, truth.classes.tolist(), ranked.tolist(), strict=True):
        for k, anchor in (where[place] for place in order):
            row, column, offset = _cell(centre, grids[k], size)
            if (k, anchor, row, column) not in taken:
                taken.add((k, anchor, row, column))
                _say(raws[k][anchor, :, row, column], heads[k], anchor, offset, centre[2:], kind)
                break
    return [raw.reshape(-1, *raw.shape[2:]) for raw in raws]


def _cell(
    centre: NDArray[np.float32], grid: tuple[int, int], size: tuple[int, int]
) -> tuple[int, int, NDArray[np.float64]]:
    """Return row, column and the place (x, y) inside that cell, 0..1, of a centre in input pixels."""
    place = centre[:2].astype(np.float64) / [size[0] / grid[1], size[1] / grid[0]]
    cell = np.clip(np.floor(place), 0, [grid[1] - 1, grid[0] - 1])
    return int(cell[1]), int(cell[0]), place - cell


def _say(
    cell: Floats, head: Head, anchor: int, offset: NDArray[np.float64], sides: NDArray[np.float32], kind: int
) -> None:
    """Write into one cell (5 + classes,) what means this box and class."""
    inner = np.clip((offset + (head.scale_x_y - 1) / 2) / head.scale_x_y, 1e-6, 1 - 1e-6)
    factor = np.maximum(sides, 1e-3) / head.anchors[anchor]
    cell[:2] = inner if head.new_coords else np.log(inner / (1 - inner))
    cell[2:4] = np.sqrt(factor) / 2 if head.new_coords else np.log(factor)
    cell[4] = cell[5 + kind] = 1.0 if head.new_coords else SURE
