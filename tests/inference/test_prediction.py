"""One picture's prediction: told to scripts, drawn, cut out, and in the forms that other programs take."""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onelook.inference.model import Detector
from onelook.inference.prediction import Prediction
from onelook.structures.boxes import as_boxes
from onelook.structures.errors import FormatError, UserError
from onelook.structures.letterbox import Image


def prediction(picture: Image, **more: Any) -> Prediction:
    """Return two boxes on the picture, which is 80 x 50."""
    boxes, scores, classes = as_boxes([[1, 2, 30.12345, 40], [5, 5, 9, 9]]), np.float32([0.75, 0.5]), np.int64([1, 0])
    return Prediction(boxes, scores, classes, ("red", "white"), (80, 50), picture, **more)


def test_it_is_told_in_the_words_that_scripts_rely_on(picture: Image) -> None:
    found = prediction(picture, file="x.jpg")

    assert found.as_json() == {
        "file": "x.jpg",
        "width": 80,
        "height": 50,
        "detections": [
            {"class": "white", "score": 0.75, "box": [1.0, 2.0, 30.123, 40.0]},
            {"class": "red", "score": 0.5, "box": [5.0, 5.0, 9.0, 9.0]},
        ],
    }
    assert json.loads(found.to_json()) == found.as_json()


def test_a_film_s_picture_tells_frame_time_and_tracks(picture: Image) -> None:
    told = prediction(picture, file="x.mp4", frame=3, seconds=0.12, tracks=np.int64([7, 0])).as_json()

    assert (told["frame"], told["seconds"]) == (3, 0.12)
    assert [row["track"] for row in told["detections"]] == [7, None]


def test_what_is_kept_stays_a_prediction_with_its_tracks(picture: Image) -> None:
    kept = prediction(picture, tracks=np.int64([7, 9]))[np.array([False, True])]

    assert isinstance(kept, Prediction)
    assert (kept.tracks, list(kept.classes), kept.names) == ([9], [0], ("red", "white"))
    assert len(prediction(picture).above(0.6)) == 1


def test_a_drawing_shows_boxes_on_a_copy(picture: Image) -> None:
    before = picture.copy()
    found = prediction(picture)

    assert (found.draw() != picture).any()
    assert (picture == before).all()
    assert (found[[]].draw() == picture).all()


def test_crops_are_what_is_inside_the_boxes_and_never_empty(picture: Image) -> None:
    large, small = prediction(picture).crops()

    assert (large == picture[2:40, 1:31]).all()
    assert (small == picture[5:9, 5:9]).all()
    sliver = Prediction(as_boxes([[79.9, 50, 80, 50]]), np.ones(1), np.zeros(1), ("red",), (80, 50), picture)
    assert sliver.crops()[0].shape == (1, 1, 3)


def test_coco_s_form_has_corner_and_sides_under_the_data_s_own_category_ids(picture: Image) -> None:
    first, second = prediction(picture).to_coco(12, {"red": 5, "white": 90})

    assert first == {"image_id": 12, "category_id": 90, "bbox": [1.0, 2.0, 29.123, 38.0], "score": 0.75}
    assert second["category_id"] == 5
    assert prediction(picture).to_coco("a")[0]["category_id"] == 1


def test_supervision_s_form_has_the_arguments_of_its_detections(picture: Image) -> None:
    form = prediction(picture, tracks=np.int64([7, 9])).to_supervision()

    assert form["xyxy"].shape == (2, 4)
    assert [form[word].shape for word in ("confidence", "class_id", "tracker_id")] == [(2,)] * 3
    assert list(form["data"]["class_name"]) == ["white", "red"]
    assert prediction(picture)[[]].to_supervision()["data"]["class_name"].shape == (0,)


def test_a_model_tells_what_the_prediction_was_found_on(detector: Detector, pictures: Path) -> None:
    path = pictures / "a.jpg"
    found, from_bytes = detector.predict([path, path.read_bytes()])

    assert (found.file, found.size, found.names) == (str(path), (80, 50), ("red", "white"))
    assert from_bytes.file is None
    np.testing.assert_array_equal(found.boxes, from_bytes.boxes)
    assert (found.image() == from_bytes.image()).all()


def test_a_file_that_has_gone_cannot_be_drawn(detector: Detector, pictures: Path) -> None:
    found = detector.predict(pictures / "a.jpg")
    (pictures / "a.jpg").unlink()

    with pytest.raises(FormatError, match=r"a\.jpg: expected an image, got No such file"):
        found.draw()


def test_each_class_may_have_its_own_least_score(detector: Detector, picture: Image) -> None:
    found = detector.predict(picture, score={"red": 0.6})
    all_of_both = detector.predict(picture)

    red = all_of_both.classes == 0
    assert (red & (all_of_both.scores < 0.6)).any()
    assert found.scores[found.classes == 0].min() >= 0.6
    np.testing.assert_array_equal(found.boxes[found.classes == 1], all_of_both.boxes[~red])


@pytest.mark.parametrize(
    ("score", "message"),
    [
        ({"rad": 0.5}, "score: expected a class of the model, got 'rad'; did you mean 'red'?"),
        ({"red": 2}, "score of red: expected a number from 0 to 1, got 2"),
    ],
)
def test_a_wrong_least_score_is_one_line(
    detector: Detector, picture: Image, score: Mapping[str, float], message: str
) -> None:
    with pytest.raises(UserError) as caught:
        detector.predict(picture, score=score)

    assert str(caught.value) == message


def test_many_threads_may_share_one_model(detector: Detector) -> None:
    random = np.random.default_rng(3)
    several = [random.integers(0, 256, (40 + n, 60 + n, 3), dtype=np.uint8) for n in range(12)]
    alone = [detector.predict(each) for each in several]

    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(detector.predict, several * 5))

    for found, expected in zip(together, alone * 5, strict=True):
        np.testing.assert_array_equal(found.boxes, expected.boxes)
        np.testing.assert_array_equal(found.scores, expected.scores)
