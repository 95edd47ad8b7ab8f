"""Cross entropy against shares of classes."""

import pytest
import torch
from torch.nn import functional

from onelook.models.class_loss import class_losses, spread
from onelook.models.loss_settings import LossSettings

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]])


def test_a_whole_class_gives_the_usual_cross_entropy() -> None:
    targets = torch.tensor([[0, 2, 1.0], [1, 0, 1.0]])
    losses = class_losses([LOGITS], targets, LossSettings())

    assert losses["class"].item() == pytest.approx(functional.cross_entropy(LOGITS, torch.tensor([2, 0])).item())


def test_smoothing_is_that_of_torch() -> None:
    targets = torch.tensor([[0, 2, 1.0], [1, 0, 1.0]])
    loss = class_losses([LOGITS], targets, LossSettings(label_smoothing=0.1))["class"]

    expected = functional.cross_entropy(LOGITS, torch.tensor([2, 0]), label_smoothing=0.1)
    assert loss.item() == pytest.approx(expected.item())


def test_shares_of_two_images_of_one_class_add_up() -> None:
    targets = torch.tensor([[0, 2, 0.3], [0, 2, 0.7], [1, 0, 0.4], [1, 1, 0.6]])

    wanted = spread(targets, torch.Size((2, 3)), 0.0)
    assert torch.allclose(wanted, torch.tensor([[0, 0, 1.0], [0.4, 0.6, 0]]))
