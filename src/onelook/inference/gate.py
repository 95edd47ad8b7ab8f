"""Whether an exported model says what its source says: the same pictures through both, the difference stated."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from onelook.inference.model import Detector
from onelook.structures.boxes import area
from onelook.structures.detections import Detections
from onelook.structures.letterbox import Image

LEAST_SCORE = 0.01
"""Boxes are compared from here on, and before NMS: at a threshold, rounding would decide which are there."""


@dataclass(frozen=True)
class Difference:
    """The largest differences between two models over some pictures."""

    images: int
    boxes: int
    """How many boxes of the source were compared."""
    missing: int
    """Boxes of the source that the export does not have."""
    score: float
    """Largest difference of a score."""
    box: float
    """Largest difference of a corner, in the picture's pixels."""
    outputs: float
    """Largest difference of a raw output, as a share of the largest output."""

    def within(self, tolerance: "Tolerance") -> bool:
        """Return whether the export may be used; what is not a number never passes."""
        close = self.score <= tolerance.score and self.box <= tolerance.box and self.outputs <= tolerance.outputs
        return self.missing == 0 and close

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        return {
            f"{name}_difference" if name in ("score", "box", "outputs") else name: value
            for name, value in asdict(self).items()
        }

    def __str__(self) -> str:
        return (
            f"{self.images} pictures, {self.boxes} boxes: scores differ by at most {self.score:.1e}, corners by "
            f"{self.box:.1e} pixels, raw outputs by {self.outputs:.1e} of the largest, {self.missing} boxes are missing"
        )


@dataclass(frozen=True)
class Tolerance:
    """How far an export may be from its source, in the units of `Difference`."""

    score: float = 1e-3
    box: float = 0.5
    outputs: float = 1e-3


class GateError(Exception):
    """An export that says something else than its source; it was not kept."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(f"the export differs from its source beyond tolerance and was not kept ({difference})")
        self.difference = difference


def check(source: Detector, export: Detector, pictures: Sequence[Image], tolerance: Tolerance) -> Difference:
    """Return how far the export is from its source on the pictures. Raises GateError beyond the tolerance."""
    difference = compare(source, export, pictures)
    if not difference.within(tolerance):
        raise GateError(difference)
    return difference


def compare(source: Detector, export: Detector, pictures: Sequence[Image]) -> Difference:
    """Return the largest differences between two detectors over the pictures; no picture gives zeros."""
    rows = [_on_one(source, export, picture) for picture in pictures]
    boxes, missing, scores, corners, outputs = np.asarray(rows, np.float64).reshape(-1, 5).T
    return Difference(
        len(pictures),
        int(boxes.sum()),
        int(missing.sum()),
        float(scores.max(initial=0)),
        float(corners.max(initial=0)),
        float(outputs.max(initial=0)),
    )


def _on_one(source: Detector, export: Detector, picture: Image) -> tuple[int, int, float, float, float]:
    """Return boxes compared, boxes missing, largest differences of score, corner and raw output on one picture."""
    expected = source.predict(picture, LEAST_SCORE, nms=1)
    expected = expected[area(expected.boxes) > 1]  # one cut to a sliver at the edge may be there or not
    found = export.predict(picture, LEAST_SCORE / 2, nms=1)
    pairs = [_nearest(expected, row, found) for row in range(len(expected))]
    there = [pair for pair in pairs if pair is not None]
    (_, first), (_, second) = source.raw_outputs(picture), export.raw_outputs(picture)
    spread = max(float(np.abs(output).max()) for output in first)
    apart = max(float(np.abs(one - other).max()) for one, other in zip(first, second, strict=True))
    return (
        len(expected),
        len(pairs) - len(there),
        max((score for score, _ in there), default=0.0),
        max((corner for _, corner in there), default=0.0),
        apart / spread if spread else apart,
    )


def _nearest(expected: Detections, row: int, found: Detections) -> tuple[float, float] | None:
    """Return the differences of score and of the farthest corner to the most alike box of the same class, None without one."""
    same = found[found.classes == expected.classes[row]]
    if not len(same):
        return None
    scores = np.abs(same.scores - expected.scores[row])  # (n,)
    corners = np.abs(same.boxes - expected.boxes[row]).max(axis=1)  # (n,)
    best = int(np.argmin(scores + corners))
    return float(scores[best]), float(corners[best])
