from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.generated import NAMES, make_blood, paint_smear
from onelook.datasets.reading import read
from onelook.structures.errors import UserError
from onelook.structures.images import read_image


def test_a_data_set_is_made_with_its_splits_and_three_kinds_of_cells(tmp_path: Path):
    make_blood(tmp_path / "blood", {"train": 5, "val": 2, "test": 1}, seed=3, size=(160, 120))
    data = read(tmp_path / "blood")

    assert data.names == NAMES
    assert {name: len(indices) for name, indices in data.splits.items()} == {"train": 5, "val": 2, "test": 1}
    assert data.sizes.tolist() == [[160, 120]] * 8
    assert set(data.classes.tolist()) == {0, 1, 2}
    assert data.labelled.all()
    assert sorted(path.name for path in (tmp_path / "blood").iterdir()) == [
        "Annotations",
        "ImageSets",
        "JPEGImages",
        "labels.txt",
    ]


def test_a_picture_depends_on_seed_and_number_alone(tmp_path: Path):
    make_blood(tmp_path / "one", {"train": 2}, seed=3, size=(64, 64))
    make_blood(tmp_path / "two", {"train": 1, "val": 2}, seed=3, size=(64, 64))
    make_blood(tmp_path / "three", {"train": 2}, seed=4, size=(64, 64))
    one, two, three = (
        (tmp_path / name / "JPEGImages" / "smear-00001.jpg").read_bytes() for name in ("one", "two", "three")
    )

    assert one == two != three


def test_cells_are_where_their_boxes_say():
    for seed in range(4):
        image, cells = paint_smear((320, 240), np.random.default_rng(seed))
        away = np.ones(image.shape[:2], np.bool_)
        darkest = []
        for cell in cells:
            x1, y1, x2, y2 = (max(0, round(value)) for value in cell.box())
            away[y1:y2, x1:x2] = False
            middle = image[(y1 + y2) // 2 - 3 : (y1 + y2) // 2 + 3, x1:x2, 1]
            darkest.append(float(np.percentile(middle, 20)) if middle.size else 0)
        glass = float(np.median(image[away][:, 1]))
        assert all(value < glass - 8 for value in darkest)


def test_every_class_is_common_enough_to_learn():
    kinds = [cell.kind for seed in range(12) for cell in paint_smear((96, 96), np.random.default_rng(seed))[1]]
    counts = np.bincount(kinds, minlength=3)

    assert (counts >= [20, 6, 8]).all(), counts


def test_a_folder_that_holds_something_is_left_alone(tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")

    with pytest.raises(UserError, match="expected a new or empty folder"):
        make_blood(tmp_path, {"train": 1}, seed=0)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_pictures_decode_as_they_were_painted(tmp_path: Path):
    make_blood(tmp_path / "blood", {"train": 1}, seed=5, size=(96, 64))
    painted, _ = paint_smear((96, 64), np.random.default_rng((5, 0)))
    decoded = read_image(next((tmp_path / "blood" / "JPEGImages").iterdir()))

    assert np.abs(decoded.astype(int) - painted).mean() < 4
