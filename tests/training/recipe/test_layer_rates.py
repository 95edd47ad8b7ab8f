"""Layers with rates of their own."""

from pathlib import Path

import pytest
import torch
from tests.training.test_loop import begun, run, same_batch

from onelook.structures.errors import UserError
from onelook.training.recipe.layer_rates import SCALE, rate_scales


def scales_of(network: torch.nn.Module, *ranges: str, decay: float = 1.0) -> dict[int, float]:
    """Return the factor of every layer with weights, by its number."""
    scales = rate_scales(network, ranges, decay)
    return {int(name.split(".")[1]): scales[id(weight)] for name, weight in network.named_parameters()}


def test_ranges_and_decay_give_every_layer_its_factor(network: Path) -> None:
    model = begun(network)[0].network

    assert scales_of(model) == {0: 1, 1: 1, 3: 1, 4: 1}
    assert scales_of(model, "0..1:0.1", "4:2") == {0: 0.1, 1: 0.1, 3: 1, 4: 2}
    assert scales_of(model, "..1:0.5", "1..:0.5") == {0: 0.5, 1: 0.25, 3: 0.5, 4: 0.5}
    assert scales_of(model, decay=0.5) == {0: 0.125, 1: 0.25, 3: 0.5, 4: 1}, "dropout, without weights, does not count"


def test_a_layer_of_rate_0_stays_and_one_of_a_tenth_moves_a_tenth(network: Path) -> None:
    moved = {}
    for ranges in ("4:1", "0..1:0,3:0.1"):
        state, settings = begun(network, optimizer="sgd", layer_rates=ranges, decay=0, burn_in=0)
        before = {name: weight.clone() for name, weight in state.network.named_parameters()}
        run(state, settings, same_batch(1))
        moved[ranges] = {name: (w - before[name]).norm().item() for name, w in state.network.named_parameters()}
    plain, own = moved.values()

    assert {len(group) for group in (plain, own)} == {len(plain)}
    for name in plain:
        factor = {"0": 0, "1": 0, "3": 0.1, "4": 1}[name.split(".")[1]]
        assert own[name] == pytest.approx(factor * plain[name], rel=1e-2, abs=1e-9)


@pytest.mark.parametrize("optimizer", ["sgd", "asgd", "adamw"])
def test_every_optimizer_learns_with_layer_rates_and_decays_weights_alone(network: Path, optimizer: str) -> None:
    state, settings = begun(network, optimizer=optimizer, rate_decay=0.9, learning_rate=0.01, decay=0.01)

    losses = run(state, settings, same_batch(40))

    assert losses[-1] < losses[0] * 0.7
    for group in state.optimizer.param_groups:
        assert all((weight.ndim > 1) == (group["weight_decay"] > 0) for weight in group["params"])
    assert len({group[SCALE] for group in state.optimizer.param_groups}) == 4


@pytest.mark.parametrize(
    ("ranges", "words"),
    [
        ("0..3", "expected FIRST..LAST:FACTOR with a factor from 0 to 1000, got '0..3'"),
        ("0..3:-1", "a factor from 0 to 1000"),
        ("0..77:1", "layer_rates: expected a layer from 0 to 5, got '77'"),
        ("4..1:1", "expected the first layer before the last, got '4..1:1'"),
    ],
)
def test_a_range_that_says_nothing_is_one_line(network: Path, ranges: str, words: str) -> None:
    with pytest.raises(UserError, match=words.replace("..", r"\.\.")):
        begun(network, layer_rates=ranges)
