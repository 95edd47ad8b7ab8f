"""Large pictures in pieces: everything is found, and what lies on seams is found once."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from onelook.inference.model import Detector, load
from onelook.inference.tiling import Tiling, look_in_tiles
from onelook.structures.boxes import Boxes, as_boxes, iou
from onelook.structures.detections import Detections
from onelook.structures.errors import UserError
from onelook.structures.images import read_image
from onelook.structures.letterbox import Image

SIDE = 128
"""Of the network that `finder` plays: it sees what is at least 8 pixels large in an input of this size."""


def finder(image: Image) -> Detections:
    """Return the bright rectangles of an image as a network would that shrinks it to its input and misses what is small then."""
    scale = max(1.0, max(image.shape[:2]) / SIDE)
    count, _, stats, _ = cv2.connectedComponentsWithStats((image[..., 0] > 128).astype(np.uint8))
    found = [(x, y, x + w, y + h) for x, y, w, h, _ in stats[1:count].tolist() if min(w, h) / scale >= 8]
    random = np.random.default_rng(len(found))
    boxes = as_boxes(found) + random.uniform(-0.6, 0.6, (len(found), 4)).astype(np.float32)
    size = np.asarray([image.shape[1], image.shape[0]] * 2, np.float32)
    return Detections(np.clip(boxes, 0, size), random.uniform(0.5, 0.9, len(found)), np.zeros(len(found)))


def scattered(seed: int, sizes: tuple[int, int], size: tuple[int, int] = (900, 700)) -> tuple[Image, Boxes]:
    """Return a dark picture with bright rectangles of sides between `sizes` that do not touch, and their boxes."""
    random = np.random.default_rng(seed)
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    boxes: list[list[int]] = []
    for _ in range(400):
        w, h = random.integers(*sizes, 2).tolist()
        x, y = int(random.integers(0, size[0] - w)), int(random.integers(0, size[1] - h))
        if len(boxes) < 25 and not picture[max(0, y - 4) : y + h + 4, max(0, x - 4) : x + w + 4].any():
            picture[y : y + h, x : x + w] = 255
            boxes.append([x, y, x + w, y + h])
    return picture, as_boxes(boxes)


def assert_each_once(found: Detections, boxes: Boxes) -> None:
    """Compare what was found with what is there."""
    overlaps = iou(found.boxes, boxes)

    assert len(found) == len(boxes)
    assert sorted(overlaps.argmax(axis=1).tolist()) == list(range(len(boxes)))
    assert overlaps.max(axis=1).min() > 0.8


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("sizes", [(12, 25), (12, 60), (40, 128), (90, 300)])
def test_each_object_is_found_once_whatever_it_lies_on(seed: int, sizes: tuple[int, int]) -> None:
    picture, boxes = scattered(seed, sizes)

    assert_each_once(look_in_tiles(finder, picture, Tiling(SIDE, 0.2), 0.45), boxes)


def test_what_is_small_is_seen_in_pieces_only() -> None:
    picture, boxes = scattered(1, (12, 25))

    assert len(finder(picture)) == 0
    assert_each_once(look_in_tiles(finder, picture, Tiling(SIDE, 0.2), 0.45), boxes)


def test_pieces_cover_the_picture_and_share_what_was_asked_for() -> None:
    windows = Tiling(640, 0.2).windows((2000, 700))
    xs = sorted({x1 for x1, _, _, _ in windows})

    assert {(x2 - x1, y2 - y1) for x1, y1, x2, y2 in windows} == {(640, 640)}
    assert (xs[0], max(x2 for _, _, x2, _ in windows), max(y2 for *_, y2 in windows)) == (0, 2000, 700)
    assert max(np.diff(xs)) <= 512
    assert Tiling(640).windows((300, 640)) == [(0, 0, 300, 640)]


def test_a_small_picture_is_looked_at_once() -> None:
    asked: list[tuple[int, ...]] = []

    def look(image: Image) -> Detections:
        asked.append(image.shape)
        return Detections.none()

    assert len(look_in_tiles(look, np.zeros((50, 60, 3), np.uint8), Tiling(64), 0.45)) == 0
    assert asked == [(50, 60, 3)]


@pytest.mark.parametrize(
    ("size", "overlap", "message"),
    [
        (16, 0.2, "tile: expected at least 32 pixels, got 16"),
        (64, 1.0, "overlap: expected a share from 0 to 0.9, got 1.0"),
        (64, -0.1, "overlap: expected a share from 0 to 0.9, got -0.1"),
    ],
)
def test_a_tiling_that_cannot_be_is_one_line(size: int, overlap: float, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Tiling(size, overlap)


def test_a_model_looks_in_tiles_where_it_is_told_to(detector: Detector, picture: Image) -> None:
    large = np.tile(picture, (2, 2, 1))
    found = detector.predict(large, tile=80, overlap=0)

    assert found.size == (160, 100)
    assert len(found) > len(detector.predict(large))
    assert (np.diff(found.scores) <= 0).all()
    assert found.boxes.max() <= 160


def test_real_birds_on_the_seams_of_a_large_picture_are_found_once(shared: Path) -> None:
    """One picture eight times on 1800 x 950: on seams, on their crossings, and where there is none."""
    folder = shared / "weights" / "yolo-fastest" / "yolo-fastest-1.1_coco"
    model = load(next(iter(sorted(folder.glob("*xl*.cfg")))), threads=1)
    small = np.asarray(cv2.resize(read_image(shared / "reference" / "images" / "img" / "eagle.jpg"), (240, 180)))
    canvas = np.full((950, 1800, 3), 127, np.uint8)
    places = [(20, 30), (280, 15), (665, 30), (100, 350), (450, 380), (1190, 350), (250, 700), (1500, 700)]
    for x, y in places:
        canvas[y : y + 180, x : x + 240] = small
    index = model.names.index("bird")
    alone = model.predict(small)
    (expected,) = alone.boxes[alone.classes == index]

    found = model.predict(canvas, tile=320, overlap=0.3)
    boxes = found.boxes[found.classes == index]
    wanted = as_boxes([expected + np.asarray([x, y, x, y]) for x, y in places])

    assert (model.predict(canvas).classes == index).sum() < len(places)
    assert len(boxes) == len(places)
    assert sorted(iou(boxes, wanted).argmax(axis=1).tolist()) == list(range(len(places)))
    assert iou(boxes, wanted).max(axis=1).min() > 0.6
