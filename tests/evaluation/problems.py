"""Problems that several tests judge: hand-made ones, and random ones with ties, crowds and dense overlaps."""

import json
from pathlib import Path

import numpy as np

from onelook.structures.detections import Detections
from onelook.structures.truth import Truth


def truth(
    *boxes: tuple[float, ...],
    classes: list[int] | None = None,
    crowd: list[bool] | None = None,
    difficult: list[bool] | None = None,
) -> Truth:
    """Return truth from rows x, y, width, height; class 0 unless told."""
    corners = [(x, y, x + width, y + height) for x, y, width, height in boxes]
    return Truth(corners, classes or [0] * len(corners), difficult, crowd)  # type: ignore[arg-type]


def found(*rows: tuple[float, ...], classes: list[int] | None = None) -> Detections:
    """Return detections from rows x, y, width, height, score; class 0 unless told."""
    corners = [(x, y, x + width, y + height) for x, y, width, height, _ in rows]
    return Detections(corners, [row[4] for row in rows], classes or [0] * len(corners))  # type: ignore[arg-type]


def random_problem(
    seed: int, images: int = 30, classes: int = 4, crowds: bool = True, dense: int = 12
) -> tuple[list[Truth], list[Detections]]:
    """Return jittered, doubled, mislabelled and invented detections of random truth; scores are coarse, so that many tie."""
    generator = np.random.default_rng(seed)
    truths, detections = [], []
    for _ in range(images):
        count = int(generator.integers(0, 8))
        corner, size = generator.uniform(0, 300, (count, 2)), generator.uniform(4, 150, (count, 2))
        boxes = np.concatenate([corner, corner + size], 1).reshape(-1, 4)
        labels = generator.integers(0, classes, count)
        crowd = generator.random(count) < 0.15 if crowds else np.zeros(count, bool)
        truths.append(Truth(boxes, labels, generator.random(count) < 0.2, crowd))  # type: ignore[arg-type]
        detections.append(_detections(generator, boxes, labels, classes, dense))
    return truths, detections


def _detections(
    generator: np.random.Generator, boxes: np.ndarray, labels: np.ndarray, classes: int, dense: int
) -> Detections:
    count = int(generator.integers(0, dense))
    invented = np.concatenate([generator.uniform(0, 150, (count, 2)), generator.uniform(150, 400, (count, 2))], 1)
    source = generator.integers(0, len(boxes), count) if len(boxes) else np.zeros(0, int)
    near = boxes[source] + generator.normal(0, 6, (len(source), 4))
    rows = np.concatenate([near, invented])
    rows[:, 2:] = np.maximum(rows[:, 2:], rows[:, :2] + 1)
    kinds = np.concatenate([labels[source], generator.integers(0, classes, count)])
    kinds = np.where(generator.random(len(kinds)) < 0.1, generator.integers(0, classes, len(kinds)), kinds)
    return Detections(rows, np.round(generator.random(len(rows)), 1), kinds)  # type: ignore[arg-type]


def darknet_problem(path: Path) -> tuple[list[Truth], list[Detections], list[str]]:
    """Return what Darknet saw and said on coco128, in pixels of a 1000 x 1000 image, and its 80 class names.

    A truth that repeats another of its image is kept; one that `-difficult` moved away carries the flag.
    """
    content = json.loads(path.read_text())
    names = (path.parent / "coco.names").read_text().splitlines()
    truths, detections = [], []
    for image in content["images"]:
        plain, hard = _rows(image["truth"], 5), _rows(image.get("difficult", []), 5)
        rows = np.concatenate([plain, hard])
        difficult = np.arange(len(rows)) >= len(plain)
        truths.append(Truth(_corners(rows[:, 1:]), rows[:, 0].astype(int), difficult))  # type: ignore[arg-type]
        given = _rows(image["detections"], 6)
        detections.append(Detections(_corners(given[:, 2:]), given[:, 1], given[:, 0].astype(int)))  # type: ignore[arg-type]
    return truths, detections, names


def _rows(values: list[list[float]], width: int) -> np.ndarray:
    return np.asarray(values, np.float64).reshape(-1, width)


def _corners(boxes: np.ndarray) -> np.ndarray:
    return 1000 * np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)
