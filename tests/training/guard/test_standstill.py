"""What keeps a loss at chance is named: dead units, a signal that fades, pictures that look alike, a rate too low, labels."""

import itertools
import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from onelook.datasets.loader import Batch
from onelook.training.guard.guard import Guard, Verdict
from onelook.training.guard.standstill import look_into, why_at_chance
from onelook.training.guard.symptoms import SUSPECTED_FOR, Finding, StepFacts
from onelook.training.settings import TrainSettings

LEVEL, MOVES = math.log(4), [0.01]
FLAT = Finding("loss at chance", "the loss was at chance", fatal=True)


class Small(nn.Module):
    """Four convolutions with a ReLU behind each, and a connection to four classes."""

    def __init__(self, scale: float = 1.0, norm: bool = False) -> None:
        super().__init__()
        widths = (3, 16, 16, 16, 16)
        self.layers_ = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after) if norm else nn.Identity(), nn.ReLU()
            )
            for before, after in itertools.pairwise(widths)
        )
        self.last = nn.Linear(16, 4)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                module.weight.data *= scale
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]  # there is one

    def forward(self, images: Tensor, targets: Tensor) -> dict[str, Tensor]:
        x = images
        for layer in self.layers_:
            x = layer(x)
        return {"class": functional.cross_entropy(self.last(x.mean((2, 3))), targets[:, 1].long())}


def batch(pictures: int = 16) -> Batch:
    images = torch.randn(pictures, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    rows = torch.arange(pictures)
    return Batch(images, torch.stack([rows, rows % 4, torch.ones(pictures)], 1), rows)


def named(network: nn.Module, moves: list[float] = MOVES, late: float = 1.0, thorough: bool = False) -> Finding:
    before = [weight.clone() for weight in network.state_dict().values()]
    found = why_at_chance(FLAT, network.train(), batch(), moves, late, thorough)
    after = network.state_dict().values()

    assert found is not None
    assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
    return found


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def test_units_that_answer_nothing_are_named_with_their_layer() -> None:
    network = Small()
    network.layers_[2][0].bias.data -= 1000  # type: ignore[index,union-attr,operator]  # modules of a list
    found = named(network)

    assert (found.cause, found.layers[0]) == ("dead layers", "layers_.2.2")
    assert "of the ReLUs answer 0 to every picture, first in layers_.2.2" in found.what


def test_a_signal_that_shrinks_in_every_layer_fades() -> None:
    found = named(Small(scale=0.3))

    assert found.cause == "signal fades"
    assert "batch normalisation" in found.what


def test_pictures_that_look_alike_are_told() -> None:
    network = Small()
    for layer in network.layers_:
        layer[0].bias.data += 300  # type: ignore[index,union-attr,operator]

    assert named(network).cause == "answers alike"


def test_steps_that_change_nothing_are_too_small() -> None:
    assert named(Small(norm=True), moves=[1e-9, 1e-8]).cause == "rate too low"


def test_answers_that_are_sure_and_wrong_come_from_a_rate_too_high() -> None:
    assert named(Small(norm=True), late=1.3, thorough=True).cause == "rate too high"


def test_a_network_that_can_learn_by_heart_points_at_the_labels() -> None:
    found = named(Small(norm=True), thorough=True)

    assert found.cause == "labels do not fit"
    assert "learns pictures by heart" in found.what


def test_a_sound_network_is_not_suspected_in_passing() -> None:
    assert why_at_chance(FLAT, Small(norm=True).train(), batch(), MOVES, 1.0, thorough=False) is None


def test_the_guard_ends_a_run_early_when_the_cause_can_be_seen_and_else_waits() -> None:
    faded, sound = (_ended_after(network) for network in (Small(scale=0.3), Small(norm=True)))

    assert faded == (SUSPECTED_FOR, "signal fades")
    assert sound == (150, "labels do not fit")


def _ended_after(network: nn.Module) -> tuple[int, str]:
    guard, settings = Guard(("layers_",), {"class": LEVEL}, 150, recovers=False), TrainSettings(optimizer="sgd")
    count = sum(1 for _ in network.parameters()) // 2
    for step in range(1, 400):
        facts = StepFacts(step, 0.1, {"class": LEVEL}, 1.0, [1.0] * count)
        verdict: Verdict = look_into(guard, guard.judge(facts), facts, network.train(), batch(), settings)
        if verdict.action == "end":
            assert verdict.finding is not None
            return step, verdict.finding.cause
    raise AssertionError("never ended")
