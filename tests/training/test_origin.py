"""A run made again from what its folder remembers: the same weights, or told what is no longer the same."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file
from tests.training.conftest import CFG, make_squares

from onelook.structures.errors import FormatError, UserError
from onelook.training.origin import Asked, changes_told, make_again, read_origin, weights_digest
from onelook.training.run import Run
from onelook.training.settings import read_train_settings
from onelook.training.train import TrainResult, train

SETTINGS = {
    "max_batches": 6,
    "batch": 4,
    "learning_rate": "0.01",
    "workers": 0,
    "threads": 1,
    "augment.flip": 0.25,
    "seed": 7,
}


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with squares and a run of six steps on them; the cfg that it was trained by is gone."""
    home = tmp_path_factory.mktemp("origin")
    (home / "tiny.cfg").write_text(CFG)
    data = make_squares(home / "squares")
    train(str(home / "tiny.cfg"), data, out=home / "first", settings=SETTINGS, say=lambda line: None)
    (home / "tiny.cfg").unlink()
    return home


@pytest.fixture
def first(kept: Path, tmp_path: Path) -> Path:
    """Return a copy of that run."""
    return Path(shutil.copytree(kept / "first", tmp_path / "first"))


def again(run: Path, told: list[str] | None = None, **overrides: Any) -> Asked:
    return make_again(run, None, None, None, overrides, None, (told if told is not None else []).append)


def trained(asked: Asked, out: Path) -> TrainResult:
    return train(
        asked.network, asked.data, asked.weights, out, asked.settings, say=lambda line: None, given=asked.given
    )


def test_the_same_run_comes_out_bit_for_bit_though_its_cfg_is_gone(first: Path, tmp_path: Path) -> None:
    told: list[str] = []

    trained(again(first, told), tmp_path / "second")

    ours, theirs = (load_file(run / "model" / "weights.safetensors") for run in (first, tmp_path / "second"))
    assert told == []
    assert all((ours[name] == theirs[name]).all() for name in ours)
    assert read_train_settings(first / "settings.toml") == read_train_settings(tmp_path / "second" / "settings.toml")
    assert read_origin(Run(tmp_path / "second")).network == "tiny"


def test_a_run_that_was_made_again_can_be_made_again(first: Path, tmp_path: Path) -> None:
    trained(again(first), tmp_path / "second")

    assert again(tmp_path / "second").settings == again(first).settings
    assert again(tmp_path / "second", batch=2).settings == {**SETTINGS, "batch": 2}


def test_overrides_take_the_place_of_what_was_given_and_the_rest_is_derived_anew(first: Path, tmp_path: Path) -> None:
    longer = again(first, epochs="3")

    assert longer.settings == {
        "batch": 4,
        "learning_rate": "0.01",
        "workers": 0,
        "threads": 1,
        "augment.flip": 0.25,
        "seed": 7,
        "epochs": "3",
    }
    trained(longer, tmp_path / "longer")
    assert read_train_settings(tmp_path / "longer" / "settings.toml").max_batches == 12


def test_data_that_has_changed_is_told_in_numbers(first: Path, squares: Path) -> None:
    (squares.parent / "labels" / "train" / "00.txt").write_text("0 .5 .5 .2 .2\n")
    told: list[str] = []

    make_again(first, None, squares, None, {}, None, told.append)

    assert told == [
        f"{squares}: no longer the data that {first} was trained on (boxes 44 -> 43), so the numbers may differ"
    ]


def test_weights_are_those_that_it_began_with_or_refused(
    first: Path, network: Path, squares: Path, tmp_path: Path
) -> None:
    train(str(network), squares, first, tmp_path / "tuned", SETTINGS, say=lambda line: None)
    tuned = tmp_path / "tuned"
    assert again(tuned).weights == first

    weights = first / "model" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"!")
    with pytest.raises(
        UserError, match=r"first: expected the weights that .*tuned began with, got a file that has changed"
    ):
        again(tuned)
    weights.unlink()
    (first / "model" / "bundle.toml").unlink()
    with pytest.raises(UserError, match=r"expected weights"):
        again(tuned)


def test_what_cannot_be_made_again_is_refused_in_words(first: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty: expected a run's folder"):
        again(tmp_path / "empty")
    facts = first / "origin" / "facts.json"
    facts.write_text("{}")
    with pytest.raises(FormatError, match=r"facts.json: expected what a run was made from, got KeyError"):
        again(first)
    facts.unlink()
    with pytest.raises(UserError, match=r"an older onelook made this run"):
        again(first)


def test_what_the_user_names_goes_before_what_the_run_had(first: Path, squares: Path, network: Path) -> None:
    asked = make_again(first, "yolov3-tiny", squares, first, {}, "darknet", lambda line: None)

    assert (asked.network, asked.data, asked.weights, asked.format) == ("yolov3-tiny", squares, first, "darknet")


def test_the_facts_are_json_whatever_was_given(first: Path) -> None:
    facts = json.loads((first / "origin" / "facts.json").read_text())

    assert facts["given"] == SETTINGS
    assert facts["facts"] == {"classes": ["red", "blue"], "images": 22, "train": 16, "val": 6, "boxes": 44}
    assert facts["weights"] is None


def test_changes_are_told_by_name() -> None:
    assert changes_told({"images": 3, "classes": ["a"]}, {"images": 4, "classes": ["a", "b"], "test": 2}) == (
        "images 3 -> 4; classes a -> a, b; test none -> 2"
    )
    assert changes_told({"images": 3}, {"images": 3}) == "as many images and boxes, but not the same ones"


def test_the_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "a.weights").write_bytes(b"abc")

    assert weights_digest(tmp_path / "a.weights").startswith("ba7816bf")
    with pytest.raises(UserError, match=r"b.weights: expected weights, got No such file"):
        weights_digest(tmp_path / "b.weights")
