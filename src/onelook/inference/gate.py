"""Whether an exported model says what its source says: the same pictures through both, the difference stated."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from onelook.evaluation.evaluation import judge
from onelook.evaluation.problem import lay_out
from onelook.evaluation.rules import find_rules
from onelook.inference.model import Detector
from onelook.inference.runtime import Floats
from onelook.structures.boxes import area
from onelook.structures.classes import class_map
from onelook.structures.detections import Detections
from onelook.structures.letterbox import Fit, Image
from onelook.structures.progress import track
from onelook.structures.renaming import renamed
from onelook.structures.truth import Truth

LEAST_SCORE = 0.01
"""Boxes are compared from here on, and before NMS: at a threshold, rounding would decide which are there."""

MOST_COMPARED = 200
"""Boxes of a picture that are compared one by one, the best."""

LEAST_JUDGED = 0.001
"""Detections from here on count for AP."""


@dataclass(frozen=True)
class Labels:
    """What a person says of the pictures, in their order, under the data's class names."""

    truths: Sequence[Truth]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Accuracy:
    """AP50 and AP of source and export on the pictures, under COCO's rules."""

    labelled: bool
    """Whether a person's labels were the truth; without any it is what the source shows at its own threshold."""
    source_ap50: float
    export_ap50: float
    source_ap: float
    export_ap: float

    @property
    def loss(self) -> float:
        """AP50 that the export has less than its source."""
        return self.source_ap50 - self.export_ap50

    def __str__(self) -> str:
        if not self.labelled:
            return f"AP50 {self.export_ap50:.4f} with what the source shows as truth"
        return f"AP50 {self.export_ap50:.4f} against {self.source_ap50:.4f}, AP {self.export_ap:.4f} against {self.source_ap:.4f}"


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
    mean_score: float = 0.0
    """Mean difference of a score."""
    accuracy: Accuracy | None = None
    """None without a picture."""

    def within(self, tolerance: "Tolerance") -> bool:
        """Return whether the export may be used; what is not a number never passes."""
        close = self.score <= tolerance.score and self.box <= tolerance.box and self.outputs <= tolerance.outputs
        there = self.missing <= tolerance.missing * self.boxes
        if self.accuracy is None:
            return there and close
        lost = tolerance.ap50 if self.accuracy.labelled else tolerance.unlike
        return there and close and self.accuracy.loss <= lost

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        own = {name: value for name, value in asdict(self).items() if name != "accuracy"}
        told = {f"{name}_difference" if name in _DIFFERENCES else name: value for name, value in own.items()}
        if self.accuracy is None:
            return told
        return {**told, **asdict(self.accuracy), "ap50_loss": self.accuracy.loss}

    def __str__(self) -> str:
        accuracy = f"; {self.accuracy}" if self.accuracy else ""
        return (
            f"{self.images} pictures, {self.boxes} boxes: scores differ by at most {self.score:.1e} (mean "
            f"{self.mean_score:.1e}), corners by {self.box:.1e} pixels, raw outputs by {self.outputs:.1e} of the largest, "
            f"{self.missing} boxes are missing{accuracy}"
        )


_DIFFERENCES = ("score", "box", "outputs", "mean_score")


@dataclass(frozen=True)
class Tolerance:
    """How far an export may be from its source, in the units of `Difference`."""

    score: float = 1e-3
    box: float = 0.5
    outputs: float = 1e-3
    missing: float = 0.0
    """Share of the source's boxes."""
    ap50: float = 1e-3
    """AP50 that may be lost on labelled pictures."""
    unlike: float = 0.01
    """AP50 that may be lost where the source's own detections stand for the truth."""


EXACT = Tolerance()
"""Of float32."""

INT8 = Tolerance(score=1, box=float("inf"), outputs=float("inf"), missing=1, ap50=0.01, unlike=0.25)
"""Of INT8, whose single numbers move: what counts is what is found."""


class Stated(Protocol):
    """A difference that can be told."""

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""


class GateError(Exception):
    """An export that says something else than its source; it was not kept."""

    def __init__(self, difference: Stated) -> None:
        super().__init__(f"the export differs from its source beyond tolerance and was not kept ({difference})")
        self.difference = difference


