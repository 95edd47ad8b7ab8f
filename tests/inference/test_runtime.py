"""ONNX Runtime: threads, errors, what it says of itself."""

import numpy as np
import pytest
from tests.structures.small_models import small_bundle

from onelook.inference.onnx_graph import onnx_model
from onelook.inference.runtime import OnnxRuntime
from onelook.structures.errors import FormatError, UserError

PIXELS = np.random.default_rng(0).integers(0, 256, (1, 48, 64, 3), dtype=np.uint8)


def serialised() -> bytes:
    bundle = small_bundle()
    return bytes(onnx_model(bundle.layers(), bundle.arrays).SerializeToString())


def test_outputs_do_not_depend_on_threads_or_optimisation() -> None:
    runs = [
        OnnxRuntime(serialised(), threads, optimise).run(PIXELS)[0] for threads, optimise in [(1, True), (2, False)]
    ]

    assert runs[0].dtype == np.float32
    np.testing.assert_allclose(runs[0], runs[1], rtol=1e-4, atol=1e-4)


def test_it_says_what_computes() -> None:
    assert OnnxRuntime(serialised(), 1).description.startswith("ONNX Runtime ")
    assert "threads: 1" in OnnxRuntime(serialised(), 1).description


def test_no_thread_at_all_is_refused() -> None:
    with pytest.raises(UserError, match="threads: expected at least 1, got 0"):
        OnnxRuntime(serialised(), 0)


@pytest.mark.parametrize("data", [b"", b"no model", b"\x08"])
def test_bytes_that_are_no_model_are_one_line(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"some\.onnx: expected an ONNX model that runs") as caught:
        OnnxRuntime(data, where="some.onnx")

    assert "\n" not in str(caught.value)
