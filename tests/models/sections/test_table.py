"""Every section, option and activation against what the original program computed, and its weights byte for byte."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from onelook.models.network import Network
from onelook.models.sections.table import MODULES
from onelook.structures.network.cfg import parse_cfg, read_cfg
from onelook.structures.network.sections.table import SECTIONS
from onelook.structures.network.weights_file import read_weights, split_weights, write_weights

TOLERANCE = 1e-5
"""Times the largest number of the output, or 1."""

NOT_COMPUTED = "act_relu6"
"""The original's CPU code has no case for relu6 and gives zeros; ours clamps to 0..6 as its GPU code does."""


def reference_cases() -> list[str]:
    folder = Path(__file__).resolve().parents[4] / "shared" / "reference" / "layers"
    return sorted(path.stem for path in folder.glob("*.cfg")) or ["absent"]


def loaded(folder: Path, name: str) -> Network:
    network = Network(read_cfg(folder / f"{name}.cfg")).eval()
    network.load(split_weights(read_weights(folder / f"{name}.weights"), network.layers))
    return network


def outputs(network: Network, image: np.ndarray) -> list[np.ndarray]:
    """Return what every layer gives for one image (c, h, w)."""
    seen: list[np.ndarray] = []
    hooks = [
        module.register_forward_hook(lambda _, __, output: seen.append(output[0].numpy().copy()))
        for module in network.sections
    ]
    with torch.no_grad():
        network.raw_outputs(torch.from_numpy(image)[None])
    for hook in hooks:
        hook.remove()
    return seen


@pytest.mark.parametrize("name", reference_cases())
def test_a_layer_computes_what_the_original_computed(shared: Path, tmp_path: Path, name: str) -> None:
    folder = shared / "reference" / "layers"
    network, stored = loaded(folder, name), np.load(folder / f"{name}.npz")
    found = outputs(network, stored["input"])
    heads = {layer.index for layer in network.layers if layer.is_head}
    expected = {int(key[5:]): stored[key] for key in stored if key.startswith("layer")}
    last = max(layer.index for layer in network.layers if layer.kind != "cost")
    if last not in heads:  # what heads give is compared where they are decoded
        expected[last] = stored["out"]

    write_weights(tmp_path / "out.weights", network.layers, network.arrays())

    assert (tmp_path / "out.weights").read_bytes()[20:] == (folder / f"{name}.weights").read_bytes()[20:]
    for index, numbers in expected.items():
        if index in heads:
            continue
        if name == NOT_COMPUTED:
            assert not numbers.any() and found[index].max() > 1
            continue
        difference = np.abs(found[index].reshape(-1) - numbers.reshape(-1)).max()
        assert difference <= TOLERANCE * max(1, np.abs(numbers).max()), network.layers[index].name


def test_every_described_section_has_a_module() -> None:
    assert set(MODULES) == set(SECTIONS)


def test_all_153_networks_are_at_hand(shared: Path) -> None:
    index = json.loads((shared / "reference" / "layers" / "index.json").read_text())

    assert reference_cases() == sorted(index["cases"])
    assert len(index["cases"]) == 153


NET = "[net]\nwidth=16\nheight=12\n"


def network_of(text: str) -> Network:
    torch.manual_seed(0)
    return Network(parse_cfg(NET + text, "some.cfg"))


