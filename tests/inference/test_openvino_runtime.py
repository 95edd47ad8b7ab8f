"""OpenVINO: the same numbers as ONNX Runtime, several threads, errors, what it says of itself."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.structures.small_models import small_bundle

from onelook.inference import openvino_runtime
from onelook.inference.onnx_graph import onnx_model
from onelook.inference.runtime import OnnxRuntime
from onelook.structures.errors import FormatError, UserError

pytest.importorskip("openvino", reason="OPENVINO ABSENT: it was not compared")

PIXELS = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def serialised() -> bytes:
    bundle = small_bundle()
    return bytes(onnx_model(bundle.layers(), bundle.arrays).SerializeToString())


def test_it_computes_what_onnx_runtime_does_for_any_number_of_images(serialised: bytes) -> None:
    ours, theirs = openvino_runtime.OpenVinoRuntime(serialised, 1), OnnxRuntime(serialised, 1)

    for count in (1, 3):
        (found,), (expected,) = ours.run(PIXELS[:count]), theirs.run(PIXELS[:count])
        assert found.shape == (count, 14, 12, 16)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_an_answer_stays_when_the_next_image_is_computed(serialised: bytes) -> None:
    runtime = openvino_runtime.OpenVinoRuntime(serialised, 1)
    first = runtime.run(PIXELS[:1])[0]
    kept = first.copy()

    runtime.run(PIXELS[1:2])

    np.testing.assert_array_equal(first, kept)


def test_pixels_that_may_not_be_written_or_lie_otherwise_are_taken(serialised: bytes) -> None:
    runtime = openvino_runtime.OpenVinoRuntime(serialised, 1)
    kept = PIXELS[:1].copy()
    kept.flags.writeable = False
    across = np.asfortranarray(PIXELS[:1])

    for pixels in (kept, across):
        np.testing.assert_array_equal(runtime.run(pixels)[0], runtime.run(PIXELS[:1])[0])


def test_threads_share_it_and_each_gets_its_own_answer(serialised: bytes) -> None:
    runtime = openvino_runtime.OpenVinoRuntime(serialised, 1)
    expected = [runtime.run(PIXELS[row : row + 1])[0] for row in range(3)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda row: runtime.run(PIXELS[row % 3 : row % 3 + 1])[0], range(60)))

    for row, each in enumerate(found):
        np.testing.assert_array_equal(each, expected[row % 3])


def test_it_says_what_computes_and_how_exactly(serialised: bytes) -> None:
    assert openvino_runtime.OpenVinoRuntime(serialised).description.startswith("OpenVINO 20")
    described = openvino_runtime.OpenVinoRuntime(serialised, 1, precision="bf16").description
    assert described.endswith("(CPU, bfloat16, threads: 1)")


@pytest.mark.parametrize("data", [b"", b"no model", b"\x08"])
def test_bytes_that_are_no_model_are_one_line(data: bytes) -> None:
    with pytest.raises(FormatError, match=r"some\.onnx: expected a model that OpenVINO runs, got: \S") as caught:
        openvino_runtime.OpenVinoRuntime(data, where="some.onnx")

    assert "\n" not in str(caught.value)


def test_no_thread_at_all_is_refused(serialised: bytes) -> None:
    with pytest.raises(UserError, match="threads: expected at least 1, got 0"):
        openvino_runtime.OpenVinoRuntime(serialised, 0)
