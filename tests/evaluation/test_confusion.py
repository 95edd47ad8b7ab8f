import numpy as np
import pytest
from tests.evaluation.problems import found, random_problem, truth

from onelook.evaluation.confusion import confusion_matrix
from onelook.evaluation.curves import counts
from onelook.evaluation.matching import match
from onelook.evaluation.problem import lay_out
from onelook.evaluation.rules import RULES

A, B, C = (0, 0, 10, 10), (50, 0, 10, 10), (100, 0, 10, 10)


def test_right_mistaken_invented_and_missed_each_have_their_cell() -> None:
    true = truth(A, B, C, classes=[0, 1, 1])
    seen = found((*A, 0.9), (*B, 0.8), (200, 200, 5, 5, 0.7), (*C, 0.1), classes=[0, 0, 1, 1])
    problem = lay_out([true], [seen], ["a", "b"])

    matrix = confusion_matrix(problem, match(problem, RULES["coco"]), 0.5)

    assert matrix.tolist() == [[1, 0, 0], [1, 0, 1], [0, 1, 0]]


def test_a_second_finder_of_the_same_truth_stands_against_the_background() -> None:
    problem = lay_out([truth(A)], [found((*A, 0.9), (*A, 0.8))], ["a"])

    matrix = confusion_matrix(problem, match(problem, RULES["coco"]), 0.5)

    assert matrix.tolist() == [[1, 0], [1, 0]]


@pytest.mark.parametrize("rules", RULES)
def test_rows_sum_to_the_truth_and_columns_to_the_detections(rules: str) -> None:
    truths, detections = random_problem(7)
    problem = lay_out(truths, detections, "abcd")
    matches = match(problem, RULES[rules])
    total = counts(matches, 0.45)

    matrix = confusion_matrix(problem, matches, 0.45)

    assert np.trace(matrix[:4, :4]) == total.right
    assert matrix[:4].sum() == len(matches.truth_class)
    assert matrix[:, :4].sum() == total.right + total.wrong
    assert matrix[4, 4] == 0


def test_what_the_rules_ignore_is_in_no_cell() -> None:
    true = truth(A, B, crowd=[True, False])
    problem = lay_out([true], [found((*A, 0.9))], ["a"])

    assert confusion_matrix(problem, match(problem, RULES["coco"]), 0.5).tolist() == [[0, 1], [0, 0]]
