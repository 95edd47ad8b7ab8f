"""Boxes drawn over pictures, in one colour a class, for every picture that onelook shows."""

import colorsys
from collections.abc import Sequence

import cv2
import numpy as np

from onelook.structures.boxes import Boxes
from onelook.structures.letterbox import Image

Colour = tuple[int, int, int]


def class_colour(index: int) -> Colour:
    """Return the RGB colour of class `index`: hues a golden angle apart, so that neighbours differ."""
    red, green, blue = colorsys.hsv_to_rgb((0.02 + index * 0.381966) % 1, 0.85, 0.95)
    return int(red * 255), int(green * 255), int(blue * 255)


def draw_boxes(
    image: Image, boxes: Boxes, classes: Sequence[int] | np.ndarray, labels: Sequence[str], dashed: bool = False
) -> Image:
    """Return a copy of the image with every box (n, 4) in its class's colour and its label above it; "" writes none.

    Labels lie over all boxes, those of earlier boxes (a detector's surer ones) over later ones.
    `dashed` draws broken lines, used for truth beside predictions.
    """
    picture, stroke = _canvas(image)
    corners = [tuple(round(float(value)) for value in box) for box in boxes]
    colours = [class_colour(int(index)) for index in classes]
    for (x1, y1, x2, y2), colour in zip(corners, colours, strict=True):
        if dashed:
            _dashed(picture, (x1, y1, x2, y2), colour, stroke)
        else:
            cv2.rectangle(picture, (x1, y1), (x2, y2), colour, stroke)
    for (x1, y1, _, _), colour, label in reversed(list(zip(corners, colours, labels, strict=True))):
        if label:
            _label(picture, label, (x1, y1), colour, stroke)
    return picture


def draw_list(image: Image, classes: Sequence[int], labels: Sequence[str]) -> Image:
    """Return a copy of the image with the labels below each other in its upper left corner, in their classes' colours.

    Those that do not fit are left out, but never the first.
    """
    picture, stroke = _canvas(image)
    (_, height), base = _measured("Ag", stroke)
    pitch = height + 2 * base
    for line, (index, label) in enumerate(zip(classes, labels, strict=True), start=1):
        if line == 1 or line * pitch <= picture.shape[0]:
            _label(picture, label, (0, line * pitch), class_colour(index), stroke)
    return picture


def _canvas(image: Image) -> tuple[Image, int]:
    """Return a copy to draw on and the width of its lines."""
    return np.ascontiguousarray(image).copy(), max(1, round(min(image.shape[:2]) / 240))


def _measured(text: str, stroke: int) -> tuple[Sequence[int], int]:
    """Return the (width, height) of a text above its base line, and what hangs below it."""
    return cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, _scale(stroke), stroke)


def _scale(stroke: int) -> float:
    return 0.4 + 0.1 * stroke


def _label(picture: Image, text: str, corner: tuple[int, int], colour: Colour, stroke: int) -> None:
    (width, height), base = _measured(text, stroke)
    x = int(np.clip(corner[0], 0, max(0, picture.shape[1] - width)))
    y = corner[1] - base if corner[1] - height - base >= 0 else corner[1] + height + base
    cv2.rectangle(picture, (x, y - height - base // 2), (x + width, y + base // 2), colour, -1)
    red, green, blue = colour
    ink = (20, 20, 20) if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else (255, 255, 255)  # luma of BT.601
    cv2.putText(picture, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, _scale(stroke), ink, max(1, stroke // 2), cv2.LINE_AA)


def _dashed(picture: Image, box: tuple[int, int, int, int], colour: Colour, stroke: int) -> None:
    x1, y1, x2, y2 = box
    dash = 4 * stroke
    for x in range(x1, x2, 2 * dash):
        for y in (y1, y2):
            cv2.line(picture, (x, y), (min(x + dash, x2), y), colour, stroke)
    for y in range(y1, y2, 2 * dash):
        for x in (x1, x2):
            cv2.line(picture, (x, y), (x, min(y + dash, y2)), colour, stroke)
