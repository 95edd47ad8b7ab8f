"""A classifier says what, a detector says where: the guesses of ImageNet's challenge."""

from dataclasses import dataclass

import numpy as np
import pytest

from onelook.inference.localising import GUESSES, Localiser
from onelook.structures.class_scores import ClassScores
from onelook.structures.detections import Detections
from onelook.structures.errors import UserError

PICTURE = np.zeros((40, 60, 3), np.uint8)


@dataclass(frozen=True)
class Found(Detections):
    """What a detector saw on a picture of 60 x 40."""

    size: tuple[int, int] = (60, 40)


@dataclass(frozen=True)
class Fake:
    """A model with names that answers the same to everything."""

    names: tuple[str, ...]
    answer: object

    def predict(self, picture: object, score: float | None = None) -> object:
        return self.answer


def localiser(boxes: list[list[float]], scores: list[float], classes: list[int], only: list[str] | None = None):  # type: ignore[no-untyped-def]
    shares = np.array([0.1, 0.5, 0.2, 0.1, 0.05, 0.03, 0.02], np.float32)
    classifier = Fake(("a", "b", "c", "d", "e", "f", "g"), ClassScores(shares))
    found = Found(np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), np.array(classes))
    return Localiser(classifier, Fake(("c", "z"), found), only)  # type: ignore[arg-type]


def test_five_classes_are_guessed_the_likeliest_first_each_with_its_own_box_or_the_best_of_all() -> None:
    guesses = localiser([[1, 1, 9, 9], [2, 2, 30, 30], [5, 5, 8, 8]], [0.3, 0.9, 0.4], [0, 1, 0]).guess(PICTURE)

    assert [guess.name for guess in guesses] == ["b", "c", "a", "d", "e"]
    assert len(guesses) == GUESSES
    assert [(guess.seen, guess.box) for guess in guesses[:2]] == [("other", (2, 2, 30, 30)), ("own", (5, 5, 8, 8))]


def test_a_picture_without_a_box_is_taken_as_a_whole() -> None:
    (first, *_) = localiser([], [], []).guess(PICTURE)

    assert (first.seen, first.box) == ("whole", (0, 0, 60, 40))


def test_a_box_of_another_class_that_nobody_is_sure_of_is_no_better_than_the_whole_picture() -> None:
    first, second, *_ = localiser([[2, 2, 30, 30], [5, 5, 8, 8]], [0.2, 0.01], [1, 0]).guess(PICTURE)

    assert (first.seen, second.seen) == ("whole", "own")


def test_only_classes_of_the_data_are_guessed() -> None:
    guesses = localiser([], [], [], ["g", "a", "nowhere"]).guess(PICTURE)

    assert [guess.name for guess in guesses] == ["a", "g"]
    with pytest.raises(UserError, match="expected classes of the data, such as x, got a, b, c"):
        localiser([], [], [], ["x"])
