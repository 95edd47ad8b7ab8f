"""What a model says of one image."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.structures.boxes import Boxes, as_boxes


@dataclass(frozen=True)
class Detections:
    """Boxes (n, 4) xyxy in the image's own pixels, scores (n,) in 0..1, classes (n,) as indices; no order is promised."""

    boxes: Boxes
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", as_boxes(self.boxes))
        object.__setattr__(self, "scores", np.asarray(self.scores, np.float32).reshape(-1))
        object.__setattr__(self, "classes", np.asarray(self.classes, np.int64).reshape(-1))
        counts = (len(self.boxes), len(self.scores), len(self.classes))
        if len(set(counts)) != 1:
            raise ValueError(f"expected as many boxes as scores and classes, got {counts}")

    def __len__(self) -> int:
        return len(self.boxes)

    def __getitem__(self, keep: Any) -> "Detections":
        """Return those that `keep` (mask, indices or slice) selects."""
        return Detections(self.boxes[keep], self.scores[keep], self.classes[keep])

    @staticmethod
    def none() -> "Detections":
        """Return no detection."""
        return Detections(as_boxes([]), np.zeros(0, np.float32), np.zeros(0, np.int64))

    def above(self, score: float) -> "Detections":
        """Return the detections whose score is at least `score`, best first."""
        kept = self[self.scores >= score]
        return kept[np.argsort(-kept.scores, kind="stable")]
