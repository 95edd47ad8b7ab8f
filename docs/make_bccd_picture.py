"""Makes docs/images/bccd.png: test images of BCCD with what a trained model finds in them.

.venv/bin/python docs/make_bccd_picture.py RUN ../shared/data/bccd
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from onelook.datasets.reading import read
from onelook.inference.model import Detector, load
from onelook.structures.drawing import class_colour, draw_boxes
from onelook.structures.images import read_image
from onelook.structures.letterbox import Image

COLUMNS, ROWS, WIDTH, SCORE = 3, 2, 420, 0.4
GAP, FOOT = 6, 34


def main() -> None:
    """Draw the first test images that show white cells or platelets beside red ones."""
    detector = load(sys.argv[1])
    dataset = read(Path(sys.argv[2])).split("test")
    chosen = [index for index in range(len(dataset)) if len(set(dataset.truth(index).classes)) == len(dataset.names)]
    tiles = [tile(detector, dataset.paths[index]) for index in chosen[: COLUMNS * ROWS]]
    rows = [np.concatenate(tiles[row * COLUMNS : (row + 1) * COLUMNS], axis=1) for row in range(ROWS)]
    sheet = np.concatenate([*rows, legend(detector.names, rows[0].shape[1])], axis=0)
    out = Path(__file__).parent / "images" / "bccd.png"
    out.parent.mkdir(exist_ok=True)
    cv2.imwrite(str(out), sheet[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])
    print(out, sheet.shape)


def tile(detector: Detector, path: Path) -> Image:
    """Return one image with its detections, scaled to the tile's width, with a white gap."""
    image = read_image(path)
    found = detector.predict(image, score=SCORE)
    pairs = zip(found.classes, found.scores, strict=True)
    labels = ["" if detector.names[kind] == "RBC" else f"{score:.2f}" for kind, score in pairs]
    drawn = draw_boxes(image, found.boxes, found.classes, labels)
    small = cv2.resize(drawn, (WIDTH, round(WIDTH * image.shape[0] / image.shape[1])), interpolation=cv2.INTER_AREA)
    return np.pad(small, ((0, GAP), (0, GAP), (0, 0)), constant_values=255)


def legend(names: tuple[str, ...], width: int) -> Image:
    """Return a white strip with every class's colour and name."""
    strip = np.full((FOOT, width, 3), 255, np.uint8)
    for index, name in enumerate(names):
        left = 10 + index * 150
        cv2.rectangle(strip, (left, 10), (left + 14, 24), class_colour(index), -1)
        cv2.putText(strip, name, (left + 22, 23), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (40, 40, 40), 1, cv2.LINE_AA)
    return strip


if __name__ == "__main__":
    main()
