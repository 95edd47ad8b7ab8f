"""What the live view's table says of a head."""

import numpy as np
import pytest
import torch
from torch import Tensor

from onelook.models.head_figures import COLUMNS, head_figures
from onelook.models.network import Network
from onelook.structures.network.cfg import parse_cfg

CFG = """[net]
width=64
height=32
channels=3
[convolutional]
filters=14
size=16
stride=16
activation=linear
[yolo]
mask=0,1
anchors=16,16, 64,64
classes=2
num=2
"""

TARGETS = torch.tensor([[0.0, 1.0, 8.0, 0.0, 24.0, 16.0]])
"""A truth of class 1, 16 x 16, on the line between the first two cells: it belongs to the second one's left edge."""


@pytest.fixture
def network() -> Network:
    torch.manual_seed(0)
    return Network(parse_cfg(CFG, "head.cfg"))


def raw(confidence: float, box: tuple[float, float, float, float], classes: tuple[float, float]) -> Tensor:
    """Return what a head receives (1, 14, 2, 4) where one cell, that of TARGETS, says this and all others say nothing."""
    output = torch.full((1, 2, 7, 2, 4), -20.0)
    output[0, 0, :, 0, 1] = torch.tensor([*box, confidence, *classes])
    return output.view(1, 14, 2, 4)


RIGHT = raw(20.0, (-20.0, 0.0, 0.0, 0.0), (-20.0, 20.0))


def test_a_head_that_is_right_has_no_loss_and_full_marks(network: Network) -> None:
    (row,) = head_figures([RIGHT], network.heads, TARGETS, (64, 32))

    assert tuple(row) == COLUMNS
    assert row["grid"] == "4x2"
    assert row["loss"] == pytest.approx(0, abs=1e-5)
    assert [row[name] for name in ("class_accuracy", "recall50", "recall75", "precision", "conf_obj")] == [1] * 5
    assert row["conf_noobj"] == pytest.approx(0, abs=1e-6)


def test_a_wrong_place_class_or_confidence_shows_where_it_belongs(network: Network) -> None:
    shifted = raw(20.0, (0.0, 0.0, np.log(2), 0.0), (20.0, -20.0))
    (row,) = head_figures([shifted], network.heads, TARGETS, (64, 32))

    assert row["x"] == pytest.approx(0.25)
    assert row["w"] == pytest.approx(np.log(2) ** 2)
    assert row["y"] == pytest.approx(0) == row["h"]
    assert row["class_accuracy"] == row["recall50"] == row["precision"] == 0
    assert row["cls"] == pytest.approx(20, abs=0.1)


def test_a_cell_that_is_sure_of_nothing_costs_precision(network: Network) -> None:
    doubled = RIGHT.clone().view(1, 2, 7, 2, 4)
    doubled[0, 1, 4, 1, 3] = 20
    (row,) = head_figures([doubled.view(1, 14, 2, 4)], network.heads, TARGETS, (64, 32))

    assert row["precision"] == 0.5
    assert row["recall50"] == 1


def test_without_truth_what_cannot_be_said_is_none(network: Network) -> None:
    (row,) = head_figures([raw(-20.0, (0, 0, 0, 0), (0, 0))], network.heads, TARGETS[:0], (64, 32))

    assert row["class_accuracy"] is row["recall50"] is row["precision"] is row["conf_obj"] is None
    assert row["x"] == row["cls"] == 0


def test_a_network_leaves_figures_only_while_it_is_watched_and_its_losses_are_the_same(network: Network) -> None:
    images = torch.randint(0, 256, (1, 3, 32, 64), dtype=torch.uint8)
    plain = network(images, TARGETS)
    unwatched = list(network.figures)
    network.watched = True
    watched = network(images, TARGETS)

    assert unwatched == []
    assert [row["grid"] for row in network.figures] == ["4x2"]
    assert {name: value.item() for name, value in plain.items()} == {name: v.item() for name, v in watched.items()}
