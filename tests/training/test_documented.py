"""Every setting is in docs/training.md."""

from dataclasses import fields
from pathlib import Path

import pytest

from onelook.datasets.augment import AugmentSettings
from onelook.models.loss_settings import LossSettings
from onelook.training.settings import TrainSettings

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "training.md").read_text(encoding="utf-8")
NAMES = [field.name for kind in (TrainSettings, AugmentSettings, LossSettings) for field in fields(kind)]
NOT_SET_BY_USERS = ("augment", "loss", "letterbox")


@pytest.mark.parametrize("name", [name for name in NAMES if name not in NOT_SET_BY_USERS])
def test_a_setting_has_its_place_in_the_table(name: str) -> None:
    assert f"`{name}`" in PAGE or f".{name}`" in PAGE
