import numpy as np
import pytest
from tests.evaluation.problems import found, truth

from onelook.evaluation.problem import lay_out
from onelook.structures.detections import Detections
from onelook.structures.errors import UserError
from onelook.structures.truth import Truth

GOOD = (0, 0, 10, 10)


def test_columns_come_image_by_image_in_the_order_given() -> None:
    problem = lay_out([truth(GOOD), truth()], [found(), found((*GOOD, 0.5), (1, 2, 3, 4, 0.9))], ["cell"])

    assert problem.images == 2
    assert problem.truth_image.tolist() == [0]
    assert problem.image.tolist() == [1, 1]
    assert problem.box[1].tolist() == [1, 2, 4, 6]
    assert problem.score.dtype == np.float64


def test_lengths_that_differ_are_a_value_error_with_both() -> None:
    with pytest.raises(ValueError, match="got 1 and 2"):
        lay_out([truth(GOOD)], [found(), found()], ["cell"])
    with pytest.raises(ValueError, match="image names"):
        lay_out([truth(GOOD)], [found()], ["cell"], images=[])


@pytest.mark.parametrize(
    ("detections", "words"),
    [
        (Detections([[0, 0, 1, 1], [0, np.nan, 1, 1]], [0.1, 0.2], [0, 0]), "detection 1: expected a finite box"),
        (Detections([[0, 0, np.inf, 1]], [0.1], [0]), "detection 0: expected a finite box"),
        (Detections([[5, 0, 1, 1]], [0.1], [0]), "x1 <= x2 and y1 <= y2, got \\[5"),
        (Detections([[0, 0, 1, 1]], [1.5], [0]), "a score from 0 to 1, got 1.5"),
        (Detections([[0, 0, 1, 1]], [-0.1], [0]), "a score from 0 to 1"),
        (Detections([[0, 0, 1, 1]], [np.nan], [0]), "a score from 0 to 1, got nan"),
        (Detections([[0, 0, 1, 1]], [0.5], [2]), "a class from 0 to 1, got 2"),
        (Detections([[0, 0, 1, 1]], [0.5], [-1]), "a class from 0 to 1, got -1"),
    ],
)
def test_a_detection_that_cannot_be_judged_is_named(detections: Detections, words: str) -> None:
    with pytest.raises(UserError, match=f"b.jpg: .*{words}"):
        lay_out([truth(GOOD), truth(GOOD)], [found(), detections], ["a", "b"], ["a.jpg", "b.jpg"])


def test_truth_that_cannot_be_judged_is_named() -> None:
    broken = Truth([[0, 0, 1, 1], [3, 0, 1, 1]], [0, 0])  # type: ignore[arg-type]

    with pytest.raises(UserError, match="image 0: truth 1: expected x1 <= x2"):
        lay_out([broken], [found()], ["cell"])


def test_a_box_without_area_is_kept() -> None:
    assert len(lay_out([truth((5, 5, 0, 0))], [found((5, 5, 0, 0, 0.5))], ["cell"]).truth_box) == 1
