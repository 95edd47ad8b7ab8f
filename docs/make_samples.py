"""Makes the sample pictures of the page Try, in src/onelook/ui/static/samples: painted here, so that nobody else owns them.

.venv/bin/python docs/make_samples.py
"""

import math
from pathlib import Path

import cv2
import numpy as np
import simplejpeg

from onelook.datasets.generated import paint_smear
from onelook.structures.letterbox import Image

FOLDER = Path(__file__).resolve().parents[1] / "src" / "onelook" / "ui" / "static" / "samples"
SIZE = (640, 480)
SEED = 7
SKY, WALL, PAVEMENT, ROAD = (150, 190, 230), (196, 176, 150), (170, 170, 165), (86, 88, 92)
_FINER = 16
"""Places are given to OpenCV in sixteenths of a pixel."""


def main() -> None:
    """Write street.jpg and cells.jpg."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    cells, _ = paint_smear(SIZE, np.random.default_rng(SEED))
    for name, image in (("street", paint_street()), ("cells", cells)):
        path = FOLDER / f"{name}.jpg"
        path.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=85, colorspace="RGB"))
        print(path, path.stat().st_size)


def paint_street() -> Image:
    """Return a street with a stop sign on a pole and a clock on the wall, (h, w, 3) uint8 RGB."""
    width, height = SIZE
    image = np.full((height, width, 3), SKY, np.uint8)
    image[:, :] = (image * np.linspace(0.85, 1.08, height)[:, None, None]).clip(0, 255).astype(np.uint8)
    cv2.rectangle(image, (330, 40), (width, 390), WALL, -1)
    for row in range(40, 390, 14):
        cv2.line(image, (330, row), (width, row), (180, 160, 134), 1)
        for column in range(330 + 18 * (row // 14 % 2), width, 36):
            cv2.line(image, (column, row), (column, row + 14), (180, 160, 134), 1)
    cv2.rectangle(image, (0, 380), (width, 420), PAVEMENT, -1)
    cv2.rectangle(image, (0, 420), (width, height), ROAD, -1)
    paint_clock(image, (490, 170), 78)
    paint_stop_sign(image, (170, 150), 88)
    return grained(image)


def paint_stop_sign(image: Image, centre: tuple[int, int], radius: int) -> None:
    """Paint a stop sign on a pole."""
    x, y = centre
    cv2.rectangle(image, (x - 7, y), (x + 7, 405), (120, 124, 128), -1)
    cv2.rectangle(image, (x - 7, y), (x - 3, 405), (160, 164, 168), -1)
    for part, colour in ((1.0, (240, 240, 240)), (0.93, (190, 22, 30))):
        cv2.fillPoly(image, [octagon(centre, radius * part)], colour, cv2.LINE_AA, shift=4)
    size, _ = cv2.getTextSize("STOP", cv2.FONT_HERSHEY_DUPLEX, radius / 48, 6)
    place = (x - size[0] // 2, y + size[1] // 2)
    cv2.putText(image, "STOP", place, cv2.FONT_HERSHEY_DUPLEX, radius / 48, (245, 245, 245), 6, cv2.LINE_AA)


def octagon(centre: tuple[int, int], radius: float) -> np.ndarray:
    """Return the corners of an octagon that stands on a side, (8, 2) int32 in sixteenths of a pixel."""
    angles = np.pi / 8 + np.arange(8) * np.pi / 4
    corners = np.stack([centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)], axis=1)
    return np.asarray((corners * _FINER).round(), np.int32)


def paint_clock(image: Image, centre: tuple[int, int], radius: int) -> None:
    """Paint a clock that shows ten past ten."""
    cv2.circle(image, (centre[0] + 5, centre[1] + 7), radius, (150, 132, 110), -1, cv2.LINE_AA)
    cv2.circle(image, centre, radius, (40, 38, 36), -1, cv2.LINE_AA)
    cv2.circle(image, centre, round(radius * 0.9), (246, 244, 236), -1, cv2.LINE_AA)
    for hour in range(12):
        start, end = on_dial(centre, radius * 0.72, hour), on_dial(centre, radius * 0.84, hour)
        cv2.line(image, start, end, (30, 30, 30), 5 if hour % 3 == 0 else 2, cv2.LINE_AA)
    cv2.line(image, centre, on_dial(centre, radius * 0.48, 10.17), (20, 20, 20), 7, cv2.LINE_AA)
    cv2.line(image, centre, on_dial(centre, radius * 0.7, 2), (20, 20, 20), 4, cv2.LINE_AA)
    cv2.circle(image, centre, 6, (20, 20, 20), -1, cv2.LINE_AA)


def on_dial(centre: tuple[int, int], radius: float, hour: float) -> tuple[int, int]:
    """Return the place where a hand that long ends at an hour."""
    angle = math.tau * (hour / 12 - 0.25)
    return round(centre[0] + radius * math.cos(angle)), round(centre[1] + radius * math.sin(angle))


def grained(image: Image) -> Image:
    """Return the picture a little blurred and noisy, as a camera gives it."""
    soft = cv2.GaussianBlur(image, (0, 0), 0.8).astype(np.float32)
    noise = np.random.default_rng(SEED).normal(0, 3, image.shape)
    return np.asarray((soft + noise).clip(0, 255), np.uint8)


if __name__ == "__main__":
    main()
