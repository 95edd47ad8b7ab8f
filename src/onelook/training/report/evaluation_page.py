"""What `onelook eval --out FOLDER` writes: report.html, evaluation.png, evaluation.json and the worst images drawn."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from onelook.evaluation.bootstrap import Interval
from onelook.evaluation.curves import image_counts, over
from onelook.evaluation.evaluation import Evaluation
from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import Integers, Problem
from onelook.structures.drawing import draw_boxes
from onelook.structures.errors import UserError
from onelook.structures.files import new_folder, write_text
from onelook.structures.images import read_image, write_jpeg
from onelook.structures.letterbox import Image
from onelook.training.report.evaluation_chart import draw_evaluation
from onelook.training.report.predictions import Predictions, SplitPredictions
from onelook.training.report.report import write_page

MOST_WORST = 12
"""Images that are drawn."""

SIDE = 720
"""Pixels that the shorter side of a drawn image has at least, so that labels can be read."""


def write_evaluation(
    folder: Path,
    title: str,
    split: SplitPredictions,
    judged: tuple[Problem, Evaluation, Matches],
    ranges: Mapping[str, Interval],
    result: Mapping[str, Any],
    about: Mapping[str, Any],
) -> None:
    """Write the folder, whole or not at all. Raises UserError where it holds something; pictures that are gone are left out."""
    problem, evaluation, matches = judged
    given = evaluation.score if evaluation.score_from == "given" else None
    name = str(about.get("split") or "given")
    predictions = Predictions(problem.names, {name: split}, about=about)
    with new_folder(folder) as out:
        write_page(out / "report.html", title, predictions, evaluation.rules, given)
        draw_evaluation(out / "evaluation.png", title, problem, evaluation, matches, ranges)
        write_text(out / "evaluation.json", json.dumps(result, ensure_ascii=False, indent=1) + "\n")
        for number, (index, picture) in enumerate(worst_pictures(split, problem, matches, evaluation.score), start=1):
            write_jpeg(out / "worst" / f"{number:02}-{split.paths[index].stem}.jpg", picture)


def worst_pictures(
    split: SplitPredictions, problem: Problem, matches: Matches, score: float
) -> Sequence[tuple[int, Image]]:
    """Return the images with the lowest F1, the worst first, drawn: truth on the left, detections on the right."""
    order = _by_badness(*image_counts(matches, score))
    drawn = []
    for index in order[:MOST_WORST]:
        try:
            image = read_image(split.paths[index])
        except UserError:
            continue
        drawn.append((index, _pair(image, index, problem, matches, score)))
    return drawn


def _by_badness(right: Integers, wrong: Integers, missed: Integers) -> list[int]:
    """Return the images that have a mistake, the worst first."""
    bad = wrong + missed > 0
    f1 = 2 * right / np.maximum(2 * right + wrong + missed, 1)
    order = np.lexsort((-(wrong + missed), f1))
    return [int(index) for index in order if bad[index]]


def _pair(image: Image, index: int, problem: Problem, matches: Matches, score: float) -> Image:
    scale = max(1.0, SIDE / min(image.shape[:2]))
    if scale > 1:
        size = (round(image.shape[1] * scale), round(image.shape[0] * scale))
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    true = np.flatnonzero(problem.truth_image == index)
    mine = over(matches, score) & (matches.image == index)
    found = set(matches.truth[mine & matches.found].tolist())
    labels = [problem.names[problem.truth_class[row]] + ("" if row in found else " MISSED") for row in true.tolist()]
    left = draw_boxes(
        image, (problem.truth_box[true] * scale).astype(np.float32), problem.truth_class[true], labels, True
    )
    rows = np.flatnonzero(mine)[::-1]
    words = [
        f"{problem.names[matches.label[row]]} {matches.score[row]:.2f}" + (" WRONG" if matches.wrong[row] else "")
        for row in rows.tolist()
    ]
    boxes = (problem.box[matches.index[rows]] * scale).astype(np.float32)
    right = draw_boxes(image, boxes, matches.label[rows], words)
    gap = np.full((image.shape[0], 8, 3), 255, np.uint8)
    return np.asarray(np.concatenate([left, gap, right], axis=1))
