"""From a network's raw outputs to boxes: the one decoding that training, evaluation and inference share."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from onelook.structures.detections import Detections
from onelook.structures.network.cfg import Section
from onelook.structures.network.head import FARTHEST, Floats, GaussianHead, GridHead, Head, RegionHead
from onelook.structures.network.layer import Layer
from onelook.structures.network.sections.head import mask_of

__all__ = ["FARTHEST", "Floats", "Head", "class_count", "classified", "decode", "decode_all", "head_of", "heads_of"]


def head_of(layer: Layer) -> Head:
    """Return the head that a layer whose `is_head` is true describes."""
    return HEADS[layer.kind](layer.section)


def heads_of(layers: Sequence[Layer]) -> list[Head]:
    """Return the network's heads in the cfg's order; a classifier has none."""
    return [head_of(layer) for layer in layers if layer.is_head]


def classified(layers: Sequence[Layer]) -> Layer | None:
    """Return a classifier's last [softmax], whose numbers are its classes; None for a network with a head, or without either."""
    ends = [layer for layer in layers if layer.kind == "softmax"]
    return ends[-1] if ends and not any(layer.is_head for layer in layers) else None


def class_count(layers: Sequence[Layer]) -> int:
    """Return how many classes the first head, or the classifier, tells apart; 0 for a network that is neither."""
    end = classified(layers)
    return math.prod(end.out_shape) if end else next((head.classes for head in heads_of(layers)), 0)


def decode(raw: Floats, head: Head, size: tuple[int, int], threshold: float) -> Detections:
    """Return what one image's raw output (c, h, w) says above `threshold`: boxes in pixels of the input, before NMS.

    `size` is the input's (width, height). One detection a (cell, anchor, class) whose objectness times class score exceeds
    the threshold. Cells are sorted out by objectness first: a class score cannot lift what is below.
    """
    return head.decode(raw, size, threshold)


def decode_all(raws: Sequence[Floats], heads: Sequence[Head], size: tuple[int, int], threshold: float) -> Detections:
    """Return the detections of all heads of one image together, before NMS; no head gives none."""
    found = [decode(raw, head, size, threshold) for raw, head in zip(raws, heads, strict=True)]
    found = [each for each in found if len(each)] or found[:1]
    if len(found) < 2:
        return found[0] if found else Detections.none()
    return Detections(
        np.concatenate([each.boxes for each in found]),
        np.concatenate([each.scores for each in found]),
        np.concatenate([each.classes for each in found]),
    )


def _anchors(section: Section) -> Floats:
    return np.asarray(section.numbers("anchors"), np.float32).reshape(-1, 2)


def _yolo(section: Section) -> Head:
    return Head(
        _anchors(section)[list(mask_of(section))],
        section.integer("classes", 20),
        section.number("scale_x_y", 1.0),
        bool(section.integer("new_coords", 0)),
    )


def _gaussian_yolo(section: Section) -> Head:
    return GaussianHead(
        _anchors(section)[list(mask_of(section))],
        section.integer("classes", 20),
        section.number("scale_x_y", 1.0),
        point=section.word("yolo_point", "center"),
    )


def _region(section: Section) -> Head:
    return RegionHead(_anchors(section), section.integer("classes", 20), softmax=bool(section.integer("softmax", 0)))


def _detection(section: Section) -> Head:
    return GridHead(
        np.zeros((0, 2), np.float32),
        section.integer("classes", 1),
        side=section.integer("side", 7),
        boxes=section.integer("num", 1),
        square_root=bool(section.integer("sqrt", 0)),
        softmax=bool(section.integer("softmax", 0)),
    )


HEADS: dict[str, Callable[[Section], Head]] = {
    "yolo": _yolo,
    "gaussian_yolo": _gaussian_yolo,
    "region": _region,
    "detection": _detection,
}
"""From a head's kind to its numbers."""
