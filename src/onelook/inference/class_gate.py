"""Whether an exported classifier says what its source says."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.inference.classifier import ImageClassifier
from onelook.inference.gate import GateError, Tolerance
from onelook.inference.sources import pixels_of
from onelook.structures.letterbox import Image
from onelook.structures.progress import track


@dataclass(frozen=True)
class ClassDifference:
    """The largest differences between two classifiers over some pictures."""

    images: int
    score: float
    """Largest difference of a class's likelihood."""
    changed: int
    """Pictures whose likeliest class is another one."""
    labelled: bool = False
    """Whether the classes of the pictures are known."""
    source_top1: float = 0.0
    export_top1: float = 0.0

    def within(self, tolerance: Tolerance) -> bool:
        """Return whether the export may be used; what is not a number never passes."""
        lost = self.source_top1 - self.export_top1
        kept = lost <= tolerance.ap50 if self.labelled else self.changed <= tolerance.unlike * self.images
        return self.score <= tolerance.score and kept

    def as_json(self) -> dict[str, Any]:
        """Return the numbers by name."""
        values = asdict(self)
        return {"score_difference": values.pop("score"), **values}

    def __str__(self) -> str:
        top1 = f"; top-1 {self.export_top1:.4f} against {self.source_top1:.4f}" if self.labelled else ""
        return (
            f"{self.images} pictures: likelihoods differ by at most {self.score:.1e}, {self.changed} have another "
            f"likeliest class{top1}"
        )


def check_classes(
    source: ImageClassifier,
    export: ImageClassifier,
    pictures: Sequence[Image | Path],
    tolerance: Tolerance,
    classes: Sequence[int | None] | None = None,
) -> ClassDifference:
    """Return how far the export is from its source; `classes` are the pictures' own under the model's names, None for another.

    Raises GateError beyond the tolerance, whose AP50 counts for top-1.
    """
    rows = [_scores(source, export, picture) for picture in track(pictures, len(pictures), "comparing")]
    first, second = (np.stack(each) for each in zip(*rows, strict=True))  # (n, classes)
    best = first.argmax(axis=1), second.argmax(axis=1)
    difference = ClassDifference(
        len(rows),
        float(np.abs(first - second).max()),
        int((best[0] != best[1]).sum()),
        classes is not None,
        *((float(np.mean([a == b for a, b in zip(each, classes, strict=True)])) for each in best) if classes else ()),
    )
    if not difference.within(tolerance):
        raise GateError(difference)
    return difference


def _scores(
    source: ImageClassifier, export: ImageClassifier, picture: Image | Path
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    image = pixels_of(picture)
    return source.predict(image).scores, export.predict(image).scores
