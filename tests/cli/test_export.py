"""`onelook export`: files, the stated difference, exit codes."""

import json
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.structures.small_models import small_bundle

from onelook.cli.main import main
from onelook.inference import gate
from onelook.inference.gate import Tolerance
from onelook.structures.bundle import write_bundle
from onelook.structures.images import write_jpeg


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Write the small model and return its folder."""
    write_bundle(tmp_path / "model", small_bundle())
    return str(tmp_path / "model")


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Return the exit code of `onelook WORDS`."""
    monkeypatch.setattr(sys, "argv", ["onelook", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


@pytest.mark.parametrize(("to", "out", "count"), [("onnx", "x.onnx", 1), ("openvino", "x.xml", 2), ("darknet", "x", 4)])
def test_files_and_difference_are_told(
    model: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    to: str,
    out: str,
    count: int,
) -> None:
    assert run(monkeypatch, "export", model, "--to", to, "--out", str(tmp_path / out), "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert len(told["files"]) == count
    assert all(Path(file).is_file() for file in told["files"])
    assert (told["passed"], told["images"], told["missing"]) == (True, 3, 0)
    assert told["score_difference"] < 1e-3


def test_people_are_told_in_words(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "export", model, "--to", "onnx", "--out", str(tmp_path / "x.onnx")) == 0

    first, second = capsys.readouterr().out.splitlines()
    assert first == f"wrote {tmp_path / 'x.onnx'}"
    assert second.startswith(f"compared with {model}: 3 pictures, ")


def test_an_export_that_differs_is_exit_code_1(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gate, "EXACT", Tolerance(score=-1))

    assert run(monkeypatch, "export", model, "--to", "onnx", "--out", str(tmp_path / "x.onnx"), "--json") == 1

    said = capsys.readouterr()
    assert json.loads(said.out)["passed"] is False
    assert "beyond tolerance and was not kept" in said.err
    assert not (tmp_path / "x.onnx").exists()


def test_an_unknown_form_is_exit_code_2(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "export", model, "--to", "tflite", "--out", str(tmp_path / "x")) == 2

    assert capsys.readouterr().err == "onelook: --to: expected onnx, openvino, darknet, got 'tflite'\n"


def test_ap_is_what_eval_says_of_the_same_pictures_and_what_nobody_labelled_does_not_count(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Pictures are large enough to be reduced in decoding, and labelled with what the model is surest of."""
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (30, 40, 3), dtype=np.uint8)
        write_jpeg(tmp_path / "pictures" / f"{number}.jpg", cv2.resize(noise, (640, 480)))
    typed = ("predict", model, "pictures", "--labels", "data", "--score", "0.6", "--json")
    assert run(monkeypatch, *typed) == 0
    assert run(monkeypatch, "eval", model, "data", "--json") == 0
    evaluated = json.loads(capsys.readouterr().out.splitlines()[-1])
    write_jpeg(tmp_path / "data" / "images" / "unlabelled.jpg", np.zeros((48, 64, 3), np.uint8))

    assert run(monkeypatch, "export", model, "--to", "onnx", "--out", "x.onnx", "--data", "data", "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert 0 < evaluated["ap50"] < 1
    assert (told["images"], told["labelled"]) == (3, True)
    assert told["source_ap50"] == pytest.approx(evaluated["ap50"], abs=1e-4)
    assert told["source_ap"] == pytest.approx(evaluated["ap"], abs=1e-4)
