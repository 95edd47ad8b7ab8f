"""Which runtime is taken, by name and by itself."""

import pytest
from tests.structures.small_models import small_bundle

from onelook.inference import openvino_runtime, runtimes
from onelook.inference.model import load
from onelook.inference.runtime import CPU, CUDA
from onelook.inference.runtimes import RUNTIMES, installed
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
