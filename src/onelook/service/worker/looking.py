"""What a model says of one picture, in the words of a result: boxes in fractions of the picture."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from onelook.inference.classifier import ImageClassifier
from onelook.service.jobs.job import ClassScore, Found, Result, Timings
from onelook.service.models.cache import Loaded
from onelook.structures.letterbox import Image

TOP = 5
"""Classes that a classifier tells at most."""

_DIGITS = 6


def look(loaded: Loaded, image: Image, threshold: float | None, timed: Callable[[float], Timings]) -> Result:
    """Return what the model sees on a picture (h, w, 3) uint8 RGB, best first, from `threshold` on.

    `timed` makes the timings of the seconds that the model took.
    """
    began = time.monotonic()
    height, width = image.shape[:2]
    detections = classes = None
    if isinstance(loaded.predictor, ImageClassifier):
        classes = _classes(loaded.predictor, image, threshold)
    else:
        found = loaded.predictor.predict(image, threshold)
        rows = zip(found.classes, found.scores, found.boxes, strict=True)
        detections = tuple(
            Found(found.names[index], int(index), round(float(score), _DIGITS), _share(box, width, height))
            for index, score, box in rows
        )
    return Result(loaded.label, width, height, detections, classes, timed(round(time.monotonic() - began, _DIGITS)))


def _classes(predictor: ImageClassifier, image: Image, threshold: float | None) -> tuple[ClassScore, ...]:
    top = predictor.predict(image).top(TOP)
    return tuple(
        ClassScore(predictor.names[index], index, round(score, _DIGITS))
        for index, score in top
        if threshold is None or score >= threshold
    )


def _share(box: NDArray[np.float32], width: int, height: int) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = map(float, box)
    return (
        round(x1 / width, _DIGITS),
        round(y1 / height, _DIGITS),
        round(x2 / width, _DIGITS),
        round(y2 / height, _DIGITS),
    )
