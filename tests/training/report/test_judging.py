"""Mistakes, reckoned once for the report and for the page."""

from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.problems import random_problem

from onelook.evaluation.confusion import confusion_matrix
from onelook.evaluation.evaluation import evaluate
from onelook.training.report.judging import Confusion, commonest, judge_split, ordered, told_confusions
from onelook.training.report.predictions import Predictions, SplitPredictions
from onelook.training.report.samples import mistaken_images, worst_samples

NAMES = ("ant", "bee", "cat", "dog")


@pytest.fixture
def predictions(tmp_path: Path) -> Predictions:
    truths, detections = random_problem(5, classes=len(NAMES))
    paths = tuple(tmp_path / f"{number}.jpg" for number in range(len(truths)))
    split = SplitPredictions(paths, ((450, 450),) * len(paths), tuple(truths), tuple(detections))
    return Predictions(NAMES, {"val": split})


def test_a_split_is_judged_as_everywhere(predictions: Predictions) -> None:
    split = predictions.splits["val"]

    judged = judge_split(predictions, "val")

    result = evaluate(split.truths, split.detections, NAMES)
    assert (judged.evaluation.ap50, judged.evaluation.score) == (result.ap50, result.score)
    assert (judged.matrix == confusion_matrix(judged.problem, judged.matches, result.score)).all()


def test_the_commonest_mistakes_come_first_with_the_background_told_apart() -> None:
    matrix = np.array([[9, 4, 1], [0, 7, 0], [2, 0, 0]])

    assert commonest(matrix, 2) == [Confusion(0, 1, 4), Confusion(None, 0, 2), Confusion(0, None, 1)]
    assert told_confusions(matrix, ("ant", "bee")) == [
        {"words": "ant taken for bee", "count": 4},
        {"words": "ant seen where there is none", "count": 2},
        {"words": "ant missed", "count": 1},
    ]


def test_without_mistakes_there_are_none() -> None:
    assert commonest(np.diag([3, 4]), 2) == []
    assert commonest(np.zeros((2, 2), np.int64), 2) == []


def test_the_headline_s_split_comes_first() -> None:
    assert ordered(["train", "odd", "val", "test"]) == ["test", "val", "train", "odd"]
    assert ordered([]) == []


def test_the_worst_pictures_have_mistakes_and_boxes_that_say_which(predictions: Predictions) -> None:
    judged, split = judge_split(predictions, "val"), predictions.splits["val"]

    worst = worst_samples(split, NAMES, judged, mistaken_images(judged)[:5])

    assert len(worst) == 5
    shares = [sample.right / (sample.right + sample.wrong + sample.missed) for sample in worst]
    assert shares == sorted(shares)
    for sample in worst:
        assert sample.name == split.paths[sample.index].name
        assert sum(box.wrong for box in sample.predictions) == sample.wrong
        assert sum(box.wrong for box in sample.truth) == sample.missed
        assert sample.wrong + sample.missed > 0
        assert all(box.score is not None for box in sample.predictions)
