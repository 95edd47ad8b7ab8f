"""How an image is fitted into a network's input, and how boxes come back from there.

`letterbox` keeps the aspect ratio and pads with grey, as Darknet's letterbox_image does; `stretch` fills the input; `cut` keeps the
aspect ratio and cuts off what lies beyond the middle, as classifiers of ImageNet are judged.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from onelook.structures.boxes import Boxes

Image = NDArray[np.uint8]
"""Pixels (h, w, 3), uint8, RGB."""

GREY = 127
"""The pad's value: Darknet fills with 0.5."""


CUT_SHARE = 0.875
"""Part of the resized image's short side that `cut` leaves: 224 of 256 pixels, as published accuracies on ImageNet have it."""


@dataclass(frozen=True)
class Fit:
    """The affine way from an image's pixels to the network's: x' = x * scale_x + pad_x, likewise y."""

    scale_x: float
    scale_y: float
    pad_x: int
    pad_y: int
    inner: tuple[int, int]
    """(width, height) of the resized image inside the input."""
    half_x: float = 0.0
    """What the boxes' pad has beyond pad_x: half a pixel where Darknet divides an odd rest."""
    half_y: float = 0.0
    """Likewise beyond pad_y."""

    def into(self, boxes: Boxes) -> Boxes:
        """Return image boxes (n, 4) in input pixels."""
        return np.asarray(boxes * self._scale() + self._pad(), np.float32)

    def back(self, boxes: Boxes) -> Boxes:
        """Return input boxes (n, 4) in image pixels; the inverse of `into`."""
        return np.asarray((boxes - self._pad()) / self._scale(), np.float32)

    def _scale(self) -> NDArray[np.float32]:
        return np.asarray([self.scale_x, self.scale_y] * 2, np.float32)

    def _pad(self) -> NDArray[np.float32]:
        return np.asarray([self.pad_x + self.half_x, self.pad_y + self.half_y] * 2, np.float32)


def fit(size: tuple[int, int], into: tuple[int, int], letterbox: bool) -> Fit:
    """Return how an image of `size` fits an input of size `into`, both (width, height)."""
    (width, height), (input_width, input_height) = size, into
    if not letterbox:
        return Fit(input_width / width, input_height / height, 0, 0, into)
    if input_width / width < input_height / height:
        inner = (input_width, max(1, height * input_width // width))
    else:
        inner = (max(1, width * input_height // height), input_height)
    pad_x, pad_y = (input_width - inner[0]) // 2, (input_height - inner[1]) // 2
    return Fit(inner[0] / width, inner[1] / height, pad_x, pad_y, inner)


def cut(size: tuple[int, int], into: tuple[int, int], share: float = CUT_SHARE) -> Fit:
    """Return how the middle of an image of `size` fills an input of size `into`, both (width, height); the pads are not positive.

    The image is resized so that the input is `share` of it where it is relatively shortest.
    """
    (width, height), (input_width, input_height) = size, into
    scale = max(input_width / width, input_height / height) / share
    inner = (max(input_width, round(width * scale)), max(input_height, round(height * scale)))
    pad_x, pad_y = -((inner[0] - input_width) // 2), -((inner[1] - input_height) // 2)
    return Fit(inner[0] / width, inner[1] / height, pad_x, pad_y, inner)


def place(image: Image, how: Fit, into: tuple[int, int]) -> Image:
    """Return the input (h, w, 3) uint8 of size `into` (width, height) with the image resized, padded and cut as `how` says."""
    height, width = image.shape[:2]
    resized = image if (width, height) == how.inner else cv2.resize(image, how.inner, interpolation=cv2.INTER_LINEAR)
    if how.inner == into:
        return np.asarray(resized, np.uint8)
    if how.pad_x <= 0 and how.pad_y <= 0 and how.inner[0] >= into[0] and how.inner[1] >= into[1]:
        return np.ascontiguousarray(resized[-how.pad_y :, -how.pad_x :][: into[1], : into[0]], np.uint8)
    canvas = np.full((into[1], into[0], 3), GREY, np.uint8)
    canvas[how.pad_y : how.pad_y + how.inner[1], how.pad_x : how.pad_x + how.inner[0]] = resized
    return canvas
