"""A classifier and a detector together, as ImageNet's localisation challenge asks: five classes of a picture, a box for each.

The classifier says what is there, the detector where: a class that the detector knows gets its own best box, another the best box
of all where the detector is sure of it, else the whole picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onelook.inference.classifier import ImageClassifier
from onelook.inference.model import Detector
from onelook.inference.sources import Picture
from onelook.structures.class_scores import ClassScores
from onelook.structures.classes import class_map
from onelook.structures.detections import Detections
from onelook.structures.errors import UserError

GUESSES = 5
"""Guesses of a picture that the challenge looks at."""

LEAST_SCORE = 0.005
"""Score from which a box is worth a guess: a box in vain costs nothing there."""


SURE_SCORE = 0.25
"""Score from which a box of another class is a better guess than the whole picture, which an object of ImageNet's mostly fills."""


@dataclass(frozen=True)
class Guess:
    """A class of the classifier by its name, how likely it is, and where: (x1, y1, x2, y2) in the picture's pixels."""

    name: str
    score: float
    box: tuple[float, float, float, float]
    seen: str
    """`own` where the detector found that very class, `other` where the box is of another, `whole` where it is sure of none."""


class Localiser:
    """Joins the two; `only` are the names of the classes that may be guessed, by default all of the classifier's."""

    def __init__(self, classifier: ImageClassifier, detector: Detector, only: Sequence[str] | None = None) -> None:
        self.classifier, self.detector = classifier, detector
        own = range(len(classifier.names))
        places = class_map(classifier.names, only) if only is not None else list(own)
        self._may = [index for index in own if places[index] is not None]
        if only is not None and not self._may:
            wanted, known = ", ".join(only[:3]), ", ".join(classifier.names[:3])
            raise UserError(f"classifier: expected classes of the data, such as {wanted}, got {known}")
        self._in_detector = class_map(classifier.names, detector.names)

    def guess(self, picture: Picture) -> list[Guess]:
        """Return up to GUESSES guesses, the likeliest class first. Raises FormatError for a file that is no picture."""
        found = self.detector.predict(picture, score=LEAST_SCORE)
        width, height = found.size
        scores: ClassScores = self.classifier.predict(picture)
        best = [(index, score) for index, score in scores.top(len(scores)) if index in self._may][:GUESSES]
        whole = np.asarray([0, 0, width, height], np.float32)
        return [
            _guess(self.classifier.names[index], score, found, self._in_detector[index], whole) for index, score in best
        ]


def _guess(name: str, score: float, found: Detections, place: int | None, whole: NDArray[np.float32]) -> Guess:
    own = found[found.classes == place] if place is not None else found[:0]
    sure = found[found.scores >= SURE_SCORE]
    seen = "own" if len(own) else "other" if len(sure) else "whole"
    boxes = own if len(own) else sure
    box = boxes.boxes[int(np.argmax(boxes.scores))] if len(boxes) else whole
    x1, y1, x2, y2 = (float(side) for side in box)
    return Guess(name, score, (x1, y1, x2, y2), seen)
