"""Which runtime is taken, by name and by itself."""

from pathlib import Path

import pytest
from tests.structures.small_models import small_bundle

from onelook.inference import openvino_runtime, runtimes
from onelook.inference.model import load
from onelook.inference.runtime import CPU, CUDA
from onelook.inference.runtimes import FEW, RUNTIMES, installed, quickest
from onelook.structures.errors import UserError


def taken(name: str | None = None) -> str:
    """Return what the small model's runtime says of itself."""
    return load(small_bundle(), threads=1, runtime=name).runtime.description


def test_onnx_runtime_is_always_there() -> None:
    assert "onnxruntime" in installed()
    assert taken("onnxruntime").startswith("ONNX Runtime ")


def test_openvino_is_taken_by_itself_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino", reason="OPENVINO ABSENT: it was not taken")
    assert taken().startswith("OpenVINO ")

    monkeypatch.setattr(openvino_runtime, "is_installed", lambda: False)
    assert taken().startswith("ONNX Runtime ")
    with pytest.raises(
        UserError, match=r"--runtime: expected one that is installed \(.*\), got 'openvino'; pip install"
    ):
        taken("openvino")


def test_a_gpu_that_does_not_start_is_passed_over_but_not_when_it_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runtimes, "onnx_providers", lambda: [CPU, CUDA])
    assert "CPU" in taken()

    with pytest.raises(UserError, match="CUDAExecutionProvider"):
        taken("cuda")


def test_an_unknown_name_is_told_with_the_nearest() -> None:
    with pytest.raises(UserError, match=r"--runtime: expected one of .*, got 'openvin'; did you mean 'openvino'"):
        taken("openvin")


def test_a_runtime_that_is_not_installed_is_told_with_the_way_to_it() -> None:
    for name in set(RUNTIMES) - set(installed()):
        with pytest.raises(UserError, match=f"got '{name}'; pip install"):
            taken(name)


def test_few_pictures_are_left_to_the_runtime_that_starts_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtimes, "installed", lambda: ["onnxruntime", "openvino"])
    cfg, xml = Path("x.cfg"), Path("x.xml")

    assert [quickest(cfg, pictures) for pictures in (1, FEW, FEW + 1, None)] == ["onnxruntime"] * 2 + [None] * 2
    assert quickest(xml, 1) is None  # OpenVINO's own form
    monkeypatch.setattr(runtimes, "installed", lambda: ["onnxruntime", "cuda"])
    assert quickest(cfg, 1) is None
