"""INT8 from the user's pictures, kept only when it finds the same."""

from pathlib import Path

import numpy as np
import pytest
from tests.structures.small_models import small_bundle

import onelook
from onelook.inference.export import Proof, export, generated_pictures
from onelook.inference.gate import INT8, GateError, Tolerance
from onelook.inference.quantising import spread
from onelook.structures.errors import UserError


@pytest.fixture
def _nncf() -> None:
    pytest.importorskip("openvino", reason="OPENVINO ABSENT: INT8 was not made")
    pytest.importorskip("nncf", reason="NNCF ABSENT: INT8 was not made")


@pytest.mark.usefixtures("_nncf")
def test_int8_is_another_computation_that_finds_much_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures = generated_pictures()
    written = export(small_bundle(), "openvino", tmp_path / "x.xml", Proof(pictures, tolerance=INT8), pictures)

    assert 1e-4 < written.difference.score < 1
    assert "FakeQuantize" in (tmp_path / "x.xml").read_text()
    assert len(onelook.load(tmp_path / "x.xml").predict(pictures[0])) > 0
    assert capsys.readouterr().out == ""

    with pytest.raises(GateError, match="beyond tolerance"):
        export(small_bundle(), "openvino", tmp_path / "y.xml", Proof(pictures, tolerance=Tolerance()), pictures)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.bin", "x.xml"]


def test_int8_is_openvino_s_alone(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--int8: expected --to openvino, which computes it faster, got --to onnx"):
        export(small_bundle(), "onnx", tmp_path / "x.onnx", calibration=generated_pictures())


def test_pictures_are_spread_over_all() -> None:
    assert spread(5, 10) == [0, 1, 2, 3, 4]
    assert spread(101, 3) == [0, 50, 100]
    assert spread(0) == []
    assert len(spread(1000, 300)) == 300 and np.ptp(spread(1000, 300)) == 999
