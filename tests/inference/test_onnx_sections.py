"""Every section, option and activation in ONNX Runtime against what the original program computed."""

from pathlib import Path

import numpy as np
import pytest

from onelook.inference.onnx_activations import ACTIVATIONS
from onelook.inference.onnx_graph import onnx_model
from onelook.inference.onnx_sections.table import SECTIONS
from onelook.inference.runtime import OnnxRuntime
from onelook.structures.network import activations
from onelook.structures.network.cfg import parse_cfg, read_cfg
from onelook.structures.network.layers import describe
from onelook.structures.network.sections import table
from onelook.structures.network.weights_file import read_weights, split_weights


def reference_cases() -> list[str]:
    folder = Path(__file__).resolve().parents[3] / "shared" / "reference" / "layers"
    return sorted(path.stem for path in folder.glob("*.cfg")) or ["absent"]


@pytest.mark.parametrize("name", reference_cases())
def test_a_network_gives_in_onnx_runtime_what_it_gave_in_the_original(shared: Path, name: str) -> None:
    folder = shared / "reference" / "layers"
    layers, stored = describe(read_cfg(folder / f"{name}.cfg")), np.load(folder / f"{name}.npz")
    arrays = split_weights(read_weights(folder / f"{name}.weights"), layers)
    runtime = OnnxRuntime(onnx_model(layers, arrays, "float32").SerializeToString(), threads=1)

    found = runtime.run(stored["input"][None])

    heads = [layer.index for layer in layers if layer.is_head]
    expected = [stored[f"layer{index - 1}"] for index in heads if f"layer{index - 1}" in stored] or [stored["out"]]
    for numbers, reference in zip(found, expected, strict=False):
        if name == "act_relu6":  # the original's CPU code gives zeros, see tests/models/sections
            continue
        difference = np.abs(numbers.reshape(-1) - reference.reshape(-1)).max()
        assert difference <= 1e-5 * max(1, np.abs(reference).max())


def test_every_described_section_and_activation_has_its_nodes() -> None:
    assert set(SECTIONS) == set(table.SECTIONS)
    assert set(ACTIVATIONS) == set(activations.ACTIVATIONS)


def test_numbers_that_depend_on_no_input_come_once_an_image() -> None:
    layers = describe(parse_cfg("[net]\nwidth=4\nheight=4\n[implicit]\nfilters=2\n"))
    weights = {"0.weights": np.asarray([3, 5], np.float32)}
    runtime = OnnxRuntime(onnx_model(layers, weights, "float32").SerializeToString(), threads=1)

    (found,) = runtime.run(np.zeros((3, 3, 4, 4), np.float32))

    assert found.reshape(3, 2).tolist() == [[3, 5]] * 3


def test_the_largest_of_every_so_manieth_channel_where_they_do_not_divide() -> None:
    layers = describe(parse_cfg("[net]\nwidth=1\nheight=1\n[maxpool]\nmaxpool_depth=1\nout_channels=2\n"))
    runtime = OnnxRuntime(onnx_model(layers, {}, "float32").SerializeToString(), threads=1)

    (found,) = runtime.run(np.asarray([-3, -2, -1], np.float32).reshape(1, 3, 1, 1))

    assert found.reshape(-1).tolist() == [-1, -2]