def image(width: int = 16, height: int = 12, images: int = 1) -> torch.Tensor:
    return torch.rand(images, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("window", ["size=2\nstride=2", "size=2\nstride=1", "size=3\nstride=2", "size=5\nstride=1"])
@pytest.mark.parametrize("kind", ["maxpool", "local_avgpool"])
def test_a_window_fits_inputs_of_another_size_too(kind: str, window: str) -> None:
    text = f"[{kind}]\n{window}\n"
    other = Network(parse_cfg(f"[net]\nwidth=13\nheight=15\n{text}")).eval()

    with torch.no_grad():
        outs = [network.raw_outputs(image(13, 15))[0] for network in (network_of(text).eval(), other)]

    assert outs[0].shape[1:] == other.layers[0].out_shape
    torch.testing.assert_close(outs[0], outs[1])


def test_shared_weights_are_one_set_of_parameters_also_in_a_copy() -> None:
    conv = "filters=3\nsize=3\npad=1\nbatch_normalize=1\nactivation=leaky\n"
    network = network_of(f"[convolutional]\n{conv}[convolutional]\nshare_index=0\n{conv}dilation=2\n")
    copied = copy.deepcopy(network)
    with torch.no_grad():
        copied.sections[0].conv.weight.zero_()

    assert len(list(network.parameters())) == 3
    assert len(network.state_dict()) == 6
    with torch.no_grad():
        assert copied.eval().raw_outputs(image())[0].abs().max() == 0, "the copy's second layer uses the copy's first"
        assert network.eval().raw_outputs(image())[0].abs().max() > 0


def test_dropout_and_dropblock_drop_only_while_training() -> None:
    for options in ("probability=.5\n", "probability=.5\ndropblock=1\ndropblock_size_abs=3\n"):
        network = network_of(f"[dropout]\n{options}")
        torch.manual_seed(1)
        dropped = network.train().raw_outputs(image())[0]

        assert 0.2 < (dropped == 0).float().mean() < 0.8, options
        assert torch.equal(network.eval().raw_outputs(image())[0], image())


def test_dropblock_drops_whole_squares_and_keeps_the_mean() -> None:
    network = network_of("[dropout]\nprobability=.2\ndropblock=1\ndropblock_size_rel=.25\n").train()
    torch.manual_seed(0)
    dropped = network.raw_outputs(torch.ones(64, 3, 12, 16))[0]
    gone = (dropped == 0).float()
    runs = torch.nn.functional.avg_pool2d(gone, 4, 1).amax((2, 3))

    assert ((runs == 1) == (gone.amax((2, 3)) == 1)).all(), "where something is gone, a square of 4 x 4 is"
    assert dropped.mean().item() == pytest.approx(1, abs=0.01)
    assert gone.mean().item() == pytest.approx(0.2, abs=0.06)


def test_a_crop_moves_and_mirrors_only_while_training() -> None:
    network = network_of("[crop]\ncrop_width=10\ncrop_height=8\nflip=1\nnoadjust=1\n")
    middle = image()[:, :, 2:10, 3:13]

    torch.manual_seed(0)
    crops = [network.train().raw_outputs(image())[0] for _ in range(8)]

    assert torch.equal(network.eval().raw_outputs(image())[0], middle)
    assert len({tuple(crop.flatten().tolist()) for crop in crops}) > 4


def test_an_activation_of_its_own_leaves_what_others_take_as_it_was() -> None:
    network = network_of(
        "[convolutional]\nfilters=2\nactivation=linear\n[activation]\nactivation=relu\n[route]\nlayers=0\n"
    )

    with torch.no_grad():
        assert network.eval().raw_outputs(image())[0].min() < 0


def test_a_layer_that_something_later_takes_survives_what_is_freed() -> None:
    network = network_of("[empty]\n[maxpool]\nstride=2\n[upsample]\n[route]\nlayers=0,-1\n[route]\nlayers=0\n").eval()

    assert torch.equal(network.raw_outputs(image())[0], image())


@pytest.mark.parametrize("how", ["none", "relu", "softmax"])
def test_the_weights_of_a_shortcut_learn(how: str) -> None:
    network = network_of(
        "[convolutional]\nfilters=3\nactivation=linear\n"
        f"[empty]\n[shortcut]\nfrom=-2\nweights_type=per_channel\nweights_normalization={how}\n"
    )
    network.sections[2].weight.data[1] = 2

    network.train().raw_outputs(image())[0].square().sum().backward()

    assert network.sections[2].weight.grad.abs().min() > 0


def test_every_activation_has_a_slope_that_is_finite() -> None:
    from onelook.models.activations import ACTIVATIONS

    for name, make in ACTIVATIONS.items():
        x = (torch.linspace(-30, 30, 120).view(1, 4, 5, 6)).requires_grad_()
        module: nn.Module = make()
        module(x * 1).sum().backward()
        assert torch.isfinite(x.grad).all(), name
