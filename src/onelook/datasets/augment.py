"""One training picture from one photograph, or from four: turned, moved, recoloured, its boxes with it.

Every picture goes straight from the decoded photograph to the network's input by one affine warp, whatever is asked of it.
The mosaic of four is that of YOLOv4 (arXiv 2004.10934), mixup that of arXiv 1710.09412; hue, saturation and exposure
mean what they mean in a Darknet cfg. All randomness comes from the generator that is passed in.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from onelook.datasets.cropping import choose_window
from onelook.structures.boxes import Boxes, area, as_boxes, clip
from onelook.structures.letterbox import GREY, Image, fit
from onelook.structures.settings import check_ranges

Matrix = NDArray[np.float64]
"""(3, 3): from continuous pixels of the photograph to those of the input."""

LEAST_SIDE = 1.0
"""Pixels of the input that a box must be wide and high to be kept."""


@dataclass(frozen=True)
class AugmentSettings:
    """How much training pictures may differ from the photographs; the defaults suit fine-tuning on a few hundred."""

    letterbox: bool = True
    """Keep the photograph's shape and pad with grey; false stretches it over the input. As the network will be used."""
    flip: float = 0.5
    """Chance, 0 to 1, of being mirrored left to right."""
    flip_vertical: float = 0.0
    """Chance, 0 to 1, of being mirrored top to bottom; for pictures without an up, such as a microscope's, 0.5."""
    hue: float = 0.02
    """Most that the hue turns, as a part of the full circle, 0 to 0.5; Darknet's `hue`."""
    saturation: float = 1.5
    """Largest factor on the saturation, at least 1; as often its inverse. Darknet's `saturation`."""
    exposure: float = 1.5
    """Largest factor on the brightness, at least 1; as often its inverse. Darknet's `exposure`."""
    scale: float = 1.4
    """Largest factor on the size, 1 to 10; as often its inverse."""
    aspect: float = 1.1
    """Largest factor between width and height, 1 to 4; as often its inverse. With scale, Darknet's `jitter`."""
    translate: float = 0.1
    """Most that a picture moves, as a part of the input's width and height, 0 to 1."""
    degrees: float = 0.0
    """Most that it turns either way, 0 to 180; boxes become the upright ones around the turned."""
    shear: float = 0.0
    """Most that it leans either way, in degrees, 0 to 45."""
    crop: float = 0.0
    """Chance, 0 to 1, that a photograph is first cut to a window that shows at least one of its objects whole."""
    crop_least: float = 0.3
    """Smallest part of the photograph's width and height, 0.05 to 1, that such a window has."""
    mosaic: float = 1.0
    """Chance, 0 to 1, of being put together from four photographs, while training has the mosaic on."""
    mixup: float = 0.0
    """Chance, 0 to 1, of being laid half transparent over another."""
    cutmix: float = 0.0
    """Chance, 0 to 1, that a window of a classifier's picture shows another picture."""
    min_visible: float = 0.25
    """Part of a box's area, 0 to 1, that must remain inside the picture for the box to be kept."""

    def __post_init__(self) -> None:
        check_ranges(self, RANGES)


RANGES: dict[str, tuple[float, float]] = {
    "flip": (0, 1),
    "flip_vertical": (0, 1),
    "hue": (0, 0.5),
    "saturation": (1, 100),
    "exposure": (1, 100),
    "scale": (1, 10),
    "aspect": (1, 4),
    "translate": (0, 1),
    "degrees": (0, 180),
    "shear": (0, 45),
    "crop": (0, 1),
    "crop_least": (0.05, 1),
    "mosaic": (0, 1),
    "mixup": (0, 1),
    "cutmix": (0, 1),
    "min_visible": (0, 1),
}
"""Least and greatest value of each number."""

NONE = AugmentSettings(flip=0, hue=0, saturation=1, exposure=1, scale=1, aspect=1, translate=0, mosaic=0, min_visible=0)
"""Nothing but the fit into the input."""


@dataclass(frozen=True)
class Sample:
    """A picture (h, w, 3) uint8 RGB, its boxes (n, 4) xyxy in its pixels, and their classes (n,)."""

    image: Image
    boxes: Boxes
    classes: NDArray[np.int64]


Load = Callable[[int], Sample]
"""Gives photograph `index` with its boxes."""


