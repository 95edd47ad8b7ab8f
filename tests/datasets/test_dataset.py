import dataclasses
from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.dataset import Dataset
from onelook.datasets.reading import read
from onelook.structures.errors import UserError


def test_selecting_keeps_each_image_with_its_own_boxes(voc: Path):
    data = dataclasses.replace(read(voc), dropped=np.array([[1, 1], [3, 0]]))
    chosen = data.select([3, 1])

    assert [path.stem for path in chosen.paths] == ["d", "b"]
    assert chosen.truth(0).boxes.tolist() == [[5, 6, 25, 26]]
    assert chosen.truth(1).boxes.tolist() == data.truth(1).boxes.tolist()
    assert chosen.dropped.tolist() == [[0, 0], [1, 1]]
    assert dict(chosen.splits) == {}
    assert len(data.select([])) == len(data.select([]).boxes) == 0


def test_a_split_that_is_not_there_is_told_with_those_that_are(voc: Path):
    assert [path.stem for path in read(voc).split("train").paths] == ["a", "b"]
    with pytest.raises(UserError, match="expected a split 'valid', but there are train, val, test"):
        read(voc).split("valid")


def test_the_digest_knows_names_paths_and_boxes_but_not_the_place(voc: Path):
    data = read(voc)
    moved = voc.rename(voc.with_name("elsewhere"))

    assert read(moved).digest() == data.digest()
    assert dataclasses.replace(data, names=("cat", "hound")).digest() != data.digest()
    assert dataclasses.replace(data, boxes=data.boxes + 1).digest() != data.digest()


def test_columns_of_unlike_length_are_a_mistake_in_the_program(voc: Path):
    data = read(voc)

    with pytest.raises(ValueError, match="expected columns of 4 images"):
        dataclasses.replace(data, labelled=np.ones(3, np.bool_))
    with pytest.raises(ValueError, match="expected columns of 5 boxes"):
        dataclasses.replace(data, classes=np.zeros(4, np.int64))


def test_a_data_set_of_nothing_is_a_value_too():
    empty = Dataset((), (), [], [], [], [0], [], [], [], [])  # type: ignore[arg-type]

    assert len(empty) == 0
    assert empty.sizes.shape == (0, 2)
    assert len(empty.digest()) == 64
