"""A contact sheet: many pictures of a data set on one, with their boxes, and a legend of the classes."""

from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

from onelook.datasets.augment import AugmentSettings, Sample, compose
from onelook.datasets.dataset import Dataset
from onelook.structures.drawing import class_colour, draw_boxes
from onelook.structures.errors import UserError
from onelook.structures.files import write_bytes
from onelook.structures.images import read_image
from onelook.structures.letterbox import Image, fit, place

_GAP = 4
_LINE = 26
_PAPER = 255


def photographs(dataset: Dataset, indices: Sequence[int], side: int) -> Iterator[Sample]:
    """Yield images as they are, each fitted into `side` x `side` pixels, with its boxes there."""
    for index in indices:
        image, truth = read_image(dataset.paths[index]), dataset.truth(index)
        how = fit((image.shape[1], image.shape[0]), (side, side), letterbox=True)
        yield Sample(place(image, how, (side, side)), how.into(truth.boxes), truth.classes)


def training_pictures(
    dataset: Dataset, indices: Sequence[int], side: int, settings: AugmentSettings, seed: int
) -> Iterator[Sample]:
    """Yield the pictures that training makes of images, `side` x `side` pixels, mosaics among them."""

    def load(index: int) -> Sample:
        truth = dataset.truth(index)
        return Sample(read_image(dataset.paths[index]), truth.boxes, truth.classes)

    for index in indices:
        rng = np.random.default_rng((seed, index))
        yield compose(load, index, len(dataset), (side, side), True, settings, rng)


def choose(dataset: Dataset, count: int, seed: int) -> list[int]:
    """Return up to `count` images, drawn at random and put in order. Raises UserError where there is none."""
    if not len(dataset):
        raise UserError(f"{dataset.root}: expected images to show, got none")
    drawn = np.random.default_rng(seed).permutation(len(dataset))[:count]
    return sorted(int(index) for index in drawn)


def contact_sheet(samples: Sequence[Sample], names: Sequence[str], columns: int = 4) -> Image:
    """Return the samples, all of one size and at least one of them, in rows of `columns`, their classes told below."""
    side = samples[0].image.shape[0] + _GAP
    wide, high = min(columns, len(samples)), -(-len(samples) // columns)
    legend = _legend(names, wide * side + _GAP)
    sheet = np.full((high * side + _GAP + legend.shape[0], wide * side + _GAP, 3), _PAPER, np.uint8)
    for number, sample in enumerate(samples):
        y, x = (part * side + _GAP for part in divmod(number, columns))
        drawn = draw_boxes(sample.image, sample.boxes, sample.classes, [""] * len(sample.boxes))
        sheet[y : y + side - _GAP, x : x + side - _GAP] = drawn
    sheet[high * side + _GAP :] = legend
    return sheet


def _legend(names: Sequence[str], width: int) -> Image:
    """Return a strip (h, width, 3) with a coloured square and the name of every class, in as many lines as they need."""
    places, x, line = [], _GAP, 0
    for name in names:
        length = _LINE + cv2.getTextSize(name, cv2.FONT_HERSHEY_SIMPLEX, 0.5, 1)[0][0] + _LINE // 2
        if x > _GAP and x + length > width:
            x, line = _GAP, line + 1
        places.append((x, line * _LINE))
        x += length
    strip = np.full(((line + 1) * _LINE, width, 3), _PAPER, np.uint8)
    for number, (name, (left, top)) in enumerate(zip(names, places, strict=True)):
        cv2.rectangle(strip, (left, top + 6), (left + 14, top + 20), class_colour(number), -1)
        cv2.putText(strip, name, (left + 20, top + 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
    return strip


def write_sheet(path: Path, sheet: Image) -> None:
    """Write a picture as its ending says. Raises UserError for an ending that is not .jpg, .jpeg or .png."""
    if path.suffix.lower() not in (".jpg", ".jpeg", ".png"):
        raise UserError(f"{path}: expected a name that ends in .jpg or .png, got {path.suffix or 'no ending'!r}")
    data = BytesIO()
    Pillow.fromarray(sheet).save(data, "PNG" if path.suffix.lower() == ".png" else "JPEG", quality=92)
    write_bytes(path, data.getvalue())
