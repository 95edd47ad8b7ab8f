"""Least scores as they are written: one for all, one for some."""

import numpy as np
import pytest

from onelook.inference.thresholds import read_score, thresholds
from onelook.structures.errors import UserError

NAMES = ("person", "car", "traffic light")


@pytest.mark.parametrize(
    ("text", "least"),
    [
        ("0.3", [0.3, 0.3, 0.3]),
        ("person=0.4,car=0.6", [0.4, 0.6, 0.25]),
        ("0.3, traffic light=0.5", [0.3, 0.3, 0.5]),
        ("car=.5,0.1", [0.1, 0.5, 0.1]),
    ],
)
def test_one_number_is_for_all_and_named_ones_for_their_classes(text: str, least: list[float]) -> None:
    np.testing.assert_allclose(thresholds(read_score(text, 0.25, NAMES), 0.25, NAMES), least, rtol=1e-6)


@pytest.mark.parametrize("text", ["high", "person=", "person", "0.3,,car=1", ""])
def test_anything_else_is_one_line(text: str) -> None:
    with pytest.raises(UserError, match="--score: expected a number, or CLASS=NUMBER, several joined by commas, got"):
        read_score(text, 0.25, NAMES)


def test_without_a_word_every_class_has_the_model_s_own() -> None:
    np.testing.assert_array_equal(thresholds(None, 0.5, NAMES), np.float32([0.5, 0.5, 0.5]))
