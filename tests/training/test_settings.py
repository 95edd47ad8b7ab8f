"""Settings say what they refuse, and derive what they are not told."""

import dataclasses
from pathlib import Path

import pytest

from onelook.datasets.augment import AugmentSettings
from onelook.models.known import find_network
from onelook.models.loss_settings import LossSettings
from onelook.structures.errors import UserError
from onelook.training.settings import TrainSettings, make_train_settings, read_train_settings, resolve, settings_toml


def test_a_key_of_any_table_may_be_given_flat_or_with_its_table() -> None:
    flat = make_train_settings({"flip": "0", "box_weight": "3", "epochs": "2"}, "--set")
    dotted = make_train_settings({"augment.flip": 0, "loss": {"box_weight": 3}, "epochs": 2}, "--set")

    assert flat == dotted
    assert (flat.augment.flip, flat.loss.box_weight, flat.epochs) == (0, 3, 2)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epoch": 3}, "unknown setting 'epoch'; did you mean 'epochs'?"),
        ({"epochs": "many"}, "expected a number, got 'many'"),
        ({"epochs": 3, "max_batches": 100}, "expected one of the two"),
        ({"batch": 0}, "batch: expected 1 to 65536, got 0"),
        ({"batch": 8, "subdivisions": 3}, "expected a multiple of subdivisions=3"),
        ({"optimizer": "adam"}, "expected adamw, sgd, asgd, got 'adam'; did you mean 'adamw'?"),
        ({"patience": 0}, "patience: expected 1 to 1e+06, got 0"),
        ({"plateau_factor": 1}, "plateau_factor: expected 0.001 to 0.999, got 1"),
        ({"rate_decay": 2}, "rate_decay: expected 0.01 to 1, got 2"),
        ({"learning_rate": "-1"}, "learning_rate: expected 0 to 10"),
        ({"steps": "10,20", "scales": ".1"}, "expected as many, got 2 and 1"),
        ({"flip": 7}, "flip"),
        ({"letterbox": True}, "expected resize=letterbox"),
        ({"box": "giraffe"}, "expected ciou"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_its_source(values: dict[str, object], words: str) -> None:
    with pytest.raises(UserError) as caught:
        make_train_settings(values, "--set")

    assert str(caught.value).startswith("--set:")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


NUMBERS = [
    each.name
    for kind in (TrainSettings, AugmentSettings, LossSettings)
    for each in dataclasses.fields(kind)
    if any(word in str(each.type) for word in ("int", "float")) and "tuple" not in str(each.type)
]


@pytest.mark.parametrize("value", ["-1e15", "1e15", "nan"])
@pytest.mark.parametrize("name", NUMBERS)
def test_every_number_out_of_range_is_refused_in_one_line(name: str, value: str) -> None:
    with pytest.raises(UserError) as caught:
        make_train_settings({name: value}, "--set")

    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_every_derived_value_is_written_and_read_back_alike(tmp_path: Path) -> None:
    cfg = find_network("yolov3-tiny")
    for recipe in ("modern", "darknet"):
        settings = resolve(make_train_settings({"recipe": recipe}, "--set"), cfg, images=205, classes=3)
        path = tmp_path / f"{recipe}.toml"
        path.write_text(settings_toml(settings))

        assert read_train_settings(path) == settings


def test_the_darknet_recipe_takes_the_cfgs_numbers_and_its_counsel_for_the_length() -> None:
    settings = resolve(make_train_settings({"recipe": "darknet"}, "--set"), find_network("yolov3-tiny"), 205, 4)

    assert (settings.batch, settings.subdivisions, settings.optimizer) == (64, 2, "sgd")
    assert (settings.max_batches, settings.steps, settings.scales) == (8000, (6400, 7200), (0.1, 0.1))
    assert settings.learning_rate == 0.001


def test_subdivisions_of_the_cfg_never_cut_a_batch_unevenly() -> None:
    settings = resolve(make_train_settings({"recipe": "darknet", "batch": 9}, "--set"), find_network("yolov3"), 205, 3)

    assert settings.batch == 9
    assert settings.subdivisions == 9


@pytest.mark.parametrize(
    ("length", "burn_in", "steps", "scales"),
    [(900, 200, (400, 450, 800), (0.1, 0.5, 0.1)), (600, 60, (480, 540), (0.1, 0.1))],
)
def test_a_run_as_long_as_the_cfgs_own_burns_in_and_slows_where_the_cfg_says(
    length: int, burn_in: int, steps: tuple[int, ...], scales: tuple[float, ...]
) -> None:
    says = {"max_batches": 900, "burn_in": 200, "steps": "400,450,800", "scales": ".1,.5,.1"}
    known = find_network("yolov3-tiny")
    cfg = dataclasses.replace(known, net=known.net.changed(**says))

    settings = resolve(make_train_settings({"recipe": "darknet", "max_batches": length}, "--set"), cfg, 205, 4)

    assert (settings.burn_in, settings.steps, settings.scales) == (burn_in, steps, scales)


@pytest.mark.parametrize(
    ("epochs", "batch", "images", "steps"),
    [(1, 4, 205, 52), (5, 4, 205, 257), (1, 5, 205, 41), (1.1, 1, 10, 11), (0.5, 4, 205, 26), (0.001, 64, 10, 1)],
)
def test_an_epoch_sees_every_image(epochs: float, batch: int, images: int, steps: int) -> None:
    settings = make_train_settings({"epochs": epochs, "batch": batch}, "--set")

    assert resolve(settings, find_network("yolov3-tiny"), images, 3).max_batches == steps
