from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.augment import AugmentSettings
from onelook.datasets.reading import read
from onelook.datasets.show import choose, contact_sheet, photographs, training_pictures, write_sheet
from onelook.structures.drawing import class_colour
from onelook.structures.errors import UserError
from onelook.structures.images import read_image


def test_a_sheet_shows_every_picture_with_its_boxes_and_a_legend(voc: Path):
    data = read(voc)
    samples = list(photographs(data, [0, 1, 2], 64))
    sheet = contact_sheet(samples, data.names, columns=2)

    assert samples[1].boxes.tolist() == [[10, 18, 50, 28.5], [0, 8, 64, 56]]
    assert sheet.shape[1] == 2 * 68 + 4
    assert sheet.shape[0] > 2 * 68 + 4
    legend = sheet[2 * 68 + 4 :]
    assert all((legend == class_colour(place)).all(axis=2).any() for place in (0, 1))


def test_what_training_sees_is_drawn_from_the_seed(voc: Path):
    data = read(voc)
    one, two, three = (list(training_pictures(data, [0, 1], 64, AugmentSettings(), seed)) for seed in (1, 1, 2))

    assert np.array_equal(one[1].image, two[1].image)
    assert not np.array_equal(one[1].image, three[1].image)
    assert one[0].image.shape == (64, 64, 3)


def test_as_many_as_there_are_is_the_most_that_is_shown(voc: Path):
    assert choose(read(voc), 9, seed=0) == [0, 1, 2, 3]
    assert len(choose(read(voc), 2, seed=0)) == 2
    with pytest.raises(UserError, match="expected images to show, got none"):
        choose(read(voc).select([]), 2, seed=0)


@pytest.mark.parametrize("name", ["sheet.png", "new/sheet.JPG"])
def test_a_sheet_is_written_as_its_ending_says(tmp_path: Path, name: str):
    write_sheet(tmp_path / name, np.full((20, 30, 3), 200, np.uint8))

    assert read_image(tmp_path / name).shape == (20, 30, 3)


def test_an_ending_that_says_nothing_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match=r"expected a name that ends in \.jpg or \.png, got '\.bmp'"):
        write_sheet(tmp_path / "sheet.bmp", np.zeros((2, 2, 3), np.uint8))