def check(
    source: Detector,
    export: Detector,
    pictures: Sequence[Image | Path],
    tolerance: Tolerance,
    labels: Labels | None = None,
) -> Difference:
    """Return how far the export is from its source on the pictures. Raises GateError beyond the tolerance."""
    difference = compare(source, export, pictures, labels)
    if not difference.within(tolerance):
        raise GateError(difference)
    return difference


def compare(
    source: Detector, export: Detector, pictures: Sequence[Image | Path], labels: Labels | None = None
) -> Difference:
    """Return the largest differences between two detectors over the pictures; no picture gives zeros."""
    rows: list[_Row] = []
    seen: tuple[list[Detections], list[Detections]] = ([], [])
    for picture in track(pictures, len(pictures), "comparing"):
        image, size = source.opened(picture)
        first, second = source.raw_outputs(image, size), export.raw_outputs(image, size)
        rows.append(_on_one(source, export, size, (first, second)))
        for each, model, outputs in zip(seen, (source, export), (first, second), strict=True):
            each.append(model.read_off(*outputs, size, LEAST_JUDGED, model.settings.nms))
    boxes, missing, scores, means, corners, raws = np.asarray(rows, np.float64).reshape(-1, 6).T
    return Difference(
        len(pictures),
        int(boxes.sum()),
        int(missing.sum()),
        float(scores.max(initial=0)),
        float(corners.max(initial=0)),
        float(raws.max(initial=0)),
        float((means * boxes).sum() / max(1, boxes.sum())),
        _accuracy(source, seen, labels) if len(pictures) else None,
    )


Outputs = tuple[Fit, list[Floats]]
_Row = tuple[int, int, float, float, float, float]
"""Boxes compared, boxes missing, largest and mean difference of a score, largest of a corner and of a raw output."""


def _accuracy(
    source: Detector, seen: tuple[list[Detections], list[Detections]], labels: Labels | None
) -> Accuracy | None:
    """Return AP of both models' detections, None where the truth holds nothing."""
    if labels is None:
        shown = [each[each.scores >= source.settings.score] for each in seen[0]]
        truth = Labels([Truth(each.boxes, each.classes) for each in shown], source.names)
    else:
        truth = labels
    places = class_map(source.names, truth.names)
    judged = []
    for each in seen:
        problem = lay_out(truth.truths, [renamed(found, places) for found in each], truth.names)
        evaluation, _ = judge(problem, find_rules("coco"), None)
        judged += [evaluation.ap50, evaluation.ap]
    if any(number is None for number in judged):
        return None
    first50, first, second50, second = (float(number or 0) for number in judged)
    return Accuracy(labels is not None, first50, second50, first, second)


def _on_one(source: Detector, export: Detector, size: tuple[int, int], outputs: tuple[Outputs, Outputs]) -> _Row:
    """Return what differs on one picture of `size` (width, height)."""
    (how, first), (_, second) = outputs
    expected = source.read_off(how, first, size, LEAST_SCORE, 1)
    expected = expected[area(expected.boxes) > 1][:MOST_COMPARED]  # one cut to a sliver at the edge may be there or not
    found = export.read_off(how, second, size, LEAST_SCORE / 2, 1)
    pairs = [nearest_to(expected, row, found) for row in range(len(expected))]
    there = np.asarray([pair for pair in pairs if pair is not None], np.float64).reshape(-1, 2)
    spread = max(float(np.abs(output).max()) for output in first)
    apart = max(float(np.abs(one - other).max()) for one, other in zip(first, second, strict=True))
    return (
        len(expected),
        len(pairs) - len(there),
        float(there[:, 0].max(initial=0)),
        float(there[:, 0].mean()) if len(there) else 0.0,
        float(there[:, 1].max(initial=0)),
        apart / spread if spread else apart,
    )


def nearest_to(expected: Detections, row: int, found: Detections) -> tuple[float, float] | None:
    """Return the differences of score and of the farthest corner to the most alike box of the same class, None without one."""
    same = found[found.classes == expected.classes[row]]
    if not len(same):
        return None
    scores = np.abs(same.scores - expected.scores[row])  # (n,)
    corners = np.abs(same.boxes - expected.boxes[row]).max(axis=1)  # (n,)
    best = int(np.argmin(scores + corners))
    return float(scores[best]), float(corners[best])
