"""Darknet's update rule: five updates of the original's training, and what decays."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.models.darknet.cases import CASES, Case, load_case

from onelook.models.network import Network
from onelook.structures.network.cfg import parse_cfg
from onelook.training.recipe.darknet_rates import read_rates
from onelook.training.recipe.darknet_update import weights_in_files
from onelook.training.recipe.layer_rates import parameter_groups

NEVER_CLEARED = ("route", "upsample", "avgpool")
"""Layers in which the original forgets to clear what pushed them before: gradients of earlier parts stay. Not imitated by
us, but by this test, so that what follows can be compared."""

NEVER_UPDATED = "connected"
"""Weights of [connected] never change in the original. Likewise."""


def darknet_optimizer(network: torch.nn.Module, rate: float, momentum: float, decay: float) -> torch.optim.SGD:
    """Return what the darknet recipe trains with."""
    return torch.optim.SGD(parameter_groups(network, weights_in_files(network), decay, {}), rate, momentum)


def imitate_what_stays(case: Case) -> None:
    def remember(index: int) -> object:
        kept: list[torch.Tensor] = []

        def add(slope: torch.Tensor) -> torch.Tensor:
            kept.append(slope + kept.pop() if kept else slope)
            return kept[0]

        def hook(_: object, __: object, output: torch.Tensor) -> torch.Tensor:
            again = output.clone()
            again.register_hook(add)
            return again

        return hook

    for layer, module in zip(case.network.layers, case.network.sections, strict=True):
        if layer.kind in NEVER_CLEARED:
            module.register_forward_hook(remember(layer.index))
        if layer.kind == NEVER_UPDATED:
            module.requires_grad_(False)


@pytest.mark.parametrize("name", CASES)
def test_weights_and_losses_go_where_the_original_s_went(shared: Path, name: str) -> None:
    case = load_case(shared, name)
    imitate_what_stays(case)
    net = case.network.cfg.net
    rates, optimizer = (
        read_rates(net),
        darknet_optimizer(case.network, 0, net.number("momentum", 0), net.number("decay", 0)),
    )
    for batch, facts in enumerate(case.facts["iterations"], start=1):
        rate = rates.at(batch)
        for group in optimizer.param_groups:
            group["lr"] = rate
        total = 0.0
        for loss in case.losses():
            (loss / case.parts).backward()
            total += loss.item() / case.parts
        optimizer.step()
        optimizer.zero_grad()

        assert rate == pytest.approx(facts["rate_used"], rel=1e-6)
        assert total == pytest.approx(facts["loss"], rel=3e-3 if batch > 2 else 1e-5)
        if batch == 1:
            ours, theirs = case.network.arrays(), case.weights(1)
            for array, values in theirs.items():
                np.testing.assert_allclose(ours[array], values, rtol=1e-5, atol=5e-6, err_msg=array)
        if batch == 2 and name == "resnet_ops":
            break  # its [shortcut] keeps what stays in another form


def test_only_what_weights_files_call_weights_decays() -> None:
    sections = (
        "[convolutional]\nfilters=3\nbatch_normalize=1\nactivation=linear\n"
        "[shortcut]\nfrom=-1\nweights_type=per_feature\n[connected]\noutput=2\n"
    )
    network = Network(parse_cfg("[net]\nwidth=4\nheight=4\n" + sections))

    decaying, others = darknet_optimizer(network, 0.1, 0.9, 0.0005).param_groups

    assert [tuple(each.shape) for each in decaying["params"]] == [(3, 3, 1, 1), (2,), (2, 48)]
    assert (decaying["weight_decay"], others["weight_decay"]) == (0.0005, 0)
    assert len(others["params"]) == 3


def test_two_updates_by_hand() -> None:
    """A weight of 1, pushed by -1 each time: u = -1 - 0.1, then 0.5 u - 1 - 0.1 w."""
    network = Network(parse_cfg("[net]\nwidth=1\nheight=1\n[implicit]\nfilters=1\n"))
    (weight,) = network.parameters()
    weight.data.fill_(1)
    optimizer = darknet_optimizer(network, 0.01, 0.5, 0.1)
    for _ in range(2):
        optimizer.zero_grad()
        weight.sum().backward()
        optimizer.step()

    first = 1 - 0.01 * 1.1
    assert weight.item() == pytest.approx(first - 0.01 * (0.5 * 1.1 + 1 + 0.1 * first))
