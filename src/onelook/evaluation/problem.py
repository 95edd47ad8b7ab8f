"""Truth and detections of many images laid out as columns and checked, so that everything after is array arithmetic."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onelook.structures.detections import Detections
from onelook.structures.errors import UserError
from onelook.structures.truth import Truth

Integers = NDArray[np.int64]
Reals = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Problem:
    """Columns over m truths and n detections, image by image in the order given; boxes are float64 xyxy in pixels."""

    names: tuple[str, ...]
    images: int
    truth_image: Integers
    truth_class: Integers
    truth_box: Reals
    difficult: Flags
    crowd: Flags
    image: Integers
    label: Integers
    """Class of every detection."""
    box: Reals
    score: Reals


def lay_out(
    truths: Sequence[Truth],
    detections: Sequence[Detections],
    names: Sequence[str],
    images: Sequence[str] | None = None,
) -> Problem:
    """Return the columns of `truths` and `detections`, one of each an image; `images` names the images in errors.

    Raises ValueError when the lengths differ, and UserError naming the record for a box that is not finite or inverted,
    a score outside 0..1, or a class that is none of `names`.
    """
    if len(truths) != len(detections):
        raise ValueError(f"expected as many truths as detections, got {len(truths)} and {len(detections)}")
    if images is not None and len(images) != len(truths):
        raise ValueError(f"expected as many image names as truths, got {len(images)} and {len(truths)}")
    problem = Problem(
        names=tuple(names),
        images=len(truths),
        truth_image=_image_of(truths),
        truth_class=_whole([truth.classes for truth in truths]),
        truth_box=_boxes([truth.boxes for truth in truths]),
        difficult=_flags([truth.difficult for truth in truths]),
        crowd=_flags([truth.crowd for truth in truths]),
        image=_image_of(detections),
        label=_whole([found.classes for found in detections]),
        box=_boxes([found.boxes for found in detections]),
        score=np.concatenate([np.zeros(0), *[found.scores for found in detections]]),
    )
    _check(problem, images)
    return problem


def _image_of(items: Sequence[Truth] | Sequence[Detections]) -> Integers:
    return np.repeat(np.arange(len(items), dtype=np.int64), [len(item) for item in items])


def _whole(columns: Sequence[Integers]) -> Integers:
    return np.concatenate([np.zeros(0, np.int64), *columns])


def _flags(columns: Sequence[Flags | None]) -> Flags:
    return np.concatenate([np.zeros(0, np.bool_), *[column for column in columns if column is not None]])


def _boxes(columns: Sequence[NDArray[np.float32]]) -> Reals:
    return np.concatenate([np.zeros((0, 4)), *columns]).astype(np.float64)


def _check(problem: Problem, images: Sequence[str] | None) -> None:
    """Raise UserError for the first record that cannot be judged."""
    classes = len(problem.names)
    checks = (
        ("truth", problem.truth_image, problem.truth_box, problem.truth_class, np.zeros(0)),
        ("detection", problem.image, problem.box, problem.label, problem.score),
    )
    for what, image, box, label, scores in checks:
        _refuse(~np.all(np.isfinite(box), axis=1), what, image, images, "a finite box", box)
        _refuse(np.any(box[:, 2:] < box[:, :2], axis=1), what, image, images, "x1 <= x2 and y1 <= y2", box)
        _refuse((label < 0) | (label >= classes), what, image, images, f"a class from 0 to {classes - 1}", label)
        _refuse(~((scores >= 0) & (scores <= 1)), what, image, images, "a score from 0 to 1", scores)


def _refuse(
    bad: Flags, what: str, image: Integers, images: Sequence[str] | None, expected: str, values: NDArray[np.generic]
) -> None:
    if not bad.any():
        return
    record = int(np.argmax(bad))
    index = int(image[record])
    place = record - int(np.searchsorted(image, index))
    where = images[index] if images is not None else f"image {index}"
    raise UserError(f"{where}: {what} {place}: expected {expected}, got {values[record].tolist()}")
