"""`onelook eval` and `compare` as a user types them, on detections that were stored."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.training.conftest import make_squares

from onelook.datasets.reading import read


def onelook(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "onelook", *map(str, words)], capture_output=True, text=True)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return make_squares(tmp_path / "squares", 2, 6)


def detections(data: Path, lost: int = 0) -> dict[str, Any]:
    """Return the truth of the validation images as detections, without the first box of the first `lost` images."""
    images = read(data).split("val")
    content = []
    for index, path in enumerate(images.paths):
        true = images.truth(index)
        rows = [
            {"class": images.names[label], "score": 0.9, "box": [float(side) for side in box]}
            for box, label in zip(true.boxes, true.classes.tolist(), strict=True)
        ]
        content.append({"file": str(path), "detections": rows[1:] if index < lost else rows})
    return {"images": content}


def stored(path: Path, content: object) -> Path:
    path.write_text(json.dumps(content))
    return path


def test_stored_detections_are_judged_with_intervals_mistakes_and_choices(tmp_path: Path, data: Path) -> None:
    found = stored(tmp_path / "found.json", detections(data, lost=3))

    done = onelook("eval", found, data, "--json")

    assert done.returncode == 0, done.stderr
    words = json.loads(done.stdout)
    assert words["recall"] == pytest.approx(0.75)
    low, high = words["intervals"]["recall"]
    assert low < 0.75 < high
    assert set(words["intervals"]) == {"ap", "ap50", "ap75", "precision", "recall", "f1", "average_iou"}
    assert {row["kind"]: row["at_score"] for row in words["mistakes"]}["missed"] == 3
    assert words["groups"]["size"][0]["truths"] == 12
    assert words["choices"]["IoU"] == ">= 0.5"


def test_the_folder_holds_page_sheet_numbers_and_pictures_and_is_not_overwritten(tmp_path: Path, data: Path) -> None:
    found, out = stored(tmp_path / "found.json", detections(data, lost=2)), tmp_path / "out"

    done = onelook("eval", found, data, "--out", out, "--rules", "voc10")

    assert done.returncode == 0, done.stderr
    assert "AP50 lost to mistakes: missed" in done.stdout
    page = (out / "report.html").read_text()
    assert "What mistakes cost" in page
    assert "rules: voc10" in page
    assert (out / "evaluation.png").read_bytes()[:4] == b"\x89PNG"
    assert json.loads((out / "evaluation.json").read_text())["rules"] == "voc10"
    assert len(list((out / "worst").glob("*.jpg"))) == 2
    again = onelook("eval", found, data, "--out", out)
    assert again.returncode == 2
    assert "expected a new or empty folder" in again.stderr


def test_two_models_are_compared_on_the_same_images(tmp_path: Path, data: Path) -> None:
    first = stored(tmp_path / "first.json", detections(data))
    second = stored(tmp_path / "second.json", detections(data, lost=3))

    done = onelook("compare", first, second, first, data, "--json")

    assert done.returncode == 0, done.stderr
    words = json.loads(done.stdout)
    assert [row["recall"] for row in words["models"]] == pytest.approx([1, 0.75, 1])
    worse, same = words["differences"]
    assert worse["recall"]["difference"] == pytest.approx(-0.25)
    assert [image["found"] for image in worse["images"]] == [-1, -1, -1]
    assert same["images"] == []
    told = onelook("compare", first, second, data).stdout
    assert "3 of 6 images changed" in told


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"score": 1.5}, "detection 0: expected a score from 0 to 1, got 1.5"),
        ({"box": [5, 0, 1, 1]}, "detection 0: expected x1 <= x2"),
        ({"box": [0, 0, 1]}, "detection 0: expected a finite box"),
    ],
)
def test_a_bad_record_is_one_line_and_exit_2(tmp_path: Path, data: Path, change: Any, words: str) -> None:
    content = detections(data)
    content["images"][2]["detections"][0].update(change)

    done = onelook("eval", stored(tmp_path / "found.json", content), data)

    assert done.returncode == 2
    assert words in done.stderr
    assert str(content["images"][2]["file"]) in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_what_was_left_out_is_counted_and_shown(tmp_path: Path, data: Path) -> None:
    content = detections(data)
    content["images"][0]["detections"][0]["class"] = "unheard of"
    content["images"].append({**content["images"][1], "file": "nowhere.png"})

    done = onelook("eval", stored(tmp_path / "found.json", content), data, "--json")

    assert json.loads(done.stdout)["excluded"] == {
        "of classes that the data set does not have": 1,
        "on images that the data set does not have": 2,
    }
    assert "2 detections on images that the data set does not have are left out" in done.stderr


def test_the_challenge_is_judged_from_its_two_files(tmp_path: Path) -> None:
    solution, submission = tmp_path / "LOC_val_solution.csv", tmp_path / "submission.csv"
    solution.write_text("ImageId,PredictionString\na,n01 0 0 9 9\nb,n01 0 0 9 9\n")
    submission.write_text("ImageId,PredictionString\na,n01 0 0 9 9\n")

    words = json.loads(onelook("eval", submission, solution, "--rules", "ilsvrc", "--json").stdout)

    assert words["localisation_error"] == 0.5
    assert words["excluded"] == {"images without a guess": 1}
    assert "95" not in words["choices"]
    told = onelook("eval", submission, solution, "--rules", "ilsvrc").stdout
    assert "localisation error" in told


def test_mistakes_of_the_user_are_one_line(tmp_path: Path, data: Path) -> None:
    found = stored(tmp_path / "found.json", detections(data))

    for words, message in (
        (("eval", found, data, "--explain"), "expected a model that can be tried"),
        (("eval", found, data, "--rules", "coca"), "did you mean 'coco'"),
        (("compare", found, data), "expected two models or more"),
    ):
        done = onelook(*words)
        assert done.returncode == 2, done.stdout
        assert message in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_numbers_of_a_perfect_result(tmp_path: Path, data: Path) -> None:
    words = json.loads(onelook("eval", stored(tmp_path / "found.json", detections(data)), data, "--json").stdout)

    assert np.allclose([words[word] for word in ("ap", "ap50", "precision", "recall")], 1)
