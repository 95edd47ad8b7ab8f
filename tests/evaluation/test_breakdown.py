"""Every kind of mistake on its own, and what mending it gives, worked out by hand."""

import numpy as np
import pytest
from tests.evaluation.problems import found, random_problem, truth

from onelook.evaluation.breakdown import BACKGROUND, KINDS, costs, mistakes
from onelook.evaluation.evaluation import judge
from onelook.evaluation.groups import groups
from onelook.evaluation.matching import match
from onelook.evaluation.problem import Problem, lay_out
from onelook.evaluation.rules import RULES
from onelook.structures.detections import Detections
from onelook.structures.truth import Truth

HERE, NEARLY, FAR = (0, 0, 10, 10), (6, 0, 10, 10), (500, 500, 10, 10)  # HERE and NEARLY: IoU 0.25


def problem(true: Truth, seen: Detections) -> Problem:
    return lay_out([true], [seen], ["cat", "dog"])


def costs_of(true: Truth, seen: Detections) -> dict[str, tuple[int, float | None]]:
    laid = problem(true, seen)
    return {cost.kind: (cost.count, cost.ap) for cost in costs(laid, match(laid, RULES["coco"]), 0.0)}


@pytest.mark.parametrize(
    ("kind", "seen", "gain"),
    [
        ("class", found((*HERE, 0.9), classes=[1]), 1.0),
        ("localisation", found((*NEARLY, 0.9)), 1.0),
        ("both", found((*NEARLY, 0.9), classes=[1]), 0.0),
        ("duplicate", found((*HERE, 0.9), (*HERE, 0.8)), 0.0),
        ("background", found((*FAR, 0.9), (*HERE, 0.8)), 0.5),
        ("missed", found(), 1.0),
    ],
)
def test_a_mistake_has_its_kind_and_its_price(kind: str, seen: Detections, gain: float) -> None:
    told = costs_of(truth(HERE), seen)

    assert told[kind] == (1, pytest.approx(gain))
    others = [other for other in KINDS if other != kind and told[other][0]]
    assert others == (["missed"] if kind == "both" else [])


def test_an_object_nearly_found_is_not_missed_too() -> None:
    assert costs_of(truth(HERE), found((*NEARLY, 0.9)))["missed"][0] == 0


def test_two_boxes_that_would_be_mended_onto_one_object_do_not_both_count() -> None:
    told = costs_of(truth(HERE, FAR), found((*NEARLY, 0.9), (*NEARLY, 0.8)))

    assert told["localisation"] == (2, pytest.approx(0.504950, abs=1e-6))  # one object of two, without a mistake


def test_mending_a_name_lifts_the_class_that_it_belongs_to() -> None:
    true = truth(HERE, FAR, classes=[0, 1])

    told = costs_of(true, found((*HERE, 0.9), (*FAR, 0.8), classes=[1, 1]))

    assert told["class"] == (1, pytest.approx(0.75))  # cat 0 -> 1, dog .5 -> 1


def test_what_the_rules_ignore_is_no_mistake() -> None:
    laid = problem(truth(HERE, FAR, crowd=[True, False]), found((*HERE, 0.9), (*FAR, 0.8)))

    told = mistakes(laid, match(laid, RULES["coco"]))

    assert told.kind.tolist() == [-1, -1]
    assert not told.missed.any()


@pytest.mark.parametrize("rules", ["coco", "voc07", "voc10"])
@pytest.mark.parametrize("seed", range(3))
def test_every_wrong_box_has_one_kind_and_no_right_one_has(rules: str, seed: int) -> None:
    truths, detections = random_problem(seed)
    laid = lay_out(truths, detections, "abcd")
    matches = match(laid, RULES[rules])

    told = mistakes(laid, matches)

    assert ((told.kind >= 0) == (~matches.hit & ~matches.ignored)).all()
    assert (told.truth[told.kind == BACKGROUND] == -1).all()


def test_mending_takes_nothing_away() -> None:
    truths, detections = random_problem(1)
    laid = lay_out(truths, detections, "abcd")
    evaluation, matches = judge(laid, RULES["coco"])

    for cost in costs(laid, matches, evaluation.score):
        assert cost.ap is not None
        assert cost.ap >= -1e-9
        assert cost.ap + (evaluation.ap50 or 0) <= 1 + 1e-9


def test_without_truth_nothing_has_a_price() -> None:
    nothing = Truth(np.zeros((0, 4)), [])  # type: ignore[arg-type]

    assert costs_of(nothing, found((*HERE, 0.5)))["background"] == (1, None)


def test_objects_are_grouped_by_size_and_by_crowding() -> None:
    true = truth((0, 0, 10, 10), (5, 0, 10, 10), (100, 100, 50, 50), (300, 300, 100, 100))
    laid = problem(true, found((100, 100, 50, 50, 0.9), (300, 300, 100, 100, 0.4), (0, 400, 8, 8, 0.8)))

    told = groups(laid, match(laid, RULES["coco"]), 0.5)

    assert [(group.truths, group.recall, group.wrong) for group in told["size"]] == [(2, 0, 1), (1, 1, 0), (1, 0, 0)]
    assert told["size"][2].recall_at_any_score == 1
    assert [group.truths for group in told["crowding"]] == [2, 0, 2]  # the two at the corner share a third
    assert told["crowding"][1].recall is None
