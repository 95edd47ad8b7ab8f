import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onelook.datasets.building import Builder
from onelook.datasets.changes.splitting import split_dataset
from onelook.datasets.dataset import Dataset
from onelook.datasets.reading import read
from onelook.datasets.stats import stats
from onelook.structures.errors import UserError


def images_with(classes: list[list[int]]) -> Dataset:
    """Return a data set of images that hold these classes, without files."""
    builder = Builder()
    for number, held in enumerate(classes):
        builder.add_image(Path(f"{number}.jpg"), (10, 10), labelled=True)
        for place in held:
            builder.add_box((0, 0, 5, 5), place)
    return builder.build(("a", "b", "c"), {}, Path(), "made")


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 2), max_size=5), min_size=3, max_size=40), st.integers(0, 9))
def test_every_image_is_in_one_split_and_none_is_empty(classes: list[list[int]], seed: int):
    divided = split_dataset(images_with(classes), (0.7, 0.15, 0.15), seed)
    parts = [indices.tolist() for indices in divided.splits.values()]

    assert list(divided.splits) == ["train", "val", "test"]
    assert sorted(index for part in parts for index in part) == list(range(len(classes)))
    assert min(map(len, parts)) >= 1
    assert len(parts[0]) == max(map(len, parts))


def test_sizes_are_the_ratios(voc: Path):
    data = images_with([[0]] * 50 + [[1]] * 40 + [[]] * 10)

    assert stats(split_dataset(data))["splits"] == {"train": 70, "val": 30}
    assert stats(split_dataset(data, (0.7, 0.15, 0.15)))["splits"] == {"train": 70, "val": 15, "test": 15}


def test_rare_classes_are_divided_like_common_ones():
    rng = np.random.default_rng(0)
    rare = [[0] * 10 + [1] * int(rng.integers(4)) + [2] * (number % 10 == 0) for number in range(200)]
    counted = stats(split_dataset(images_with(rare), (0.7, 0.15, 0.15), seed=2))

    assert [counts["c"] for counts in counted["split_classes"].values()] == [14, 3, 3]
    for split, ratio in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
        assert counted["split_classes"][split]["b"] / counted["classes"]["b"] == pytest.approx(ratio, abs=0.02)


def test_a_seed_gives_one_division():
    data = images_with([[number % 3] for number in range(60)])
    one, two, three = (split_dataset(data, seed=seed).splits["val"].tolist() for seed in (1, 1, 2))

    assert one == two != three


@pytest.mark.parametrize("ratios", [(1.0,), (0.5, 0.4), (0.8, 0.4, -0.2), (0.25,) * 4, (float("nan"), 1)])
def test_ratios_that_do_not_divide_are_refused(voc: Path, ratios: tuple[float, ...]):
    with pytest.raises(UserError, match="--ratio: expected two or three positive numbers with the sum 1"):
        split_dataset(read(voc), ratios)


def test_fewer_images_than_splits_are_refused(voc: Path):
    with pytest.raises(UserError, match="expected at least 3 images to split, got 2"):
        split_dataset(read(voc).select([0, 1]), (0.7, 0.15, 0.15))


def test_the_images_themselves_stay_as_they_are(voc: Path):
    data = read(voc)
    divided = split_dataset(data)

    assert dataclasses.replace(divided, splits={}).digest() == data.digest()
