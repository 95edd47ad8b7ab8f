"""Accuracy, F1, confusion and calibration on cases that can be counted by hand."""

import numpy as np
import pytest

from onelook.evaluation.classification import (
    NO_CLASS,
    ClassEvaluation,
    evaluate_classes,
    guess,
    share_interval,
)


def certain(guessed: list[int], labels: list[int], classes: int) -> ClassEvaluation:
    """Judge a classifier that is sure of every one of its guesses."""
    return evaluate_classes(np.eye(classes)[guessed], np.array(labels), [f"class{k}" for k in range(classes)])


def test_the_mean_over_classes_counts_only_those_that_occur() -> None:
    result = certain([0, 0, 2, 1], [0, 0, 0, 1], 4)

    assert result.mean_accuracy == pytest.approx(5 / 6)
    assert result.top1 == 0.75
    assert [row.images for row in result.per_class] == [3, 1, 0, 0]
    assert [row.accuracy for row in result.per_class] == [pytest.approx(2 / 3), 1.0, None, None]
    assert result.f1 == pytest.approx((2 * 2 / 5 + 1) / 2)


def test_confusion_has_a_row_for_each_true_class() -> None:
    matrix = certain([0, 0, 2, 1], [0, 0, 0, 1], 3).confusion

    assert matrix.tolist() == [[2, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 0]]


def test_the_true_class_may_be_among_the_first_five() -> None:
    scores = np.tile(np.arange(8, dtype=np.float32), (2, 1))
    result = evaluate_classes(scores, np.array([3, 2]), list("abcdefgh"), logits=True)

    assert (result.top1, result.top5) == (0.0, 0.5)


def test_nan_is_never_a_hit() -> None:
    scores = np.full((3, 4), np.nan, np.float32)
    scores[1] = [0, 0, 9, np.nan]
    scores[2] = [0, 9, 0, 0]
    result = evaluate_classes(scores, np.array([0, 2, 1]), list("abcd"), logits=True)

    assert (result.top1, result.top5) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert guess(scores, np.array([0, 2, 1]), logits=True).guessed.tolist() == [NO_CLASS, NO_CLASS, 1]
    assert result.confusion[:, 4].tolist() == [1, 0, 1, 0]


def test_infinities_of_both_signs_are_no_hit_either() -> None:
    scores = np.array([[np.inf, np.inf, 0]], np.float32)

    assert evaluate_classes(scores, np.array([0]), list("abc"), logits=True).top1 == 0


def test_of_equal_scores_the_first_class_is_guessed_and_ranks_first() -> None:
    result = guess(np.zeros((2, 9), np.float32), np.array([0, 7]))

    assert result.guessed.tolist() == [0, 0]
    assert result.rank.tolist() == [0, 7]


@pytest.mark.parametrize("logits", [False, True])
def test_blocks_give_what_sorting_gives(logits: bool) -> None:
    rng = np.random.default_rng(1)
    scores = np.round(rng.normal(size=(700, 12)), 1).astype(np.float32)  # rounded: many are equal
    labels = rng.integers(0, 12, 700)
    result = guess(scores, labels, logits)
    order = np.argsort(-scores, axis=1, kind="stable")

    assert np.array_equal(result.guessed, order[:, 0])
    rank = (order == labels[:, None]).argmax(axis=1)
    assert np.array_equal(np.minimum(result.rank, 5), np.minimum(rank, 5))
    if logits:
        shares = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        assert result.confidence == pytest.approx(shares.max(axis=1), rel=1e-5)


def test_calibration_is_the_gap_between_sure_and_right() -> None:
    scores = np.array([[0.9, 0.1]] * 10 + [[0.6, 0.4]] * 10)
    labels = np.array([0] * 9 + [1] + [0] * 3 + [1] * 7)
    result = evaluate_classes(scores, labels, ["a", "b"])

    assert result.calibration.error == pytest.approx((0 * 10 + 0.3 * 10) / 20)
    assert result.calibration.counts.sum() == 20


def test_images_without_a_class_are_left_out() -> None:
    result = evaluate_classes(np.eye(3), np.array([0, -1, 1]), list("abc"))

    assert (result.images, result.top1) == (2, 0.5)


def test_no_image_gives_no_number() -> None:
    result = evaluate_classes(np.zeros((0, 3)), np.zeros(0, np.int64), list("abc"))

    assert (result.top1, result.top5, result.mean_accuracy, result.f1) == (None, None, None, None)
    assert result.as_json()["top1_interval"] == [None, None]
    assert result.calibration.error == 0


def test_shapes_that_do_not_fit_are_a_programmers_mistake() -> None:
    with pytest.raises(ValueError, match=r"expected scores \(2, 3\)"):
        evaluate_classes(np.zeros((2, 4)), np.zeros(2, np.int64), list("abc"))


def test_the_interval_holds_the_share_and_narrows_with_more_images() -> None:
    few, many = share_interval(70, 100), share_interval(7000, 10000)

    assert few.low is not None
    assert few.high is not None
    assert many.low is not None
    assert many.high is not None
    assert few.low < many.low < 0.7 < many.high < few.high
    assert few.low == pytest.approx(0.61, abs=0.02)