def compose(
    load: Load,
    index: int,
    count: int,
    size: tuple[int, int],
    mosaic: bool,
    settings: AugmentSettings,
    rng: np.random.Generator,
) -> Sample:
    """Return the training picture of photograph `index`, of `size` (width, height); others are drawn from `count`.

    `mosaic` false forbids the mosaic whatever its chance. No box gives boxes (0, 4).
    """
    first = _one_or_four(load, index, count, size, mosaic, settings, rng)
    if rng.random() >= settings.mixup:
        return first
    other = _one_or_four(load, int(rng.integers(count)), count, size, mosaic, settings, rng)
    share = float(rng.beta(8, 8))
    image = cv2.addWeighted(first.image, share, other.image, 1 - share, 0)
    boxes, classes = np.concatenate([first.boxes, other.boxes]), np.concatenate([first.classes, other.classes])
    return Sample(np.asarray(image, np.uint8), boxes, classes)


def _one_or_four(
    load: Load,
    index: int,
    count: int,
    size: tuple[int, int],
    mosaic: bool,
    settings: AugmentSettings,
    rng: np.random.Generator,
) -> Sample:
    if rng.random() < settings.mosaic and mosaic:
        others = rng.integers(count, size=3)
        four = [load(index), *(load(int(other)) for other in others)]
        return augment_four([cut(sample, settings, rng) for sample in four], size, settings, rng)
    return augment_one(cut(load(index), settings, rng), size, settings, rng)


def cut(sample: Sample, settings: AugmentSettings, rng: np.random.Generator) -> Sample:
    """Return the photograph, or by the chance of `crop` a window of it with the boxes that remain there; nothing is copied."""
    if not settings.crop or rng.random() >= settings.crop:
        return sample
    height, width = sample.image.shape[:2]
    x1, y1, x2, y2 = choose_window((width, height), sample.boxes, settings.crop_least, rng)
    boxes, kept = warp_boxes(sample.boxes, _shift(-x1, -y1), (x2 - x1, y2 - y1), settings.min_visible)
    return Sample(sample.image[y1:y2, x1:x2], boxes, sample.classes[kept])


def augment_one(sample: Sample, size: tuple[int, int], settings: AugmentSettings, rng: np.random.Generator) -> Sample:
    """Return one photograph as an input of `size` (width, height), grey where it does not reach."""
    canvas = np.full((size[1], size[0], 3), GREY, np.uint8)
    centre = (size[0] / 2, size[1] / 2)
    moved = rng.uniform(-settings.translate, settings.translate, 2) * size
    matrix = _shift(*(centre + moved)) @ _linear(sample.image, size, settings, rng)
    boxes, classes = _draw_tile(canvas, (0, 0, *size), sample, matrix, settings, rng)
    return Sample(canvas, boxes, classes)


def augment_four(
    samples: list[Sample], size: tuple[int, int], settings: AugmentSettings, rng: np.random.Generator
) -> Sample:
    """Return a mosaic of four photographs that meet in a random point of an input of `size` (width, height).

    Each shows a random window of itself where it is larger than its quarter.
    """
    canvas = np.full((size[1], size[0], 3), GREY, np.uint8)
    middle = tuple(int(side * rng.uniform(0.25, 0.75)) for side in size)
    lefts, tops = (0, middle[0], size[0]), (0, middle[1], size[1])
    boxes, classes = [], []
    for place, sample in enumerate(samples):
        row, column = divmod(place, 2)
        tile = (lefts[column], tops[row], lefts[column + 1], tops[row + 1])
        matrix = _window(sample.image, tile, _linear(sample.image, size, settings, rng), rng)
        kept = _draw_tile(canvas, tile, sample, matrix, settings, rng)
        boxes.append(kept[0])
        classes.append(kept[1])
    return Sample(canvas, np.concatenate(boxes), np.concatenate(classes))


def _linear(image: Image, size: tuple[int, int], settings: AugmentSettings, rng: np.random.Generator) -> Matrix:
    """Return the map that brings the photograph's middle to (0, 0) and gives it its size, shape, turn and sides."""
    height, width = image.shape[:2]
    base = fit((width, height), size, settings.letterbox)
    zoom, aspect = _factor(settings.scale, rng), math.sqrt(_factor(settings.aspect, rng))
    mirror_x = -1 if rng.random() < settings.flip else 1
    mirror_y = -1 if rng.random() < settings.flip_vertical else 1
    stretch = np.diag([base.scale_x * zoom * aspect * mirror_x, base.scale_y * zoom / aspect * mirror_y, 1.0])
    turn, lean_x, lean_y = np.radians(rng.uniform(-1, 1, 3) * [settings.degrees, settings.shear, settings.shear])
    cos, sin = math.cos(turn), math.sin(turn)
    turned = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    leant = np.array([[1, math.tan(lean_x), 0], [math.tan(lean_y), 1, 0], [0, 0, 1]])
    return np.asarray(turned @ leant @ stretch @ _shift(-width / 2, -height / 2))


