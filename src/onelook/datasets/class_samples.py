"""A classifier's training picture and what is true of it: one photograph varied, or two mixed.

Mixup is that of arXiv 1710.09412, cutmix that of arXiv 1905.04899. No torch.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.augment import AugmentSettings, Sample, augment_one
from onelook.structures.boxes import as_boxes
from onelook.structures.letterbox import Image

MIXUP_ALPHA, CUTMIX_ALPHA = 0.2, 1.0
"""Of the beta distributions from which the shares are drawn, as in the two papers on ImageNet."""

Load = Callable[[int], tuple[Image, int]]
"""Gives photograph `index` and its class."""


def compose_class(
    load: Load,
    index: int,
    count: int,
    size: tuple[int, int],
    settings: AugmentSettings,
    rng: np.random.Generator,
) -> tuple[Image, NDArray[np.float32]]:
    """Return the training picture of photograph `index`, of `size` (width, height), and its classes (k, 2): class, share.

    The shares sum to 1. With the chances of `cutmix` and `mixup` a part of another photograph, drawn from `count`,
    is pasted in, or it is laid over the picture.
    """
    photograph, label = load(index)
    image = _varied(photograph, size, settings, rng)
    chance = rng.random()
    if chance >= settings.cutmix + settings.mixup:
        return image, np.asarray([[label, 1.0]], np.float32)
    photograph, other_label = load(int(rng.integers(count)))
    other = _varied(photograph, size, settings, rng)
    mixed, share = _pasted(image, other, rng) if chance < settings.cutmix else _laid_over(image, other, rng)
    return mixed, np.asarray([[label, share], [other_label, 1 - share]], np.float32)


def _varied(image: Image, size: tuple[int, int], settings: AugmentSettings, rng: np.random.Generator) -> Image:
    return augment_one(Sample(image, as_boxes([]), np.zeros(0, np.int64)), size, settings, rng).image


def _laid_over(image: Image, other: Image, rng: np.random.Generator) -> tuple[Image, float]:
    """Return both pictures half transparent, and the share of the first."""
    share = float(rng.beta(MIXUP_ALPHA, MIXUP_ALPHA))
    mixed = image * np.float32(share) + other * np.float32(1 - share)
    return np.rint(mixed).astype(np.uint8), share


def _pasted(image: Image, other: Image, rng: np.random.Generator) -> tuple[Image, float]:
    """Return the picture with a window of the other in it, and the share of its pixels that is left."""
    height, width = image.shape[:2]
    part = math.sqrt(1 - float(rng.beta(CUTMIX_ALPHA, CUTMIX_ALPHA)))
    centre = rng.random(2) * (width, height)
    half = np.array([width, height]) * part / 2
    x1, y1 = np.clip(np.rint(centre - half), 0, (width, height)).astype(int).tolist()
    x2, y2 = np.clip(np.rint(centre + half), 0, (width, height)).astype(int).tolist()
    mixed = image.copy()
    mixed[y1:y2, x1:x2] = other[y1:y2, x1:x2]
    return mixed, 1 - (x2 - x1) * (y2 - y1) / (width * height)
