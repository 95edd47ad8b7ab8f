"""A [shortcut] of another size: torch, ONNX Runtime, a plain loop, and the original of 2018, whose reading it is."""

import ctypes
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from onelook.inference.onnx_graph import onnx_model
from onelook.inference.runtime import OnnxRuntime
from onelook.models.network import Network
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.cost import flops
from onelook.structures.network.layers import describe
from onelook.structures.network.weights_file import write_weights

ORIGINAL = Path("/usr/lib/darknet/libdarknet.so")

DOWN = """[convolutional]
filters={channels}
size=3
stride={stride}
pad=1
activation=leaky
"""
STRIDED = DOWN + "[shortcut]\nfrom=0\nactivation=linear\n"
SAMPLED = DOWN + "[upsample]\nstride={stride}\n[shortcut]\nfrom=1\nactivation=leaky\n"
"""The sum of a layer and one that is smaller than it."""
CASES = [
    pytest.param(
        form.format(channels=channels, stride=stride), size, id=f"{name} {stride}, {channels} channels, {size}"
    )
    for name, form in (("stride", STRIDED), ("sample", SAMPLED))
    for channels, stride, size in ((4, 2, (12, 8)), (7, 2, (12, 8)), (3, 3, (18, 12)), (5, 2, (13, 9)))
]


def cfg_of(sections: str, size: tuple[int, int]) -> str:
    width, height = size
    first = "[convolutional]\nfilters=4\nsize=1\nactivation=linear\n"
    return f"[net]\nbatch=1\nwidth={width}\nheight={height}\nchannels=3\n{first}{sections}"


def seeded(text: str) -> tuple[Network, NDArray[np.float32]]:
    """Return the network with random weights, and an input (1, 3, h, w)."""
    torch.manual_seed(3)
    network = Network(parse_cfg(text)).eval()
    _, height, width = network.layers[0].in_shapes[0]
    return network, np.random.default_rng(4).normal(size=(1, 3, height, width)).astype(np.float32)


def by_hand(own: NDArray[np.float32], added: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum (c, h, w), place by place."""
    out = own.copy()
    stride, sample = max(1, added.shape[2] // own.shape[2]), max(1, own.shape[2] // added.shape[2])
    for k in range(min(own.shape[0], added.shape[0])):
        for j in range(min(own.shape[1], added.shape[1])):
            for i in range(min(own.shape[2], added.shape[2])):
                out[k, j * sample, i * sample] += added[k, j * stride, i * stride]
    return out


@pytest.mark.parametrize(("sections", "size"), CASES)
def test_a_shortcut_of_another_size_adds_every_so_manieth_place(sections: str, size: tuple[int, int]) -> None:
    network, image = seeded(cfg_of(sections, size))
    seen: list[tuple[Tensor, ...]] = []
    network.sections[-1].register_forward_hook(lambda _, inputs, out: seen.append((*inputs, out)))

    with torch.no_grad():
        network.raw_outputs(torch.from_numpy(image))
    runtime = OnnxRuntime(onnx_model(network.layers, network.arrays(), "float32").SerializeToString(), threads=1)

    own, added, out = (each[0].numpy() for each in seen[0])
    expected = by_hand(own, added)
    expected = np.where(expected > 0, expected, expected * np.float32(0.1)) if "upsample" in sections else expected
    assert own.shape[1:] != added.shape[1:]
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(runtime.run(image)[0].reshape(expected.shape), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("sections", "size"), CASES)
def test_the_original_adds_the_same(sections: str, size: tuple[int, int], tmp_path: Path) -> None:
    if not ORIGINAL.is_file():
        pytest.skip("ORIGINAL DARKNET ABSENT: `apt-get install darknet` brings it; this comparison was not made")
    network, image = seeded(cfg_of(sections, size))
    (tmp_path / "small.cfg").write_text(cfg_of(sections, size))
    write_weights(tmp_path / "small.weights", network.layers, network.arrays(), 0)
    shape = network.layers[-1].out_shape

    original = ctypes.CDLL(str(ORIGINAL))
    torch.set_flush_denormal(False)  # a library built with -Ofast turns it on for the whole process
    original.load_network.restype = ctypes.c_void_p
    original.network_predict.restype = ctypes.POINTER(ctypes.c_float * int(np.prod(shape)))
    loaded = original.load_network(
        str(tmp_path / "small.cfg").encode(), str(tmp_path / "small.weights").encode(), ctypes.c_int(0)
    )
    pixels = image.ctypes.data_as(ctypes.POINTER(ctypes.c_float))
    theirs = np.array(original.network_predict(ctypes.c_void_p(loaded), pixels).contents).reshape(shape)

    with torch.no_grad():
        ours = network.raw_outputs(torch.from_numpy(image))[0][0].numpy()
    np.testing.assert_allclose(ours.reshape(shape), theirs, rtol=1e-5, atol=1e-5)


def test_what_a_strided_shortcut_adds_learns() -> None:
    network, image = seeded(cfg_of(CASES[0].values[0], (12, 8)))  # type: ignore[arg-type]

    network.train().raw_outputs(torch.from_numpy(image))[0].square().sum().backward()

    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in network.parameters())


def test_a_strided_shortcut_costs_the_sums_that_it_makes() -> None:
    layers = describe(parse_cfg(cfg_of("[maxpool]\nstride=2\n[upsample]\nstride=4\n[shortcut]\nfrom=0\n", (12, 8))))

    assert flops(layers[-1]) == 4 * 12 * 8
