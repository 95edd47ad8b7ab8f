import json

import numpy as np
import pytest
from tests.evaluation.problems import found, random_problem, truth

from onelook.evaluation.against import against, class_mean_curve
from onelook.evaluation.curves import counts_by_class
from onelook.evaluation.matching import match
from onelook.evaluation.problem import lay_out
from onelook.evaluation.rules import RULES

A, B, FAR = (0, 0, 10, 10), (50, 0, 10, 10), (500, 500, 10, 10)


def test_a_model_that_is_right_beats_both_numbers_in_every_resample() -> None:
    problem = lay_out([truth(A, B)] * 4, [found((*A, 0.9), (*B, 0.8), (*FAR, 0.1))] * 4, ["cell"])

    result = against(match(problem, RULES["coco"]), 0.47, 0.91)

    assert result.beats
    assert (result.precision, result.recall, result.share) == (1, 1, 1)
    assert result.score == pytest.approx(0.8)
    json.dumps(result.as_json())


def test_one_number_alone_is_not_enough_and_the_other_at_equal_terms_is_told() -> None:
    rows = [(*FAR, 0.8)] * 9
    problem = lay_out([truth(A, B)], [found((*A, 0.9), *rows, (*B, 0.1))], ["cell"])

    result = against(match(problem, RULES["voc10"]), 0.5, 0.9)

    assert not result.beats
    assert result.recall_at_precision == 0.5
    assert result.precision_at_recall == pytest.approx(2 / 11)


def test_the_mean_over_classes_counts_a_rare_class_as_much_as_a_common_one() -> None:
    true = truth(A, B, (90, 0, 10, 10), classes=[0, 0, 1])
    problem = lay_out([true], [found((*A, 0.9), (*B, 0.9))], ["common", "rare"])
    matches = match(problem, RULES["coco"])

    assert against(matches, 0.1, 0.1).recall == pytest.approx(2 / 3)
    assert against(matches, 0.1, 0.1, by_class=True).recall == 0.5


@pytest.mark.parametrize("by_class", [False, True])
def test_nothing_found_beats_nothing(by_class: bool) -> None:
    matches = match(lay_out([truth(A)], [found()], ["cell"]), RULES["coco"])

    assert not against(matches, 0.0, 0.0, by_class).beats


def test_the_curve_over_classes_is_the_mean_of_their_counts() -> None:
    truths, detections = random_problem(8)
    matches = match(lay_out(truths, detections, "abcd"), RULES["coco"])
    curve = class_mean_curve(matches)

    for place, score in enumerate(curve.score):
        by_class = counts_by_class(matches, float(score))
        assert curve.precision[place] == pytest.approx(np.mean([row.precision for row in by_class]))
        assert curve.recall[place] == pytest.approx(np.mean([row.recall for row in by_class]))
