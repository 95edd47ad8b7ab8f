"""Settings in words: each with what it takes, where it ends and what it means."""

import subprocess
import sys

import pytest

from onelook.structures.errors import UserError
from onelook.training.setting_words import SettingWords, describe_settings
from onelook.training.settings import make_train_settings

SETTINGS = {each.name: each for each in describe_settings()}


def test_settings_are_told_with_kind_default_bounds_and_words() -> None:
    rate, epochs, batch, recipe = (SETTINGS[name] for name in ("learning_rate", "epochs", "batch", "recipe"))

    assert (rate.kind, rate.default, rate.least, rate.most, rate.words) == (
        "number",
        None,
        0,
        10,
        "The highest rate.",
    )
    assert (epochs.kind, epochs.group) == ("number", "training")
    assert (batch.kind, batch.most) == ("whole", 65536)
    assert (recipe.kind, recipe.default, recipe.choices) == ("word", "modern", ("modern", "darknet"))
    assert (SETTINGS["flip"].group, SETTINGS["box_weight"].group) == ("augment", "loss")
    assert SETTINGS["tensorboard"].kind == "flag"
    assert SETTINGS["steps"].kind == SETTINGS["layer_rates"].kind == "list"


def test_what_follows_from_another_setting_is_not_asked_for() -> None:
    assert not {"letterbox", "augment", "loss"} & set(SETTINGS)
    assert all(each.words.endswith(".") for each in SETTINGS.values())


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=lambda each: each.name)
def test_the_bounds_and_choices_are_those_that_are_refused_beyond(setting: SettingWords) -> None:
    if setting.choices:
        make_train_settings({setting.name: setting.choices[-1]}, "--set")
        with pytest.raises(UserError, match=setting.name):
            make_train_settings({setting.name: "no such word"}, "--set")
    if setting.most is not None:
        with pytest.raises(UserError, match=setting.name):
            make_train_settings({setting.name: setting.most * 2 + 1}, "--set")


def test_no_torch_is_loaded_for_them() -> None:
    program = (
        "import sys, onelook.training.setting_words as words; words.describe_settings(); print('torch' in sys.modules)"
    )

    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "False"
