"""Heads as ONNX nodes: boxes and scores leave the graph, or what NMS leaves of them, for programs without a decoding of their own.

The same computation as `structures/network/head.py`, which stays the one for everything else. NMS in the graph is by plain IoU:
ONNX has no other, whatever `nms_kind` a cfg names.
"""

from collections.abc import Sequence

import numpy as np

from onelook.inference.onnx_nodes import Nodes
from onelook.structures.network.head import FARTHEST, GaussianHead, GridHead, Head, RegionHead
from onelook.structures.network.nms import MOST_CANDIDATES

Shape = tuple[int, int, int]


def all_boxes(nodes: Nodes, heads: Sequence[tuple[Head, str, Shape]], size: tuple[int, int]) -> tuple[str, str]:
    """Return the names of boxes (n, k, 4), xyxy in pixels of the input, and scores (n, k, classes) of all heads together.

    `heads` are the head, the tensor it receives and that tensor's (c, h, w); `size` is the input's (width, height).
    """
    found = [_boxes_of(nodes, head, x, shape, size) for head, x, shape in heads]
    boxes = nodes.add("Concat", *(boxes for boxes, _ in found), axis=1)
    scores = nodes.add("Concat", *(scores for _, scores in found), axis=1)
    return nodes.add("Clip", boxes, nodes.number(-FARTHEST), nodes.number(FARTHEST)), scores


def best_boxes(nodes: Nodes, boxes: str, scores: str, score: float, nms: float) -> tuple[str, str, str, str]:
    """Return the names of boxes (m, 4), scores (m,), classes (m,) and images (m,) that per-class NMS leaves of a batch.

    `boxes` (n, k, 4) and `scores` (n, k, classes) are those of `all_boxes`; from `score` on, of two above the IoU `nms` the better.
    """
    by_class = nodes.add("Transpose", scores, perm=[0, 2, 1])  # (n, classes, k)
    most, overlap, least = nodes.whole_numbers([MOST_CANDIDATES]), _one(nodes, nms), _one(nodes, score)
    kept = nodes.add("NonMaxSuppression", boxes, by_class, most, overlap, least)  # (m, 3): image, class, box
    first, second, third = (_column(nodes, kept, column) for column in range(3))  # (m, 1)
    box = nodes.add("GatherND", boxes, nodes.add("Concat", first, third, axis=1))
    numbers = nodes.add("GatherND", by_class, kept)
    flat = nodes.whole_numbers([-1])
    return box, numbers, nodes.add("Reshape", second, flat), nodes.add("Reshape", first, flat)


def _boxes_of(nodes: Nodes, head: Head, x: str, shape: Shape, size: tuple[int, int]) -> tuple[str, str]:
    if isinstance(head, GridHead):
        return _grid(nodes, head, x, size)
    rows, columns = shape[1:]
    anchors, cells = len(head.anchors), rows * columns
    x = nodes.add("Reshape", x, nodes.whole_numbers([0, anchors, head.channels, cells]))
    x = nodes.add("Transpose", x, perm=[0, 1, 3, 2])  # (n, anchors, cells, channels)
    row, column = np.divmod(np.arange(cells), columns)
    corner = nodes.array(f"{x}.cells", np.stack([column, row], axis=1).astype(np.float32))
    stride = nodes.array(f"{x}.stride", np.asarray([size[0] / columns, size[1] / rows], np.float32))
    offsets, factors, scores = _parts(nodes, head, x)
    if head.scale_x_y != 1:
        offsets = nodes.add("Mul", offsets, nodes.number(head.scale_x_y))
        offsets = nodes.add("Sub", offsets, nodes.number((head.scale_x_y - 1) / 2))
    centres = nodes.add("Mul", nodes.add("Add", offsets, corner), stride)
    sides = nodes.add("Mul", factors, nodes.array(f"{x}.anchors", head.anchors[:, None]))
    if isinstance(head, RegionHead):
        sides = nodes.add("Mul", sides, stride)
    if isinstance(head, GaussianHead) and head.point != "center":
        moved = nodes.add("Mul", sides, nodes.number(0.5 if head.point == "left_top" else -0.5))
        centres = nodes.add("Add", centres, moved)
    boxes = nodes.add("Reshape", _corners(nodes, centres, sides), nodes.whole_numbers([0, -1, 4]))
    return boxes, nodes.add("Reshape", scores, nodes.whole_numbers([0, -1, head.classes]))


