"""Detections of other programs, brought to the images of a data set."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from onelook.datasets.dataset import Dataset
from onelook.datasets.files.stored_detections import is_stored, read_stored
from onelook.datasets.reading import read
from onelook.structures.errors import FormatError, UserError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a COCO data set of two pictures, whose ids are not their places, and whose categories have a gap."""
    folder = tmp_path / "data"
    (folder / "images").mkdir(parents=True)
    for name in ("one.png", "two.png"):
        Image.fromarray(np.zeros((40, 80, 3), np.uint8)).save(folder / "images" / name)
    pictures = ((17, "one.png"), (5, "two.png"))
    content = {
        "images": [{"id": number, "file_name": name, "width": 80, "height": 40} for number, name in pictures],
        "categories": [{"id": 3, "name": "cat"}, {"id": 9, "name": "dog"}],
        "annotations": [{"id": 1, "image_id": 5, "category_id": 9, "bbox": [1, 2, 10, 20], "iscrowd": 0}],
    }
    (folder / "instances.json").write_text(json.dumps(content))
    return folder


def stored(tmp_path: Path, content: Any) -> Path:
    path = tmp_path / "found.json"
    path.write_text(json.dumps(content))
    return path


def place(dataset: Dataset, name: str) -> int:
    return [path.name for path in dataset.paths].index(name)


GOOD = {"image_id": 5, "category_id": 9, "bbox": [1, 2, 10, 20], "score": 0.5}


def test_coco_results_are_met_by_the_ids_of_the_file(tmp_path: Path, data: Path) -> None:
    dataset = read(data)

    result = read_stored(stored(tmp_path, [GOOD]), dataset, data)

    seen = result.found[place(dataset, "two.png")]
    assert seen.boxes.tolist() == [[1, 2, 11, 22]]
    assert [dataset.names[label] for label in seen.classes] == ["dog"]
    assert len(result.found[place(dataset, "one.png")]) == 0
    assert (result.form, result.excluded) == ("COCO results", {})


def test_what_belongs_to_no_image_or_class_is_counted(tmp_path: Path, data: Path) -> None:
    rows = [GOOD, {**GOOD, "image_id": 99}, {**GOOD, "category_id": 4}, {**GOOD, "category_id": 5}]

    result = read_stored(stored(tmp_path, rows), read(data), data)

    assert result.excluded == {
        "on images that the data set does not have": 1,
        "of classes that the data set does not have": 2,
    }


def test_what_predict_prints_is_read(tmp_path: Path, data: Path) -> None:
    detection = {"class": "Dog", "score": 0.25, "box": [1, 2, 11, 22]}
    content = {"images": [{"file": str(data / "images/two.png"), "detections": [detection]}]}
    dataset = read(data)

    seen = read_stored(stored(tmp_path, content), dataset, data).found[place(dataset, "two.png")]

    assert (seen.boxes.tolist(), seen.scores.tolist()) == ([[1, 2, 11, 22]], [0.25])


def test_darknets_json_is_in_parts_of_the_picture(tmp_path: Path, data: Path) -> None:
    where = {"center_x": 0.5, "center_y": 0.5, "width": 0.25, "height": 0.5}
    thing = {"class_id": 0, "name": "cat", "relative_coordinates": where, "confidence": 0.75}
    content = [{"frame_id": 1, "filename": "elsewhere/one.png", "objects": [thing]}]
    dataset = read(data)

    seen = read_stored(stored(tmp_path, content), dataset, data).found[place(dataset, "one.png")]

    assert seen.boxes.tolist() == [[30, 10, 50, 30]]


def test_a_folder_of_darknets_results_is_read(tmp_path: Path, data: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "comp4_det_test_cat.txt").write_text("one 0.5 1 2 3 4\ntwo 0.25 5 6 7 8\n")
    (folder / "comp4_det_test_dog.txt").write_text("")
    dataset = read(data)

    result = read_stored(folder, dataset, data)

    assert is_stored(folder)
    assert result.found[place(dataset, "two.png")].boxes.tolist() == [[5, 6, 7, 8]]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bbox": [0, 0, float("nan"), 1]}, "found.json: record 1: expected a finite box"),
        ({"bbox": [0, 0, -5, 1]}, "found.json: record 1: expected x1 <= x2"),
        ({"score": 1.5}, "found.json: record 1: expected a score from 0 to 1, got 1.5"),
        ({"score": float("nan")}, "found.json: record 1: expected a score from 0 to 1"),
        ({"bbox": [0, 0]}, "found.json: record 1: expected image_id, category_id, bbox"),
    ],
)
def test_a_record_that_cannot_be_judged_is_named(tmp_path: Path, data: Path, change: Any, words: str) -> None:
    with pytest.raises(FormatError, match=words):
        read_stored(stored(tmp_path, [GOOD, {**GOOD, **change}]), read(data), data)


def test_nothing_and_something_else_are_told(tmp_path: Path, data: Path) -> None:
    dataset = read(data)
    with pytest.raises(FormatError, match="expected detections, got none"):
        read_stored(stored(tmp_path, []), dataset, data)
    with pytest.raises(UserError, match="are these its detections"):
        read_stored(stored(tmp_path, [{**GOOD, "image_id": 99}]), dataset, data)
    with pytest.raises(FormatError, match="got another JSON"):
        read_stored(stored(tmp_path, {"a": 1}), dataset, data)
    (tmp_path / "found.json").write_text("[{")
    with pytest.raises(FormatError, match=r"found\.json: expected JSON"):
        read_stored(tmp_path / "found.json", dataset, data)
    (tmp_path / "found.json").write_text("")
    with pytest.raises(FormatError, match=r"found\.json: expected JSON"):
        read_stored(tmp_path / "found.json", dataset, data)


def test_a_model_is_no_stored_detections(tmp_path: Path) -> None:
    (tmp_path / "a_b.txt").write_text("")
    (tmp_path / "net.cfg").write_text("")

    assert not is_stored(tmp_path)
    assert not is_stored(tmp_path / "net.cfg")


def test_the_80_classes_of_coco_have_90_numbers() -> None:
    from onelook.datasets.files.stored_detections import _coco_place

    assert [_coco_place(number) for number in (1, 11, 12, 13, 90)] == [0, 10, None, 11, 79]
