"""Many files: the words that scripts rely on, what is drawn and where, and files that cannot be read."""

from pathlib import Path

import numpy as np
import pytest

from onelook.inference.model import Detector
from onelook.inference.predicting import Prediction, drawing_paths, predict_files
from onelook.structures.detections import Detections
from onelook.structures.errors import FormatError, UserError
from onelook.structures.letterbox import Image

FOUND = Detections([[1, 2, 30.12345, 40], [5, 5, 9, 9]], [0.75, 0.5], [1, 0])  # type: ignore[arg-type]


def test_a_prediction_is_told_in_the_words_that_scripts_rely_on(picture: Image) -> None:
    told = Prediction(Path("x.jpg"), picture, FOUND).as_json(("red", "white"))

    assert told == {
        "file": "x.jpg",
        "width": 80,
        "height": 50,
        "detections": [
            {"class": "white", "score": 0.75, "box": [1.0, 2.0, 30.123, 40.0]},
            {"class": "red", "score": 0.5, "box": [5.0, 5.0, 9.0, 9.0]},
        ],
    }


def test_a_drawing_shows_boxes_on_a_copy(picture: Image) -> None:
    before = picture.copy()
    drawn = Prediction(Path("x.jpg"), picture, FOUND).drawn(("red", "white"))

    assert (picture == before).all()
    assert (drawn != picture).any()
    assert (Prediction(Path("x.jpg"), picture, Detections.none()).drawn(()) == picture).all()


def test_a_file_that_cannot_be_read_is_told_and_the_rest_goes_on(detector: Detector, pictures: Path) -> None:
    failed: list[tuple[Path, FormatError]] = []
    paths = [pictures / "a.jpg", pictures / "notes.txt", pictures / "absent.jpg", pictures / "b.JPG"]

    seen = list(predict_files(detector, paths, None, None, lambda path, error: failed.append((path, error))))

    assert [each.path for each in seen] == [paths[0], paths[3]]
    assert [path for path, _ in failed] == paths[1:3]
    np.testing.assert_array_equal(seen[0].found.boxes, detector.predict(paths[0]).boxes)


def test_drawings_of_equal_names_are_told_apart(tmp_path: Path) -> None:
    paths = [Path("a/x.jpg"), Path("b/x.png"), Path("x-2.jpg"), Path("c/x.jpg")]

    names = [path.name for path in drawing_paths(paths, tmp_path).values()]

    assert names == ["x.jpg", "x-2.jpg", "x-2-2.jpg", "x-3.jpg"]
    assert drawing_paths([], tmp_path) == {}


def test_a_drawing_never_takes_the_picture_s_place(pictures: Path) -> None:
    with pytest.raises(UserError, match=r"a\.jpg: a drawing would replace the picture itself; choose another --out"):
        drawing_paths([pictures / "a.jpg"], pictures)
