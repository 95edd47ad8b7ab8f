from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.changes.class_maps import map_classes, union
from onelook.datasets.changes.subset import subset
from onelook.datasets.generated import make_blood
from onelook.datasets.reading import read
from onelook.structures.errors import UserError


def named(data) -> list[str]:
    return [data.names[place] for place in data.classes]


def test_classes_are_renamed_and_those_of_one_name_are_merged(voc: Path):
    data = read(voc)

    assert map_classes(data, {"cat": "tabby"}).names == ("tabby", "dog")
    merged = map_classes(data, {"dog": "cat"})
    assert merged.names == ("cat",)
    assert len(merged.boxes) == len(data.boxes)


def test_a_dropped_class_leaves_negatives(voc: Path):
    data = map_classes(read(voc), {}, ["dog"])

    assert data.names == ("cat",)
    assert np.diff(data.offsets).tolist() == [1, 1, 1, 0]
    assert data.labelled.all()


def test_an_unknown_class_is_told_with_the_nearest(voc: Path):
    with pytest.raises(UserError, match="expected one of the classes cat, dog, got 'dgo'; did you mean 'dog'"):
        map_classes(read(voc), {}, ["dgo"])


def test_a_union_has_all_images_and_meets_classes_by_name(voc: Path, tmp_path: Path):
    make_blood(tmp_path / "blood", {"train": 2, "val": 1, "test": 1}, seed=0, size=(96, 96))
    one, two = read(voc), read(tmp_path / "blood")
    both = union([one, two])

    assert both.names == ("cat", "dog", *two.names)
    assert len(both) == 8
    assert {name: len(indices) for name, indices in both.splits.items()} == {"train": 4, "val": 2, "test": 2}
    assert named(both) == named(one) + named(two)
    assert both.truth(5).boxes.tolist() == two.truth(1).boxes.tolist()
    with pytest.raises(UserError, match="expected every picture in one data set, got it in two"):
        union([one, one])


def test_the_darknet_spellings_of_coco_are_one_class(voc: Path, darknet: Path):
    one = map_classes(read(voc), {"cat": "motorbike"})
    two = map_classes(read(darknet), {"cat": "motorcycle"})

    assert union([one, two]).names == ("motorbike", "dog")


def test_a_subset_by_classes_by_frequency_and_by_number(voc: Path):
    data = read(voc)

    assert [path.stem for path in subset(data, ["dog"]).paths] == ["b", "d"]
    assert subset(data, most_frequent=1).names == ("cat",)
    drawn = subset(data, per_class=1, seed=3)
    assert len(drawn) == 2
    assert {name: len(indices) for name, indices in subset(data, ["dog"]).splits.items()} == {
        "train": 1,
        "val": 0,
        "test": 1,
    }
    with pytest.raises(UserError, match="--class: expected one of cat, dog, got 'cow'"):
        subset(data, ["cow"])
