"""samples.jsonl: a few pictures at each evaluation, what is on them and what was seen."""

from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.dataset import Dataset
from onelook.structures.detections import Detections
from onelook.training.watch.samples import PICTURES, class_samples, detection_samples, spread


def labelled(count: int) -> Dataset:
    """Return pictures with a box each, of the second class."""
    return Dataset(
        names=("red", "white"),
        paths=tuple(Path(f"{number}.jpg") for number in range(count)),
        sizes=np.full((count, 2), (100, 80)),
        boxes=np.tile(np.float32([[10, 20, 30.04, 40]]), (count, 1)),
        classes=np.ones(count),
        offsets=np.arange(count + 1),
        difficult=np.zeros(count),
        crowd=np.zeros(count),
        truncated=np.zeros(count),
        labelled=np.ones(count),
        labels=np.ones(count),
    )


@pytest.mark.parametrize(("count", "places"), [(0, []), (1, [0]), (3, [0, 1, 2]), (11, [0, 2, 4, 6, 8, 10])])
def test_the_pictures_are_spread_over_the_split(count: int, places: list[int]) -> None:
    assert spread(count) == places
    assert len(places) <= PICTURES


def test_detections_stand_beside_the_truth_surest_first_without_the_unsure() -> None:
    seen = Detections(
        np.float32([[1, 2, 3, 4], [5, 6, 7, 8], [0, 0, 1, 1]]), np.float32([0.3, 0.9, 0.01]), np.array([0, 1, 1])
    )

    (sample,) = detection_samples(labelled(1), [seen])

    assert (sample["file"], sample["width"], sample["height"]) == ("0.jpg", 100, 80)
    assert sample["truth"] == [{"class": "white", "index": 1, "box": [10.0, 20.0, 30.0, 40.0]}]
    assert [(each["class"], each["score"], each["box"]) for each in sample["detections"]] == [
        ("white", 0.9, [5.0, 6.0, 7.0, 8.0]),
        ("red", 0.3, [1.0, 2.0, 3.0, 4.0]),
    ]


@pytest.mark.parametrize(("scores", "best"), [([0.04, 0.02], 0.04), ([0.9], 0.9), ([], 0.0)])
def test_the_best_score_is_told_even_where_nothing_is_sure_enough_to_be_shown(scores: list[float], best: float) -> None:
    boxes = np.tile(np.float32([[1, 2, 3, 4]]), (len(scores), 1))

    (sample,) = detection_samples(labelled(1), [Detections(boxes, np.float32(scores), np.zeros(len(scores), np.int64))])

    assert sample["best"] == best
    assert len(sample["detections"]) == sum(score >= 0.1 for score in scores)


def test_a_classifier_s_likeliest_classes_stand_beside_the_true_one() -> None:
    (sample,) = class_samples(labelled(1), np.log(np.float32([[0.25, 0.75]])))

    assert sample["class"] == "white"
    assert sample["classes"] == [{"class": "white", "score": 0.75}, {"class": "red", "score": 0.25}]


def test_no_picture_gives_no_sample() -> None:
    assert detection_samples(labelled(0), []) == []
