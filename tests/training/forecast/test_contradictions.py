"""Settings that do not go together."""

import os

import pytest

from onelook.structures.network.cfg import parse_cfg
from onelook.training.forecast.contradictions import contradictions
from onelook.training.settings import make_train_settings, resolve

CFG = parse_cfg("[net]\nwidth=64\nheight=64\nbatch=64\nlearning_rate=0.001\n[convolutional]\nfilters=8\n", "net.cfg")


def found(images: int = 1000, **settings: object) -> list[str]:
    given = make_train_settings(settings, "test")
    return contradictions(given, resolve(given, CFG, images, 2), CFG.net, images)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"policy": "steps", "steps": "400,900", "scales": ".1,.1", "max_batches": 300},
            ("steps=400,900", "never reached"),
        ),
        ({"steps": "100", "scales": ".1", "max_batches": 300}, ("steps=100", "policy=steps")),
        ({"burn_in": 1000, "max_batches": 300}, ("burn_in=1000", "burn_in=30")),
        ({"burn_in": 200, "max_batches": 300}, ("burn_in=200", "67 %")),
        ({"batch": 64, "images": 12, "epochs": 50}, ("batch=64", "12 training images")),
        ({"max_batches": 20, "batch": 8}, ("sees 160 of 1000", "max_batches=125")),
        ({"epochs": 5, "eval_every": 10}, ("eval_every=10", "only at its end")),
        ({"learning_rate": 0.5, "batch": 8}, ("learning_rate=0.5", "about 0.001 for adamw at batch=8")),
        ({"learning_rate": 1e-6}, ("a tenth or less",)),
        ({"recipe": "darknet", "learning_rate": 0.5, "batch": 64, "max_batches": 6000}, ("about 0.001 for sgd",)),
        ({"close_mosaic": 1}, ("close_mosaic=1", "mosaic=0")),
        ({"workers": 100 + 2 * (os.cpu_count() or 1)}, ("workers=", "cores")),
    ],
)
def test_a_contradiction_is_one_line_with_the_way_out(settings: dict[str, object], words: tuple[str, ...]) -> None:
    lines = found(**settings)

    assert len(lines) == 1, lines
    assert all(word in lines[0] for word in words)
    assert "expected" in lines[0] and "got" in lines[0] and "\n" not in lines[0]


def test_a_rate_is_held_against_what_is_usual_for_the_kind_of_network() -> None:
    given = make_train_settings({"learning_rate": 0.2, "batch": 64, "optimizer": "sgd"}, "test")
    used = resolve(given, CFG, 1000, 2)

    assert len(contradictions(given, used, CFG.net, 1000)) == 1
    assert contradictions(given, used, CFG.net, 1000, sgd_rate=0.05) == []


@pytest.mark.parametrize("recipe", ["modern", "darknet"])
def test_what_the_recipe_says_of_itself_is_no_contradiction(recipe: str) -> None:
    assert found(recipe=recipe) == []
    assert found(recipe=recipe, epochs=100, batch=16) == []


def test_an_epoch_over_images_that_the_batch_does_not_divide_is_whole() -> None:
    assert found(205, epochs=1, batch=4) == []
