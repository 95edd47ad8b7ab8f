"""Golden cases worked out by hand, each on one image, under every rule."""

import dataclasses
import json

import numpy as np
import pytest
from tests.evaluation.problems import found, random_problem, truth

from onelook.evaluation.evaluation import evaluate
from onelook.evaluation.rules import RULES
from onelook.structures.detections import Detections
from onelook.structures.truth import Truth

UNDER = {
    "coco": RULES["coco"],
    "voc07": RULES["voc07"],
    "voc10": RULES["voc10"],
    "darknet": RULES["darknet"],
    "darknet 11": dataclasses.replace(RULES["darknet"], points=11),
    "darknet 101": dataclasses.replace(RULES["darknet"], points=101),
}
HERE, ELSEWHERE = (0, 0, 10, 10), (500, 500, 10, 10)
HIT, MISS = (*HERE, 0.9), (*ELSEWHERE, 0.9)

CASES = {
    "hit, miss, hit of three truths": (
        truth(HERE, (20, 0, 10, 10), (40, 0, 10, 10)),
        found(HIT, (*ELSEWHERE, 0.8), (20, 0, 10, 10, 0.7)),
        (0.554455, 0.545455, 0.555556, 0.555556, 0.545455, 0.554455),
    ),
    "an IoU of exactly one half": (truth(HERE), found((0, 0, 10, 5, 0.9)), (1, 0, 0, 0, 0, 0)),
    "tied scores, the hit listed first": (truth(HERE), found(HIT, MISS), (1, 1, 1, 1, 1, 1)),
    "tied scores, the hit listed second": (truth(HERE), found(MISS, HIT), (0.5, 0.5, 0.5, 0.5, 0.5, 0.5)),
    "the best truth is taken and another is free": (
        truth(HERE, (2, 0, 10, 10)),
        found(HIT, (0.8, 0, 10, 10, 0.8)),
        (1, 0.545455, 0.5, 0.5, 0.545455, 0.504950),
    ),
    "a detection inside a crowd": (
        truth(HERE, (50, 50, 40, 40), crowd=[False, True]),
        found((55, 55, 10, 10, 0.9), (*HERE, 0.8)),
        (1, 0.5, 0.5, 0.5, 0.5, 0.5),
    ),
    "the only hit is the 101st": (
        truth(HERE),
        found(*[MISS] * 100, (*HERE, 0.5)),
        (0, 0.009901, 0.009901, 0.009901, 0.009901, 0.009901),
    ),
    "a class with detections and no truth": (
        truth(HERE),
        found(HIT, HIT, classes=[0, 1]),
        (1, 1, 1, 0.5, 0.5, 0.5),
    ),
    "no detections": (truth(HERE), Detections.none(), (0, 0, 0, 0, 0, 0)),
    "only a difficult box is found": (
        truth(HERE, ELSEWHERE, difficult=[True, False]),
        found(HIT, (*ELSEWHERE, 0.8)),
        (1, 1, 1, 1, 1, 1),
    ),
    "a difficult box is found and the other missed": (
        truth(HERE, ELSEWHERE, difficult=[True, False]),
        found(HIT),
        (0.504950, 0, 0, 0, 0, 0),
    ),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rules", UNDER)
def test_average_precision_is_what_was_worked_out_by_hand(case: str, rules: str) -> None:
    true, detections, expected = CASES[case]
    names = ["cell", "other"] if "class" in case else ["cell"]

    evaluation = evaluate([true], [detections], names, UNDER[rules])

    assert evaluation.ap50 == pytest.approx(expected[list(UNDER).index(rules)], abs=5e-7)


@pytest.mark.parametrize("rules", RULES)
def test_the_truth_handed_in_as_detections_scores_one(rules: str) -> None:
    truths, _ = random_problem(1, crowds=False)
    plain = [Truth(true.boxes, true.classes) for true in truths]
    perfect = [Detections(true.boxes, np.full(len(true), 0.9), true.classes) for true in plain]

    evaluation = evaluate(plain, perfect, "abcd", rules)

    assert evaluation.ap == evaluation.ap50 == evaluation.ap75 == pytest.approx(1, abs=1e-12)
    assert (evaluation.precision, evaluation.recall, evaluation.f1) == (1, 1, 1)
    assert evaluation.average_iou == pytest.approx(1)


@pytest.mark.parametrize("rules", RULES)
def test_what_is_undefined_is_none_and_the_json_has_no_nan(rules: str) -> None:
    nothing = Truth(np.zeros((0, 4)), [])  # type: ignore[arg-type]

    for detections in (Detections.none(), found(HIT)):
        evaluation = evaluate([nothing], [detections], ["cell"], rules)
        words = json.loads(json.dumps(evaluation.as_json(), allow_nan=False))
        assert [words[word] for word in ("ap", "ap50", "recall", "f1")] == [None] * 4
        assert words["per_class"][0]["ap"] is None
        assert words["precision"] == 0


def test_no_images_at_all_give_an_evaluation_without_numbers() -> None:
    evaluation = evaluate([], [], ["cell"])

    assert (evaluation.ap, evaluation.images, evaluation.truths) == (None, 0, 0)


def test_the_json_has_the_words_that_scripts_rely_on() -> None:
    words = evaluate([truth(HERE)], [found(HIT)], ["cell"], "darknet").as_json()

    assert words["rules"] == "darknet"
    assert words["map50"] == words["ap50"] == 1
    assert {"ap", "ap75", "precision", "recall", "f1", "average_iou", "score", "choices"} <= set(words)
    assert set(words["per_class"][0]) >= {"class", "ap", "ap50", "truths", "detections", "precision", "recall", "f1"}


def test_a_score_threshold_is_used_and_stated() -> None:
    detections = found(HIT, (*ELSEWHERE, 0.4))

    low = evaluate([truth(HERE)], [detections], ["cell"], score=0.3)
    high = evaluate([truth(HERE)], [detections], ["cell"], score=0.7)

    assert (low.precision, low.recall, low.score, low.score_from) == (0.5, 1, 0.3, "given")
    assert (high.precision, high.recall) == (1, 1)


@pytest.mark.parametrize("rules", ["coco", "voc07", "voc10"])
def test_without_a_threshold_the_one_with_the_best_f1_is_chosen(rules: str) -> None:
    detections = found(HIT, (20, 0, 10, 10, 0.6), (*ELSEWHERE, 0.5))

    evaluation = evaluate([truth(HERE, (20, 0, 10, 10))], [detections], ["cell"], rules)

    assert evaluation.score == pytest.approx(0.6)
    assert evaluation.score_from == "best F1"
    assert evaluation.f1 == 1


def test_darknet_takes_its_own_threshold_and_its_best_one_lets_the_best_score_pass() -> None:
    evaluation = evaluate([truth(HERE)], [found((*HERE, 0.2))], ["cell"], "darknet")

    assert (evaluation.score, evaluation.score_from, evaluation.recall) == (0.25, "rules", 0)
    again = evaluate([truth(HERE)], [found((*HERE, 0.2))], ["cell"], "darknet", score=evaluation.best_score)
    assert again.f1 == 1


def test_average_iou_is_summed_over_hits_and_divided_by_hits_and_misses() -> None:
    detections = found((0, 0, 10, 8, 0.9), (*ELSEWHERE, 0.8))

    evaluation = evaluate([truth(HERE)], [detections], ["cell"], score=0.5)

    assert evaluation.average_iou == pytest.approx(0.4)


def test_a_score_of_float32_passes_the_threshold_it_was_written_as() -> None:
    assert evaluate([truth(HERE)], [found((*HERE, 0.7))], ["cell"], score=0.7).recall == 1


def test_coco_gives_its_twelve_numbers_and_a_box_of_32_by_32_is_small_and_medium() -> None:
    evaluation = evaluate([truth((0, 0, 32, 32))], [found((0, 0, 32, 32, 0.9))], ["cell"])

    assert evaluation.coco is not None
    assert evaluation.coco["ap_small"] == evaluation.coco["ap_medium"] == pytest.approx(1)
    assert evaluation.coco["ap_large"] is None
    assert len(evaluation.coco) == 12


def test_nothing_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    truths, detections = random_problem(2)

    evaluate(truths, detections, "abcd")

    assert capfd.readouterr() == ("", "")