def _parts(nodes: Nodes, head: Head, x: str) -> tuple[str, str, str]:
    """Return offsets and factors (n, a, cells, 2) and scores (n, a, cells, classes) of a head's numbers (n, a, cells, channels)."""
    if isinstance(head, GaussianHead):
        x_y, w_h = _some(nodes, x, [0, 2]), _some(nodes, x, [4, 6])
        spread = nodes.add("Sigmoid", _some(nodes, x, [1, 3, 5, 7]))
        certain = nodes.add("Sub", nodes.number(1), nodes.add("ReduceMean", spread, axes=[3], keepdims=1))
        objectness = nodes.add("Mul", nodes.add("Sigmoid", _some(nodes, x, [8])), certain)
        first = 9
    else:
        x_y, w_h, objectness, first = _some(nodes, x, [0, 1]), _some(nodes, x, [2, 3]), _some(nodes, x, [4]), 5
        objectness = nodes.add("Relu" if head.new_coords else "Sigmoid", objectness)
    classes = _some(nodes, x, range(first, first + head.classes))
    if head.new_coords:
        doubled = nodes.add("Mul", w_h, nodes.number(2))
        return x_y, nodes.add("Mul", doubled, doubled), nodes.add("Mul", objectness, classes)
    if not isinstance(head, RegionHead):
        classes = nodes.add("Sigmoid", classes)
    elif head.softmax:
        classes = nodes.add("Softmax", classes, axis=3)
    return nodes.add("Sigmoid", x_y), nodes.add("Exp", w_h), nodes.add("Mul", objectness, classes)


def _grid(nodes: Nodes, head: GridHead, x: str, size: tuple[int, int]) -> tuple[str, str]:
    cells, begin = head.side**2, head.side**2 * head.classes
    x = nodes.add("Flatten", x)  # (n, cells * (classes + 5 * boxes))
    end = begin + cells * head.boxes
    shapes = (
        (0, begin, [0, cells, 1, head.classes]),
        (begin, end, [0, cells, head.boxes, 1]),
        (end, end + 4 * cells * head.boxes, [0, cells, head.boxes, 4]),
    )
    classes, objectness, places = (
        nodes.add("Reshape", _slice(nodes, x, start, stop, 1), nodes.whole_numbers(shape))
        for start, stop, shape in shapes
    )
    classes = nodes.add("Softmax", classes, axis=3) if head.softmax else classes
    row, column = np.divmod(np.arange(cells), head.side)
    corner = nodes.array(f"{x}.cells", np.stack([column, row], axis=1).astype(np.float32)[:, None])
    scale = nodes.array(f"{x}.size", np.asarray(size, np.float32))
    centres = nodes.add("Add", _some(nodes, places, [0, 1]), corner)
    centres = nodes.add("Mul", nodes.add("Div", centres, nodes.number(head.side)), scale)
    sides = _some(nodes, places, [2, 3])
    sides = nodes.add("Mul", nodes.add("Mul", sides, sides) if head.square_root else sides, scale)
    boxes = nodes.add("Reshape", _corners(nodes, centres, sides), nodes.whole_numbers([0, -1, 4]))
    scores = nodes.add("Mul", objectness, classes)
    return boxes, nodes.add("Reshape", scores, nodes.whole_numbers([0, -1, head.classes]))


def _corners(nodes: Nodes, centres: str, sides: str) -> str:
    half = nodes.add("Mul", sides, nodes.number(0.5))
    return nodes.add("Concat", nodes.add("Sub", centres, half), nodes.add("Add", centres, half), axis=-1)


def _some(nodes: Nodes, x: str, channels: Sequence[int]) -> str:
    """Return channels of the last of four axes."""
    if list(channels) == list(range(channels[0], channels[-1] + 1)):
        return _slice(nodes, x, channels[0], channels[-1] + 1, 3)
    return nodes.add("Gather", x, nodes.whole_numbers(channels), axis=3)


def _slice(nodes: Nodes, x: str, start: int, stop: int, axis: int) -> str:
    return nodes.add("Slice", x, *(nodes.whole_numbers([number]) for number in (start, stop, axis)))


def _column(nodes: Nodes, x: str, column: int) -> str:
    return _slice(nodes, x, column, column + 1, 1)


def _one(nodes: Nodes, value: float) -> str:
    """Return the name of a list of one float32 number."""
    return nodes.array(f"list {value!r}", np.asarray([value], np.float32))
