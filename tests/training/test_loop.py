"""The loop learns, averages, and stops at what is not a number."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from onelook.datasets.loader import Batch
from onelook.models.network import Network
from onelook.structures.network.cfg import read_cfg
from onelook.training.loop import DivergenceError, State, training_steps
from onelook.training.optimizer import MovingAverage, make_optimizer
from onelook.training.schedule import learning_rate
from onelook.training.settings import TrainSettings, make_train_settings, resolve


def begun(network: Path, **values: object) -> tuple[State, TrainSettings]:
    torch.manual_seed(0)
    cfg = read_cfg(network)
    settings = resolve(make_train_settings({"max_batches": 60, "batch": 4, **values}, "--set"), cfg, 16, 2)
    model = Network(cfg, settings.loss)
    return State(model, MovingAverage(model, settings.ema), make_optimizer(model, settings)), settings


def same_batch(count: int, value: int = 90) -> Iterator[Batch]:
    images = torch.full((4, 3, 64, 64), value, dtype=torch.uint8)
    images[:, 0, 8:28, 8:28] = 255
    targets = torch.tensor([[i, 0, 8, 8, 28, 28] for i in range(4)], dtype=torch.float32)
    for _ in range(count):
        yield Batch(images, targets, torch.arange(4))


def run(state: State, settings: TrainSettings, batches: Iterator[Batch]) -> list[float]:
    steps = training_steps(state, batches, settings, partial(learning_rate, settings), torch.device("cpu"))
    return [sum(result.losses.values()) for result in steps]


def test_one_batch_seen_again_and_again_is_learnt(network: Path) -> None:
    state, settings = begun(network, learning_rate=0.01, burn_in=5)

    losses = run(state, settings, same_batch(60))

    assert state.step == 60
    assert losses[-1] < losses[0] / 4


def test_two_halves_of_a_batch_give_the_gradient_of_their_mean(network: Path) -> None:
    state, settings = begun(network, subdivisions=2, batch=8)

    losses = run(state, settings, same_batch(6))

    assert len(losses) == 3


def test_a_moving_average_without_a_past_is_the_network_itself(network: Path) -> None:
    state, settings = begun(network, ema=0)

    run(state, settings, same_batch(3))

    for mine, theirs in zip(state.average.network.parameters(), state.network.parameters(), strict=True):
        assert torch.equal(mine, theirs)


def test_a_loss_that_is_no_number_ends_the_run_with_the_weights_as_they_were(network: Path) -> None:
    state, settings = begun(network)
    run(state, settings, same_batch(2))
    before = [weight.clone() for weight in state.network.parameters()]
    poisoned = next(same_batch(1))
    poisoned.targets[0, 2] = float("nan")

    with pytest.raises(DivergenceError, match=r"step 3: the loss is not finite .*box nan"):
        run(state, settings, iter([poisoned]))

    assert all(torch.equal(a, b) for a, b in zip(before, state.network.parameters(), strict=True))
