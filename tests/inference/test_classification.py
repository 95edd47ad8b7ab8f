"""What a classifier says of a picture, told and drawn."""

import json
from dataclasses import replace

import numpy as np
import pytest

from onelook.inference.classification import Classification
from onelook.structures.drawing import class_colour

NAMES = ("cat", "dog", "owl", "fox", "hen", "bat")


@pytest.fixture
def found() -> Classification:
    scores = np.float32([0.1, 0.5, 0.2, 0.15, 0.04, 0.01])
    return Classification(scores, NAMES, (120, 100), np.zeros((100, 120, 3), np.uint8), "x.jpg")


def test_the_five_likeliest_classes_are_told_best_first(found: Classification) -> None:
    told = json.loads(found.to_json())

    assert told == {"file": "x.jpg", "width": 120, "height": 100, "classes": told["classes"]}
    assert [row["class"] for row in told["classes"]] == ["dog", "owl", "fox", "cat", "hen"]
    assert told["classes"][0]["score"] == 0.5


def test_a_number_of_classes_may_be_asked_for(found: Classification) -> None:
    assert [row["class"] for row in found.as_json(1)["classes"]] == ["dog"]
    assert len(found.as_json(99)["classes"]) == 6


def test_a_film_s_picture_has_its_number_and_its_time(found: Classification) -> None:
    told = replace(found, frame=3, seconds=0.12).as_json()

    assert (told["frame"], told["seconds"]) == (3, 0.12)


def test_the_likeliest_classes_are_drawn_and_the_picture_is_left_alone(found: Classification) -> None:
    drawn = found.draw(2)

    assert not found.image().any()
    assert drawn.shape == (100, 120, 3)
    assert (drawn == class_colour(1)).all(axis=2).any()
    assert not (drawn == class_colour(3)).all(axis=2).any()
