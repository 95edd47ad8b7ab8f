import numpy as np
import pytest
from tests.evaluation.problems import found, random_problem, truth

from onelook.evaluation.evaluation import evaluate, judge, match_by_iou
from onelook.evaluation.paired import Judged, changed_images, differences
from onelook.evaluation.problem import lay_out
from onelook.evaluation.rules import RULES
from onelook.structures.detections import Detections
from onelook.structures.truth import Truth

HERE, THERE = (0, 0, 10, 10), (40, 40, 10, 10)


def judged(truths: list[Truth], detections: list[Detections], names: str = "abcd") -> Judged:
    problem = lay_out(truths, detections, names)
    evaluation, matches = judge(problem, RULES["coco"])
    return Judged(matches, match_by_iou(problem, RULES["coco"]), evaluation.score)


def test_a_model_does_not_differ_from_itself() -> None:
    truths, detections = random_problem(0)
    one = judged(truths, detections)

    for difference in differences(one, one).values():
        assert (difference.value, difference.low, difference.high, difference.better) == (0, 0, 0, 0.5)
        assert not difference.certain
    assert changed_images(one, one) == []


def test_the_differences_are_those_of_the_two_evaluations() -> None:
    truths, detections = random_problem(0)
    worse = [seen[seen.scores > 0.5] for seen in detections]

    told = differences(judged(truths, detections), judged(truths, worse))

    first, second = (evaluate(truths, each, "abcd") for each in (detections, worse))
    for word in ("ap", "ap50", "precision", "recall", "f1"):
        assert told[word].value == pytest.approx(getattr(second, word) - getattr(first, word))


def test_a_plain_loss_is_certain_and_a_tie_is_not() -> None:
    truths = [truth(HERE, THERE)] * 30
    good = judged(truths, [found((*HERE, 0.9), (*THERE, 0.8))] * 30, "a")
    half = judged(truths, [found((*HERE, 0.9))] * 30, "a")

    loss = differences(good, half)["recall"]

    assert (loss.value, loss.better) == (-0.5, 0)
    assert loss.certain


def test_pairing_makes_the_interval_narrower_than_the_models_own() -> None:
    truths, detections = random_problem(3, images=60)
    slightly = [Detections(seen.boxes[1:], seen.scores[1:], seen.classes[1:]) for seen in detections]
    one, other = judged(truths, detections), judged(truths, slightly)

    told = differences(one, other)["ap50"]

    from onelook.evaluation.bootstrap import intervals

    own = intervals(one.matches, one.score)["ap50"]
    assert told.low is not None and told.high is not None and own.low is not None and own.high is not None
    assert told.high - told.low < own.high - own.low


def test_images_that_changed_come_gravest_first() -> None:
    truths = [truth(HERE, THERE), truth(HERE), truth(HERE)]
    before = judged(truths, [found(), found((*HERE, 0.9)), found((*HERE, 0.9))], "a")
    after = judged(truths, [found((*HERE, 0.9), (*THERE, 0.9)), found((*THERE, 0.9)), found((*HERE, 0.9))], "a")

    assert changed_images(before, after) == [(0, 2, 0), (1, -1, 1)]


def test_other_numbers_of_images_are_a_value_error() -> None:
    one, other = judged([truth(HERE)], [found()], "a"), judged([truth(HERE)] * 2, [found()] * 2, "a")

    with pytest.raises(ValueError, match="the same images, got 1 and 2"):
        differences(one, other)


def test_no_truth_gives_no_difference() -> None:
    nothing = judged([Truth(np.zeros((0, 4)), [])], [found((*HERE, 0.5))], "a")  # type: ignore[arg-type]

    assert differences(nothing, nothing)["ap50"].value is None