def _window(image: Image, tile: tuple[int, int, int, int], linear: Matrix, rng: np.random.Generator) -> Matrix:
    """Return `linear` moved so that the tile x1, y1, x2, y2 lies at random over the photograph, or the photograph in it."""
    height, width = image.shape[:2]
    extent = np.abs(linear[:2, :2]) @ (width, height)  # of the photograph in the input
    room = np.array([tile[2] - tile[0], tile[3] - tile[1]]) - extent
    centre = np.array(tile[:2]) + room * rng.random(2) + extent / 2
    return _shift(*centre) @ linear


def _draw_tile(
    canvas: Image,
    tile: tuple[int, int, int, int],
    sample: Sample,
    matrix: Matrix,
    settings: AugmentSettings,
    rng: np.random.Generator,
) -> tuple[Boxes, NDArray[np.int64]]:
    """Warp the photograph into the tile x1, y1, x2, y2 of the canvas; return its boxes that remain there and their classes."""
    x1, y1, x2, y2 = tile
    part = canvas[y1:y2, x1:x2]
    within = _shift(-x1, -y1) @ matrix
    by_centres = _shift(-0.5, -0.5) @ within @ _shift(0.5, 0.5)  # OpenCV counts from the first pixel's centre
    warped = cv2.warpAffine(
        sample.image, by_centres[:2], (x2 - x1, y2 - y1), flags=cv2.INTER_LINEAR, borderValue=(GREY, GREY, GREY)
    )
    part[:] = recolour(np.asarray(warped, np.uint8), settings, rng)
    boxes, kept = warp_boxes(sample.boxes, within, (x2 - x1, y2 - y1), settings.min_visible)
    return boxes + np.asarray([x1, y1, x1, y1], np.float32), sample.classes[kept]


def warp_boxes(
    boxes: Boxes, matrix: Matrix, size: tuple[int, int], min_visible: float
) -> tuple[Boxes, NDArray[np.bool_]]:
    """Return the boxes that remain, clipped to `size` (width, height), and which of the n they are (n,) bool.

    A turned box becomes the upright one around it. It is dropped when less than `min_visible` of that is inside, or a side
    is under LEAST_SIDE.
    """
    if not len(boxes):
        return as_boxes([]), np.zeros(0, np.bool_)
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 4, 2)
    moved = corners @ matrix[:2, :2].T + matrix[:2, 2]  # (n, 4, 2)
    whole = as_boxes(np.concatenate([moved.min(axis=1), moved.max(axis=1)], axis=1))
    inside = clip(whole, size)
    sides = inside[:, 2:] - inside[:, :2]
    kept = (area(inside) >= min_visible * area(whole)) & (sides >= LEAST_SIDE).all(axis=1)
    return inside[kept], kept


def recolour(image: Image, settings: AugmentSettings, rng: np.random.Generator) -> Image:
    """Return the picture with hue, saturation and brightness changed, by one table of 256 for each."""
    turn = rng.uniform(-settings.hue, settings.hue)
    saturation, exposure = _factor(settings.saturation, rng), _factor(settings.exposure, rng)
    if settings.hue == 0 and settings.saturation == 1 and settings.exposure == 1:
        return image
    steps = np.arange(256, dtype=np.float64)
    table = np.stack([(steps + turn * 256) % 256, steps * saturation, steps * exposure], axis=-1)  # (256, 3)
    tables = np.clip(np.rint(table), 0, 255).astype(np.uint8)[None]
    hsv = cv2.LUT(cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL), tables)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL), np.uint8)


def _factor(largest: float, rng: np.random.Generator) -> float:
    """Return a factor between 1 / largest and largest, as often above 1 as below."""
    return math.exp(rng.uniform(-1, 1) * math.log(largest))


def _shift(x: float, y: float) -> Matrix:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64)
