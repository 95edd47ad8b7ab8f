"""`onelook summary`: layers, parameters and operations of known names and cfg files."""

import json
import sys
from pathlib import Path

import pytest
from tests.structures.small_models import CFG

from onelook.cli.main import main


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    """Return the exit code of `onelook summary WORDS`."""
    monkeypatch.setattr(sys, "argv", ["onelook", "summary", *words])
    with pytest.raises(SystemExit) as caught:
        main()
    return int(caught.value.code or 0)


@pytest.mark.parametrize(
    ("name", "parameters", "billions", "layers"),
    [
        ("yolov3-tiny", 8_858_734, 5.571, 24),
        ("yolov3", 62_001_757, 65.879, 107),
        ("yolov4-tiny", 6_062_814, 6.910, 38),
        ("yolov4", 64_429_405, 60.137, 162),
    ],
)
def test_known_networks_have_darknet_s_numbers(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    parameters: int,
    billions: float,
    layers: int,
) -> None:
    assert run(monkeypatch, name, "--json") == 0

    told = json.loads(capsys.readouterr().out)
    scale = told["width"] * told["height"] / 416**2
    assert told["parameters"] == parameters
    assert told["flops"] / 1e9 == pytest.approx(billions * scale, abs=1e-3 * scale)
    assert len(told["layers"]) == layers


def test_a_cfg_is_shown_as_a_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.cfg").write_text(CFG)

    assert run(monkeypatch, str(tmp_path / "small.cfg")) == 0

    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5
    assert lines[0].split() == ["#", "kind", "from", "options", "input", "output", "parameters", "MFLOPs"]
    assert "filters=8 size=3 stride=4" in lines[1]
    assert "8x12x16" in lines[1]
    assert "at 64 x 48: 3 layers, 374 parameters, 0.000 BFLOPs an image, memory for one image" in lines[-1]


def test_layers_have_shapes_and_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "small.cfg").write_text(CFG)

    assert run(monkeypatch, str(tmp_path / "small.cfg"), "--json") == 0

    first = json.loads(capsys.readouterr().out)["layers"][0]
    assert (first["kind"], first["input"], first["output"]) == ("convolutional", [3, 48, 64], [8, 12, 16])
    assert (first["parameters"], first["flops"]) == (8 * 4 + 8 * 27, 2 * 27 * 8 * 12 * 16)
    assert first["options"]["activation"] == "leaky"


def test_an_unknown_name_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "yolov3-tini") == 2

    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "did you mean 'yolov3-tiny'" in said


def test_a_classifier_by_name_has_its_published_parameters_operations_and_memory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "resnet18", "--json") == 0

    told = json.loads(capsys.readouterr().out)
    assert told["parameters"] == 11_689_512
    assert told["flops"] / 2e9 == pytest.approx(1.815, abs=0.01)
    assert 4 * told["parameters"] < told["memory_forward"] < told["memory_backward"]
    assert told["layers"][-1]["output"] == [1000]
