"""What is frozen stays, weights and statistics."""

from pathlib import Path

import pytest
import torch
from tests.training.test_loop import begun, run, same_batch

from onelook.structures.errors import UserError
from onelook.training.recipe.freezing import begin_training, freeze


@pytest.mark.parametrize(("wanted", "frozen"), [("2", (0, 1)), ("1", (0,)), ("body", (0, 1, 3))])
def test_frozen_layers_keep_every_bit_and_the_others_learn(network: Path, wanted: str, frozen: tuple[int, ...]) -> None:
    state, settings = begun(network, learning_rate=0.01)
    told = freeze(state.network, wanted)
    begin_training(state.network)
    before = {name: tensor.clone() for name, tensor in state.network.state_dict().items()}

    run(state, settings, same_batch(3))

    changed = {
        int(name.split(".")[1]) for name, t in state.network.state_dict().items() if not torch.equal(t, before[name])
    }
    assert changed == {0, 1, 3, 4} - set(frozen)
    assert told is not None and told.startswith("frozen: ")
    average = state.average.network.state_dict()
    assert all(torch.equal(average[name], before[name]) for name in before if int(name.split(".")[1]) in frozen)


def test_nothing_is_frozen_unasked(network: Path) -> None:
    state, _ = begun(network)

    assert freeze(state.network, None) is None
    assert all(weight.requires_grad for weight in state.network.parameters())


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("99", "freeze=99: expected at most 6, the network's layers"),
        ("6", "freeze=6: expected a layer left to train, got all of them frozen"),
        ("heads", "freeze: expected a layer from 0 to 5, got 'heads'"),
    ],
)
def test_what_cannot_be_frozen_is_one_line(network: Path, wanted: str, words: str) -> None:
    state, _ = begun(network)

    with pytest.raises(UserError, match=words):
        freeze(state.network, wanted)
