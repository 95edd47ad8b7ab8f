"""Pictures for the report: the images on which the model did best, as usual, and worst, truth beside predictions."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from onelook.evaluation.curves import harmonic_mean, image_counts, over
from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import Integers, Problem
from onelook.structures.errors import UserError
from onelook.structures.images import read_image
from onelook.training.report.judging import Judged
from onelook.training.report.plots import rgb
from onelook.training.report.predictions import SplitPredictions

KINDS = ("best", "typical", "worst")
"""In the order they are shown."""

SIDE, QUALITY = 560, 80
"""Longest side in pixels and JPEG quality of an embedded picture: some 40 kB."""


@dataclass(frozen=True)
class SampleBox:
    """A box as the page draws it, in the image's pixels; `wrong` is a false detection, or a truth that was missed."""

    x: float
    y: float
    width: float
    height: float
    label: int
    score: float | None
    """Of a detection; a truth has none."""
    words: str
    wrong: bool

    @property
    def colour(self) -> str:
        """The class's."""
        return rgb(self.label)


@dataclass(frozen=True)
class Sample:
    """One picture: its place in the split, its size in its own pixels, and both sets of boxes."""

    kind: str
    index: int
    name: str
    size: tuple[int, int]
    truth: list[SampleBox]
    predictions: list[SampleBox]
    right: int
    wrong: int
    missed: int
    uri: str = ""
    """Its bytes as a data: URI, once they are read."""


def rank_images(right: Integers, wrong: Integers, missed: Integers) -> list[int]:
    """Return the indices of the images, worst first, by F1.

    Of equal F1, the image with more mistakes is worse and the one with more truth is better. Images with neither truth
    nor detections are no evidence and are left out.
    """
    precision = right / np.maximum(right + wrong, 1)
    f1 = harmonic_mean(precision, right / np.maximum(right + missed, 1))
    known = np.flatnonzero(right + wrong + missed > 0)
    order: list[int] = known[np.lexsort((right[known], -(wrong + missed)[known], f1[known]))].tolist()
    return order


def choose_images(right: Integers, wrong: Integers, missed: Integers, each: int) -> dict[str, list[int]]:
    """Return the indices of up to `each` worst, typical and best images, as `rank_images` has them; none is in two kinds."""
    order = rank_images(right, wrong, missed)
    if len(order) < len(KINDS):
        return {"worst": [], "typical": order, "best": []}
    each = min(each, len(order) // len(KINDS))
    middle = (len(order) - each) // 2
    return {"worst": order[:each], "typical": order[middle : middle + each], "best": order[::-1][:each]}


def make_samples(
    split: SplitPredictions, names: Sequence[str], judged: Judged, each: int = 2
) -> tuple[list[Sample], list[str]]:
    """Return the chosen pictures, and a line for each whose file cannot be read any more."""
    chosen = choose_images(*image_counts(judged.matches, judged.evaluation.score), each)
    samples, lost = [], []
    for sample in (one for kind in KINDS for one in _samples(split, names, judged, kind, chosen[kind])):
        try:
            samples.append(replace(sample, uri=embedded(read_image(split.paths[sample.index]))))
        except UserError as error:
            lost.append(str(error))
    return samples, lost


def mistaken_images(judged: Judged) -> list[int]:
    """Return the indices of the pictures with mistakes, worst first; where all is right there is none."""
    right, wrong, missed = image_counts(judged.matches, judged.evaluation.score)
    return [index for index in rank_images(right, wrong, missed) if wrong[index] + missed[index]]


def worst_samples(
    split: SplitPredictions, names: Sequence[str], judged: Judged, indices: Sequence[int]
) -> list[Sample]:
    """Return those of `mistaken_images` that `indices` names, in their order, without their bytes."""
    return _samples(split, names, judged, "worst", indices)


def _samples(
    split: SplitPredictions, names: Sequence[str], judged: Judged, kind: str, indices: Sequence[int]
) -> list[Sample]:
    score = judged.evaluation.score
    right, wrong, missed = image_counts(judged.matches, score)
    made = []
    for index in indices:
        boxes = _boxes(index, names, judged.problem, judged.matches, score)
        counts = (int(right[index]), int(wrong[index]), int(missed[index]))
        made.append(Sample(kind, index, split.paths[index].name, split.sizes[index], *boxes, *counts))
    return made


def embedded(image: NDArray[np.uint8]) -> str:
    """Return pixels (h, w, 3) as a data: URI of a JPEG that is not larger than a page needs."""
    scale = SIDE / max(image.shape[:2])
    if scale < 1:
        size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    data = simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality=QUALITY)
    return "data:image/jpeg;base64," + base64.b64encode(data).decode()


def _boxes(
    index: int, names: Sequence[str], problem: Problem, matches: Matches, score: float
) -> tuple[list[SampleBox], list[SampleBox]]:
    """Return the truth and the predictions over the threshold of one image."""
    mine = over(matches, score) & (matches.image == index)
    found = set(matches.truth[mine & matches.found].tolist())
    asked = ~(problem.crowd | (problem.difficult & (matches.rules.difficult == "ignored")))
    truth = [
        _box(problem.truth_box[row], label, None, names[label], bool(asked[row]) and row not in found)
        for row in np.flatnonzero(problem.truth_image == index).tolist()
        for label in (int(problem.truth_class[row]),)
    ]
    predictions = [
        _box(
            problem.box[matches.index[row]],
            int(matches.label[row]),
            float(matches.score[row]),
            f"{names[matches.label[row]]} {matches.score[row]:.2f}",
            bool(matches.wrong[row]),
        )
        for row in np.flatnonzero(mine).tolist()
    ]
    return truth, predictions


def _box(box: NDArray[np.float64], label: int, score: float | None, words: str, wrong: bool) -> SampleBox:
    x1, y1, x2, y2 = (round(float(value), 1) for value in box)
    return SampleBox(x1, y1, round(x2 - x1, 1), round(y2 - y1, 1), label, score, words, wrong)
