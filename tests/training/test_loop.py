"""The loop learns, averages, and stops at what is not a number."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from onelook.datasets.loader import Batch
from onelook.models.network import Network
from onelook.structures.network.cfg import read_cfg
from onelook.training.guard.gradients import Gradients
from onelook.training.guard.guard import Guard
from onelook.training.loop import OutOfMemoryError, State, training_steps
from onelook.training.recipe.optimizer import MovingAverage, make_optimizer
from onelook.training.recipe.schedule import learning_rate
from onelook.training.settings import TrainSettings, make_train_settings, resolve


def begun(network: Path, **values: object) -> tuple[State, TrainSettings]:
    torch.manual_seed(0)
    cfg = read_cfg(network)
    settings = resolve(make_train_settings({"max_batches": 60, "batch": 4, **values}, "--set"), cfg, 16, 2)
    model = Network(cfg, settings.loss)
    guard = Guard(Gradients(model).layers)
    return State(model, MovingAverage(model, settings.ema), make_optimizer(model, settings), guard), settings


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


def everything(state: State) -> list[torch.Tensor]:
    """Return a copy of all that a step may change: weights and running statistics of network and average, the optimizer's."""
    both = [*state.network.state_dict().values(), *state.average.network.state_dict().values()]
    kept = [value for values in state.optimizer.state.values() for value in values.values()]
    return [tensor.clone() for tensor in [*both, *kept]]


def test_a_step_whose_loss_is_no_number_changes_nothing_and_names_picture_and_loss(network: Path) -> None:
    state, settings = begun(network)
    run(state, settings, same_batch(2))
    before = everything(state)
    poisoned = next(same_batch(1))
    poisoned.targets[2, 2] = float("nan")

    steps = training_steps(state, iter([poisoned]), settings, partial(learning_rate, settings), torch.device("cpu"))
    result = next(steps)

    assert result.verdict.action == "skipped"
    assert result.verdict.finding is not None
    assert "box" in result.verdict.finding.losses
    assert result.blame is not None
    assert (result.blame.photographs, result.blame.certain) == ((2,), True)
    assert state.step == 3
    assert all(torch.equal(a, b) for a, b in zip(before, everything(state), strict=True))


def test_memory_that_runs_out_in_a_step_leaves_the_state_as_it_was(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, settings = begun(network, subdivisions=2, batch=8)
    run(state, settings, same_batch(4))
    before, calls = everything(state), iter(range(10))
    forward = Network.forward

    def short(self: Network, *inputs: torch.Tensor) -> object:
        if next(calls) == 1:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )
        return forward(self, *inputs)

    monkeypatch.setattr(Network, "forward", short)
    with pytest.raises(OutOfMemoryError):
        run(state, settings, same_batch(2))

    assert state.step == 2
    assert all(torch.equal(a, b) for a, b in zip(before, everything(state), strict=True))
    assert all(weight.grad is None for weight in state.network.parameters())


def test_the_gradient_of_a_layer_is_the_norm_of_its_parameters_together(network: Path) -> None:
    state, _ = begun(network)
    batch = next(same_batch(1))
    gradients = Gradients(state.network)
    losses = state.network(batch.images, batch.targets)
    torch.stack(list(losses.values())).sum().backward()

    norms = gradients.by_layer(gradients.norms().tolist())

    first = [weight.grad.norm() for name, weight in state.network.named_parameters() if name.startswith("sections.0.")]
    assert gradients.layers == ["0 convolutional", "1 convolutional", "3 convolutional", "4 convolutional"]
    assert norms[0] == pytest.approx(torch.stack(first).norm().item(), rel=1e-5)
