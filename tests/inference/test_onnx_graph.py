"""Networks as ONNX: every section by hand or against the original Darknet, and the model's outer form."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from google.protobuf.message import Message
from tests.structures.small_models import darknet_case, random_arrays, small_bundle

from onelook.inference.onnx_activations import ACTIVATIONS
from onelook.inference.onnx_graph import SECTIONS, onnx_model
from onelook.structures.network import layers as described
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.layers import Layer, describe

NET = "[net]\nwidth=6\nheight=5\nchannels=2\n"
X = np.random.default_rng(0).random((1, 2, 5, 6), dtype=np.float32)


def outputs_of(model: Message, images: np.ndarray) -> list[np.ndarray]:
    data = model.SerializeToString()
    onnx.checker.check_model(data, full_check=True)
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return [np.asarray(output) for output in session.run(None, {"images": images})]


def computed(sections: str, arrays: dict[str, np.ndarray] | None = None, images: np.ndarray = X) -> np.ndarray:
    layers = describe(parse_cfg(NET + sections))
    return outputs_of(onnx_model(layers, arrays or random_arrays(layers), "float32"), images)[0]


def test_every_section_that_has_a_shape_has_nodes() -> None:
    assert set(SECTIONS) == set(described.SECTIONS)


def test_batch_normalisation_is_folded_with_its_epsilon_inside_the_root() -> None:
    arrays = {
        "0.weights": np.ones((1, 2, 1, 1), np.float32),
        "0.biases": np.float32([3]),
        "0.scales": np.float32([2]),
        "0.rolling_mean": np.float32([0.5]),
        "0.rolling_variance": np.float32([1e-5]),
    }

    y = computed("[convolutional]\nbatch_normalize=1\nactivation=linear", arrays)

    np.testing.assert_allclose(y, (X.sum(1, keepdims=True) - 0.5) * 2 / np.sqrt(2e-5) + 3, rtol=1e-4, atol=1e-3)


def test_a_maximum_is_padded_after_with_what_is_never_the_maximum() -> None:
    y = computed("[maxpool]\nsize=2\nstride=1", images=X - 5)

    padded = np.pad(X - 5, ((0, 0), (0, 0), (0, 1), (0, 1)), constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (2, 2), axis=(2, 3))
    np.testing.assert_array_equal(y, windows.max(axis=(4, 5)))


def test_routes_take_groups_and_keep_their_order() -> None:
    y = computed("[dropout]\n[maxpool]\nsize=1\n[route]\nlayers=0,1\ngroups=2\ngroup_id=1\n[route]\nlayers=-1,0")

    np.testing.assert_array_equal(y, np.concatenate([X[:, 1:], X[:, 1:], X], axis=1))


@pytest.mark.parametrize(("filters", "shared"), [(1, 1), (2, 2), (5, 2)])
def test_a_shortcut_adds_the_channels_that_both_have(filters: int, shared: int) -> None:
    arrays = {"0.weights": np.ones((filters, 2, 1, 1), np.float32), "0.biases": np.zeros(filters, np.float32)}
    arrays |= {"1.weights": np.zeros((2, filters, 1, 1), np.float32), "1.biases": np.float32([10, 20])}
    line = f"[convolutional]\nfilters={filters}\nactivation=linear\n"
    line += "[convolutional]\nfilters=2\nactivation=linear\n[shortcut]\nfrom=0"

    y = computed(line, arrays)

    expected = np.tile(np.float32([10, 20])[None, :, None, None], (1, 1, 5, 6))
    expected[:, :shared] += X.sum(1, keepdims=True)
    np.testing.assert_allclose(y, expected, rtol=1e-5)


def test_upsampling_repeats_and_scales() -> None:
    y = computed("[upsample]\nstride=3\nscale=0.5")

    np.testing.assert_allclose(y, X.repeat(3, 2).repeat(3, 3) / 2, rtol=1e-6)


def test_a_classifier_s_tail_gives_shares_of_one() -> None:
    tail = "[avgpool]\n[connected]\noutput=4\nactivation=linear\n[softmax]\ngroups=2\ntemperature=3\n[cost]\ntype=sse"

    y = computed(tail, images=np.concatenate([X, X * 2]))

    assert y.shape == (2, 4, 1, 1)
    np.testing.assert_allclose(y.reshape(2, 2, 2).sum(axis=2), 1, rtol=1e-6)


def test_an_unknown_activation_is_computed_as_darknet_does() -> None:
    arrays = {"0.weights": np.ones((1, 2, 1, 1), np.float32), "0.biases": np.float32([-1])}

    y = computed("[convolutional]\nfilters=1\nactivation=leeky", arrays)

    np.testing.assert_allclose(y, np.maximum(X.sum(1, keepdims=True) - 1, 0), rtol=1e-5)


def test_bytes_and_numbers_from_0_to_1_give_the_same() -> None:
    bundle = small_bundle()
    pixels = np.random.default_rng(0).integers(0, 256, (2, 48, 64, 3), dtype=np.uint8)

    by_bytes = outputs_of(onnx_model(bundle.layers(), bundle.arrays), pixels)
    planes = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    by_numbers = outputs_of(onnx_model(bundle.layers(), bundle.arrays, "float32"), planes)

    np.testing.assert_allclose(by_bytes[0], by_numbers[0], rtol=1e-4, atol=1e-4)


def test_the_batch_is_free_and_each_image_is_looked_at_alone() -> None:
    bundle = small_bundle()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), dtype=np.uint8)
    model = onnx_model(bundle.layers(), bundle.arrays)

    together = outputs_of(model, pixels)[0]

    assert together.shape == (3, 14, 12, 16)
    np.testing.assert_allclose(together[1:2], outputs_of(model, pixels[1:2])[0], rtol=1e-4, atol=1e-4)


def test_inputs_and_outputs_have_the_promised_names() -> None:
    bundle = small_bundle()
    graph = onnx_model(bundle.layers(), bundle.arrays).graph

    assert [value.name for value in graph.input] == ["images"]
    assert [value.name for value in graph.output] == ["yolo2"]


CASES = """
conv_bn_leaky conv_bias_linear conv_1x1 conv_stride2_odd conv_size11_stride4_pad0 conv_size5
conv_even_kernel_size2 conv_padding2_pad0 conv_pad1_overrides_padding conv_stride_x2_y1 conv_groups2
conv_depthwise conv_groups_1x1 conv_dilation2 conv_dilation3 conv_dilation_ignored_1x1 conv_default_activation
conv_all_defaults conv_bn_tiny_variance maxpool_2_2 maxpool_2_1 maxpool_3_2 maxpool_3_1 maxpool_13_1 maxpool_4_4
maxpool_2_2_odd maxpool_2_1_odd maxpool_3_2_odd maxpool_3_2_padding0 maxpool_2_2_padding0 maxpool_3_2_padding1
maxpool_default_size maxpool_negative_border spp avgpool upsample_2 upsample_4 upsample_scale upsample_default
route_one route_two route_absolute route_four route_groups_id1 route_groups_two_inputs route_groups4_id2
shortcut_linear shortcut_leaky shortcut_mish shortcut_from_has_more_channels shortcut_from_has_fewer_channels
shortcut_multi connected_linear connected_leaky connected_bn dropout softmax_groups1 softmax_groups2
softmax_temperature classifier_cost parse_quirks mini_csp_mish mini_resnext mini_elan_yolov7 act_mish_extreme
act_swish_extreme
"""
"""Nets of reference/layers, beside one for every activation."""

CURVES = [f"act_{name}" for name in ACTIVATIONS if name != "relu6"]  # Darknet's own relu6 gives zeros on a CPU


@pytest.mark.parametrize("name", CASES.split() + CURVES)
def test_a_section_computes_what_darknet_does(shared: Path, name: str) -> None:
    layers, arrays, stored = darknet_case(shared, name)

    y = outputs_of(onnx_model(layers, arrays, "float32"), stored["input"][None])[0]

    expected = stored["out"]
    assert np.abs(y.ravel() - expected.ravel()).max() <= 1e-5 * max(1, np.abs(expected).max())


@pytest.mark.parametrize("name", ["yolo_two_heads", "mini_yolov4_tiny", "mini_panet_3heads"])
def test_each_head_gets_what_darknet_gives_it(shared: Path, name: str) -> None:
    layers, arrays, stored = darknet_case(shared, name)
    heads: list[Layer] = [layer for layer in layers if layer.kind == "yolo"]

    outputs = outputs_of(onnx_model(layers, arrays, "float32"), stored["input"][None])

    for head, output in zip(heads, outputs, strict=True):
        expected = stored[f"layer{head.index - 1}"]
        assert np.abs(output[0] - expected).max() <= 1e-5 * max(1, np.abs(expected).max())
