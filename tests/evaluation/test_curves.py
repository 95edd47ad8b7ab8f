import numpy as np
import pytest
from tests.evaluation.problems import found, random_problem, truth

from onelook.evaluation.curves import best_score, confidence_curve, counts, counts_by_class, precision_recall
from onelook.evaluation.matching import Matches, match
from onelook.evaluation.problem import lay_out
from onelook.evaluation.rules import RULES
from onelook.structures.detections import Detections

HERE, ELSEWHERE = (0, 0, 10, 10), (500, 500, 10, 10)


def judged(seed: int = 0, rules: str = "coco") -> Matches:
    truths, detections = random_problem(seed)
    return match(lay_out(truths, detections, "abcd"), RULES[rules])


def test_every_point_of_the_curve_is_what_counting_at_that_score_gives() -> None:
    for rules in ("coco", "voc10"):
        matches = judged(rules=rules)
        curve = confidence_curve(matches)
        assert (np.diff(curve.score) < 0).all()
        for place, score in enumerate(curve.score):
            there = counts(matches, float(score))
            assert (curve.precision[place], curve.recall[place]) == (there.precision, there.recall)
            assert curve.f1[place] == pytest.approx(there.f1)


def test_equal_scores_are_one_point_of_the_curve() -> None:
    matches = match(lay_out([truth(HERE)], [found((*HERE, 0.5), (*ELSEWHERE, 0.5))], ["cell"]), RULES["coco"])

    curve = confidence_curve(matches)

    assert (curve.score.tolist(), curve.precision.tolist(), curve.recall.tolist()) == ([0.5], [0.5], [1.0])


def test_the_curve_of_one_class_is_that_of_its_detections_and_truths() -> None:
    matches = judged()
    by_class = counts_by_class(matches, 0.5)

    for label in range(4):
        curve = confidence_curve(matches, label)
        place = np.flatnonzero(curve.score >= 0.5)[-1]
        assert curve.recall[place] == by_class[label].recall
        assert by_class[label] == counts(matches, 0.5, label)


def test_classes_sum_to_the_pooled_counts() -> None:
    matches = judged()
    by_class, total = counts_by_class(matches, 0.3), counts(matches, 0.3)

    assert sum(row.right for row in by_class) == total.right
    assert sum(row.wrong for row in by_class) == total.wrong
    assert sum(row.missed for row in by_class) == total.missed


def test_the_best_score_is_the_higher_of_two_with_equal_f1() -> None:
    two = truth(HERE, (20, 0, 10, 10))
    rows = found((*HERE, 0.9), (*ELSEWHERE, 0.8), (20, 0, 10, 10, 0.7), (*ELSEWHERE, 0.6), (*ELSEWHERE, 0.5))

    curve = confidence_curve(match(lay_out([two], [rows], ["cell"]), RULES["coco"]))

    assert best_score(curve) == pytest.approx(0.7)


def test_without_detections_there_is_no_best_score() -> None:
    matches = match(lay_out([truth(HERE)], [Detections.none()], ["cell"]), RULES["coco"])

    assert best_score(confidence_curve(matches)) is None
    assert counts(matches, 0.5).recall == 0


def test_precision_and_recall_come_rank_by_rank() -> None:
    rows = found((*HERE, 0.9), (*ELSEWHERE, 0.8))

    recall, precision = precision_recall(match(lay_out([truth(HERE)], [rows], ["cell"]), RULES["voc10"]), 0)

    assert (recall.tolist(), precision.tolist()) == ([1, 1], [1, 0.5])
