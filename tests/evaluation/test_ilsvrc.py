"""The challenge's errors, worked out by hand."""

import json

import numpy as np
import pytest
from tests.evaluation.problems import found, truth

from onelook.evaluation.ilsvrc import best_guesses, localisation
from onelook.structures.detections import Detections
from onelook.structures.errors import UserError
from onelook.structures.truth import Truth

HERE, FAR = (0, 0, 10, 10), (500, 500, 10, 10)
ONE = truth(HERE, classes=[3])


def errors(guess: Detections, true: Truth = ONE, inclusive: bool = False) -> tuple[float | None, ...]:
    result = localisation([true], [guess], inclusive)
    return (
        result.classification_error,
        result.top1_classification_error,
        result.localisation_error,
        result.top1_localisation_error,
    )


def guesses(*rows: tuple[int, tuple[float, ...]]) -> Detections:
    return found(*[(*box, 0.5) for _, box in rows], classes=[label for label, _ in rows])


@pytest.mark.parametrize(
    ("guess", "expected"),
    [
        (guesses((3, HERE)), (0, 0, 0, 0)),
        (guesses((3, FAR)), (0, 0, 1, 1)),
        (guesses((2, HERE)), (1, 1, 1, 1)),
        (guesses((2, HERE), (3, HERE)), (0, 1, 0, 1)),
        (guesses((3, FAR), (3, HERE)), (0, 0, 0, 1)),
        (guesses((2, HERE), (3, FAR)), (0, 1, 1, 1)),
        (guesses(*[(2, HERE)] * 5, (3, HERE)), (1, 1, 1, 1)),
        (guesses(), (1, 1, 1, 1)),
    ],
    ids=["right", "box", "class", "second", "second box", "never both", "sixth", "none"],
)
def test_an_image_is_right_when_one_of_five_guesses_has_class_and_box(guess: Detections, expected: object) -> None:
    assert errors(guess) == expected


def test_an_overlap_of_exactly_one_half_is_enough() -> None:
    assert errors(guesses((3, (0, 0, 10, 5))))[2] == 0
    assert errors(guesses((3, (0, 0, 10, 4.9))))[2] == 1


def test_counting_pixels_inclusively_makes_small_boxes_overlap_more() -> None:
    true, guess = truth((0, 0, 3, 3), classes=[3]), guesses((3, (0, 0, 3, 1)))

    assert errors(guess, true)[2] == 1  # 3 of 9
    assert errors(guess, true, inclusive=True)[2] == 0  # 8 of 16


def test_any_of_several_objects_is_enough() -> None:
    assert errors(guesses((3, FAR)), truth(HERE, FAR, classes=[3, 3]))[2] == 0
    assert errors(guesses((4, HERE)), truth(HERE, FAR, classes=[3, 4]))[:3] == (0, 0, 1)


def test_images_without_truth_are_left_out_and_none_gives_no_number() -> None:
    nothing = Truth(np.zeros((0, 4)), [])  # type: ignore[arg-type]

    assert localisation([ONE, nothing], [guesses((3, HERE))] * 2).images == 1
    empty = localisation([nothing], [guesses((3, HERE))])
    assert empty.localisation_error is None
    json.dumps(empty.as_json(), allow_nan=False)


def test_the_interval_holds_the_error() -> None:
    result = localisation([ONE] * 40, [guesses((3, HERE))] * 30 + [guesses()] * 10)

    interval = result.intervals["localisation_error"]
    assert result.localisation_error == 0.25
    assert result.without_guess == 10
    assert interval.low is not None and interval.high is not None
    assert interval.low < 0.25 < interval.high


def test_a_detector_enters_with_its_best_five() -> None:
    rows = found(*[(*HERE, score) for score in (0.1, 0.9, 0.3, 0.8, 0.2, 0.7)])

    assert best_guesses(rows).scores == pytest.approx([0.9, 0.8, 0.7, 0.3, 0.2])


def test_boxes_that_cannot_be_judged_and_other_lengths_are_refused() -> None:
    with pytest.raises(UserError, match="image 0: guess 1: expected a finite box"):
        errors(Detections([[0, 0, 1, 1], [3, 0, 1, 1]], [1, 1], [0, 0]))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="got 1 and 0"):
        localisation([ONE], [])
