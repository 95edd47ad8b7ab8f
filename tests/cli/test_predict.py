"""`onelook predict`: lines for people, one object for scripts, pictures for both."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.structures.small_models import small_bundle

from onelook.cli.main import main
from onelook.datasets.formats.submission import read_submission
from onelook.inference.model import load
from onelook.structures.bundle import write_bundle
from onelook.structures.images import image_size, write_jpeg


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder with a model and two pictures the working folder and return it."""
    write_bundle(tmp_path / "model", small_bundle())
    noise = np.random.default_rng(1).integers(0, 256, (50, 80, 3), dtype=np.uint8)
    for name in ("a.jpg", "b.jpg"):
        write_jpeg(tmp_path / "pictures" / name, noise)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Return the exit code of `onelook predict WORDS`."""
    monkeypatch.setattr(sys, "argv", ["onelook", "predict", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


def answer(capsys: pytest.CaptureFixture[str]) -> Any:
    """Return the one JSON object on stdout."""
    return json.loads(capsys.readouterr().out)


def test_pictures_are_told_and_drawn_into_predictions(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "model", "pictures", "--threads", "1", "--runtime", "onnxruntime") == 0

    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("model: 2 classes, 64 x 48, stretch, ONNX Runtime ")
    assert said[1].startswith("pictures/a.jpg: 80 x 50, ")
    assert said[-1].endswith("drawn into predictions/")
    assert any(line.endswith("  red") for line in said)
    assert sorted(path.name for path in (here / "predictions").iterdir()) == ["a.jpg", "b.jpg"]
    assert image_size(here / "predictions" / "a.jpg") == (80, 50)


def test_the_challenges_csv_has_the_five_best_of_each_picture(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "model", "pictures", "--score", "0.01", "--submission", "s.csv", "--json") == 0
    found = read_submission(here / "s.csv")

    assert list(found) == ["a", "b"]
    assert 1 <= len(found["a"]) <= 5
    assert {guess.name for guess in found["a"]} <= {"red", "blue"} | set(load(here / "model").names)


def test_json_has_the_words_that_scripts_rely_on_and_draws_nothing(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "model", "pictures/a.jpg", "--json") == 0

    told = answer(capsys)
    expected = load(here / "model").predict(here / "pictures" / "a.jpg")
    assert [(image["file"], image["width"], image["height"]) for image in told["images"]] == [
        ("pictures/a.jpg", 80, 50)
    ]
    detections = told["images"][0]["detections"]
    assert [each["class"] for each in detections] == [("red", "white")[index] for index in expected.classes]
    np.testing.assert_allclose([each["box"] for each in detections], expected.boxes, atol=1e-2)
    np.testing.assert_allclose([each["score"] for each in detections], expected.scores, atol=1e-5)
    assert told["failed"] == []
    assert not (here / "predictions").exists()


def test_json_draws_where_it_is_told_to(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "model", "pictures/a.jpg", "--json", "--out", "drawn") == 0

    assert (here / "drawn" / "a.jpg").is_file()


def test_thresholds_change_what_is_shown(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = []
    for options in (["--score", "0.9"], ["--score", "0.1"], ["--score", "0.1", "--nms", "1"]):
        assert run(monkeypatch, "model", "pictures/a.jpg", "--json", *options) == 0
        counts.append(len(answer(capsys)["images"][0]["detections"]))

    assert counts[0] < counts[1] < counts[2]


def test_a_broken_picture_is_one_line_the_rest_goes_on_and_the_exit_code_is_1(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "pictures" / "broken.jpg").write_bytes(b"\xff\xd8\xff")

    assert run(monkeypatch, "model", "pictures", "pictures/absent.png", "--json") == 1

    said = capsys.readouterr()
    told = json.loads(said.out)
    assert len(told["images"]) == 2
    assert [each["file"] for each in told["failed"]] == ["pictures/broken.jpg", "pictures/absent.png"]
    lines = said.err.splitlines()
    assert lines[-1] == "onelook: 2 of 4 pictures could not be read"
    assert lines[-3].startswith("onelook: pictures/broken.jpg: expected a picture")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent", "pictures"], "absent: expected a bundle, a run, or a .cfg with its .weights, got nothing there"),
        (["model", "absent.jpg"], "absent.jpg: expected pictures, folders of them or a glob, got nothing there"),
        (["model", "pictures", "--score", "2"], "score: expected a number from 0 to 1, got 2.0"),
        (["model", "pictures", "--score", "rad=0.2"], "expected a class of the model, got 'rad'; did you mean 'red'?"),
        (["model", "pictures", "--threads", "0"], "threads: expected at least 1, got 0"),
        (["model", "pictures", "--out", "pictures"], "a drawing would replace the picture itself"),
        (["model", "pictures", "--names", "x.names"], "a bundle has its own weights and names"),
        (["model", "http://127.0.0.1/x.jpg"], "got an address"),
        (["model", "pictures", "--out", "model/network.cfg"], "cannot be written"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    assert run(monkeypatch, *words, "--json") == 2

    said = capsys.readouterr()
    lines = [line for line in said.err.splitlines() if not line.startswith("model: ")]
    assert said.out == ""
    assert len(lines) == 1
    assert message in lines[0]


def test_real_weights_see_what_is_there(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    model, picture = (
        shared / "weights" / "yolov3-tiny" / "yolov3-tiny.cfg",
        shared / "reference" / "images" / "img" / "dog.jpg",
    )

    assert run(monkeypatch, str(model), str(picture), "--json", "--out", str(tmp_path)) == 0

    classes = {each["class"] for each in answer(capsys)["images"][0]["detections"]}
    assert classes >= {"dog", "bicycle", "car"}
    assert (tmp_path / "dog.jpg").is_file()
