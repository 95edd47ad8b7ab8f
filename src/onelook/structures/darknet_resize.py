"""Resizing with the arithmetic of Darknet's resize_image and letterbox_image, bit for bit, where parity counts more than time.

Pixels 0..1 are interpolated in float32 with the corners' centres on each other, first along rows, then along columns; nothing
is rounded to bytes. OpenCV's way, which `letterbox.place` takes, is many times faster and differs by up to 0.2 of 1.
"""

import numpy as np
from numpy.typing import NDArray

from onelook.structures.letterbox import Fit, Image, fit

Floats = NDArray[np.float32]

GREY = np.float32(0.5)
"""The pad's value."""


def darknet_fit(size: tuple[int, int], into: tuple[int, int], letterbox: bool) -> Fit:
    """Return how an image of `size` fits an input of size `into`, both (width, height).

    The image lies on whole pixels, but on the way back Darknet takes half of an odd rest for the pad.
    """
    how = fit(size, into, letterbox)
    half_x, half_y = ((side - inner) % 2 / 2 for side, inner in zip(into, how.inner, strict=True))
    return Fit(how.scale_x, how.scale_y, how.pad_x, how.pad_y, how.inner, half_x, half_y)


def darknet_place(image: Image, how: Fit, into: tuple[int, int]) -> Floats:
    """Return the input (3, h, w) float32 in 0..1 of size `into` (width, height) as Darknet would feed it."""
    pixels = (image / 255.0).astype(np.float32)
    resized = _resized(pixels, how.inner)
    if how.inner == into:
        return np.ascontiguousarray(resized.transpose(2, 0, 1))
    canvas = np.full((3, into[1], into[0]), GREY)
    width, height = how.inner
    canvas[:, how.pad_y : how.pad_y + height, how.pad_x : how.pad_x + width] = resized.transpose(2, 0, 1)
    return canvas


def darknet_cut(image: Image, into: tuple[int, int]) -> Floats:
    """Return the input (3, h, w) as Darknet's classifiers are fed: the short side resized to the input's width, the middle cut out.

    Source: resize_min and crop_image of src/image.c. Beyond an edge stands the edge's pixel.
    """
    height, width = image.shape[:2]
    short = into[0]
    size = (short, height * short // width) if width < height else (width * short // height, short)
    resized = _resized((image / 255.0).astype(np.float32), size)
    columns = np.clip(np.arange(into[0]) + int((size[0] - into[0]) / 2), 0, size[0] - 1)
    rows = np.clip(np.arange(into[1]) + int((size[1] - into[1]) / 2), 0, size[1] - 1)
    return np.ascontiguousarray(resized[rows[:, None], columns].transpose(2, 0, 1))


def _resized(pixels: Floats, size: tuple[int, int]) -> Floats:
    """Return pixels (h, w, 3) at `size` (width, height)."""
    height, width = pixels.shape[:2]
    if (width, height) == size:
        return pixels
    before, part = _steps(width, size[0])
    before[-1], part[-1] = width - 1, 0
    after = np.minimum(before + 1, width - 1)
    part = part[None, :, None]
    pixels = (1 - part) * pixels[:, before] + part * pixels[:, after]  # (h, w', 3)
    before, part = _steps(height, size[1])
    after, part = np.minimum(before + 1, height - 1), part[:, None, None]
    rows = (1 - part) * pixels[before]  # (h', w', 3)
    rows[:-1] += part[:-1] * pixels[after[:-1]]
    return np.asarray(rows, np.float32)


def _steps(source: int, target: int) -> tuple[NDArray[np.int64], Floats]:
    """Return for each of `target` places the source pixel before it and how far it is beyond, both (target,)."""
    scale = np.float32(source - 1) / np.float32(max(1, target - 1))
    places = np.arange(target, dtype=np.float32) * scale
    before = places.astype(np.int64)
    return before, places - before.astype(np.float32)
