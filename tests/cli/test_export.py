"""`onelook export`: files, the stated difference, exit codes."""

import json
import sys
from pathlib import Path

import pytest
from tests.structures.small_models import small_bundle

from onelook.cli.main import main
from onelook.inference import gate
from onelook.inference.gate import Tolerance
from onelook.structures.bundle import write_bundle


@pytest.fixture
def model(tmp_path: Path) -> str:
    """Write the small model and return its folder."""
    write_bundle(tmp_path / "model", small_bundle())
    return str(tmp_path / "model")


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Return the exit code of `onelook export WORDS`."""
    monkeypatch.setattr(sys, "argv", ["onelook", "export", *words])
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
    assert run(monkeypatch, model, "--to", to, "--out", str(tmp_path / out), "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert len(told["files"]) == count
    assert all(Path(file).is_file() for file in told["files"])
    assert (told["passed"], told["images"], told["missing"]) == (True, 3, 0)
    assert told["score_difference"] < 1e-3


def test_people_are_told_in_words(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, model, "--to", "onnx", "--out", str(tmp_path / "x.onnx")) == 0

    first, second = capsys.readouterr().out.splitlines()
    assert first == f"wrote {tmp_path / 'x.onnx'}"
    assert second.startswith(f"compared with {model}: 3 pictures, ")


def test_an_export_that_differs_is_exit_code_1(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(gate, "EXACT", Tolerance(score=-1))

    assert run(monkeypatch, model, "--to", "onnx", "--out", str(tmp_path / "x.onnx"), "--json") == 1

    said = capsys.readouterr()
    assert json.loads(said.out)["passed"] is False
    assert "beyond tolerance and was not kept" in said.err
    assert not (tmp_path / "x.onnx").exists()


def test_an_unknown_form_is_exit_code_2(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, model, "--to", "tflite", "--out", str(tmp_path / "x")) == 2

    assert capsys.readouterr().err == "onelook: --to: expected onnx, openvino, darknet, got 'tflite'\n"
