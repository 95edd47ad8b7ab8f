"""Sections whose input says where things are: [yolo], [Gaussian_yolo], [region], [detection]."""

from onelook.structures.network.cfg import Section
from onelook.structures.network.layer import LARGEST_SIDE, Layer, Place


def yolo(place: Place) -> Layer:
    """[yolo]: x, y, width, height, objectness and the classes of every anchor that the mask names."""
    return _anchored(place, 5)


def gaussian_yolo(place: Place) -> Layer:
    """[Gaussian_yolo]: as [yolo], with a spread behind each of x, y, width and height."""
    return _anchored(place, 9)


def region(place: Place) -> Layer:
    """[region]: YOLOv2's head; anchors count in cells, classes share 1. Trees of classes are refused."""
    section = place.section
    classes, coords, total = section.integer("classes", 20), section.integer("coords", 4), section.integer("num", 1)
    for key in ("tree", "map"):
        if key in section:
            raise section.error(key, f"{key}= is not supported: a softmax over a tree of classes")
    if coords != 4:
        raise section.error("coords", f"expected coords=4, got {coords}")
    _check_anchors(section, total)
    _check_channels(place, total * (classes + coords + 1), f"(classes={classes} + coords=4 + 1) * num={total}")
    return place.layer(place.before)


def detection(place: Place) -> Layer:
    """[detection]: YOLOv1's head; classes of each cell, then the objectness of its boxes, then the boxes."""
    section = place.section
    classes, side, total = section.integer("classes", 1), section.integer("side", 7), section.integer("num", 1)
    if section.integer("coords", 1) != 4:
        raise section.error("coords", f"expected coords=4, got {section.integer('coords', 1)}")
    if min(classes, side, total) < 1:
        raise section.error("side", f"expected classes, side, num >= 1, got {classes}, {side}, {total}")
    expected, found = side * side * (classes + 5 * total), place.before[0] * place.before[1] * place.before[2]
    if expected != found:
        raise section.error(
            "side",
            f"expected output={expected} = side={side}² * (classes={classes} + 5 * num={total}) before it, got {found}",
        )
    return place.layer(place.before)


def mask_of(section: Section) -> tuple[int, ...]:
    """Return which anchors the head uses; without `mask` all of them."""
    return section.integers("mask") or tuple(range(section.integer("num", 1)))


def _anchored(place: Place, beside_classes: int) -> Layer:
    section = place.section
    classes, total = section.integer("classes", 20), section.integer("num", 1)
    _check_anchors(section, total)
    mask = mask_of(section)
    if any(not 0 <= index < total for index in mask):
        raise section.error("mask", f"expected numbers below num={total}, got {','.join(map(str, mask))}")
    _check_channels(
        place, len(mask) * (classes + beside_classes), f"(classes={classes} + {beside_classes}) * {len(mask)} masks"
    )
    return place.layer(place.before)


def _check_anchors(section: Section, total: int) -> None:
    anchors = section.numbers("anchors")
    if section.integer("classes", 20) < 1:
        raise section.error("classes", f"expected at least one class, got classes={section.integer('classes', 20)}")
    if total < 1 or len(anchors) != 2 * total:
        raise section.error("anchors", f"expected num={total} pairs, got {len(anchors)} numbers")
    if not all(0 < side < LARGEST_SIDE for side in anchors):
        raise section.error("anchors", f"expected widths and heights above 0, got {section.word('anchors', '')}")


def _check_channels(place: Place, expected: int, words: str) -> None:
    if place.before[0] != expected:
        raise place.section.error(
            "classes", f"expected filters={expected} = {words} in the layer before, got {place.before[0]}"
        )
