"""samples.jsonl: what the model sees on a few pictures at each evaluation, so that one can watch it learn.

The same pictures every time, spread over the split; boxes are x1, y1, x2, y2 in pixels of the picture as it is shown.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.dataset import Dataset
from onelook.structures.class_scores import ClassScores, softmax
from onelook.structures.detections import Detections

PICTURES = 6
LEAST_SCORE, MOST_BOXES = 0.1, 50
"""Of the detections that are told of one picture: unsurer ones would cover a beginner's picture."""
MOST_CLASSES = 3

Sample = Mapping[str, Any]


def detection_samples(dataset: Dataset, found: Sequence[Detections]) -> list[Sample]:
    """Return a few pictures with `truth` and `detections`, surest first; no picture gives none.

    `best` is the highest score of all, those below LEAST_SCORE too; 0 where there is no detection at all.
    """
    return [
        {
            **_picture(dataset, index),
            "truth": _truth(dataset, index),
            "detections": _seen(dataset, found[index]),
            "best": round(float(found[index].scores.max()), 3) if len(found[index].scores) else 0.0,
        }
        for index in spread(len(dataset))
    ]


def class_samples(dataset: Dataset, logits: NDArray[np.floating]) -> list[Sample]:
    """Return a few pictures with their true `class` and the likeliest `classes`; no picture gives none."""
    return [
        {
            **_picture(dataset, index),
            "class": dataset.names[dataset.labels[index]],
            "classes": [
                {"class": dataset.names[place], "score": round(score, 3)}
                for place, score in ClassScores(softmax(logits[index])).top(MOST_CLASSES)
            ],
        }
        for index in spread(len(dataset))
    ]


def spread(count: int) -> list[int]:
    """Return up to PICTURES of `count` indices, evenly spread, the first and the last among them."""
    return [round(place) for place in np.linspace(0, count - 1, min(PICTURES, count)).tolist()]


def _picture(dataset: Dataset, index: int) -> Sample:
    width, height = dataset.sizes[index].tolist()
    return {"file": str(dataset.paths[index]), "width": width, "height": height}


def _truth(dataset: Dataset, index: int) -> list[Sample]:
    truth = dataset.truth(index)
    return [
        {"class": dataset.names[place], "index": place, "box": _rounded(box)}
        for place, box in zip(truth.classes.tolist(), truth.boxes.tolist(), strict=True)
    ]


def _seen(dataset: Dataset, found: Detections) -> list[Sample]:
    sure = found.above(LEAST_SCORE)
    best = sure[np.argsort(-sure.scores, kind="stable")[:MOST_BOXES]]
    return [
        {"class": dataset.names[place], "index": place, "score": round(score, 3), "box": _rounded(box)}
        for place, score, box in zip(best.classes.tolist(), best.scores.tolist(), best.boxes.tolist(), strict=True)
    ]


def _rounded(box: Sequence[float]) -> list[float]:
    return [round(side, 1) for side in box]
