"""A batch cut so that a step fits into memory."""

from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.reading import read
from onelook.structures.network.cfg import read_cfg
from onelook.training.forecast.micro_batch import ALWAYS, fitting_subdivisions, kept_bytes, step_bytes
from onelook.training.settings import make_train_settings
from onelook.training.tasks.preparation import prepare
from onelook.training.tasks.task import Task

MEGABYTE = 10**6


@pytest.fixture
def task(network: Path, squares: Path) -> Task:
    settings = make_train_settings({"max_batches": 50, "batch": 12, "workers": 0, "threads": 1}, "test")
    return prepare(read_cfg(network), read(squares), None, settings)


def test_what_a_pass_keeps_grows_with_its_images_and_changes_nothing(task: Task) -> None:
    before = {name: tensor.clone() for name, tensor in task.network.state_dict().items()}
    one, two, four = (kept_bytes(task, images) for images in (1, 2, 4))

    assert 1.7 < two / one < 2.1
    assert 1.7 < four / two < 2.1
    assert all(np.array_equal(before[name], tensor) for name, tensor in task.network.state_dict().items())


def test_a_batch_that_fits_stays_whole(task: Task) -> None:
    assert fitting_subdivisions(task, 10**9) == (1, "")


def test_a_batch_that_does_not_fit_is_cut_into_parts_that_divide_it_and_that_is_told(task: Task) -> None:
    always, an_image = step_bytes(task)
    parts, told = fitting_subdivisions(task, int((always + 5 * an_image) / 0.8))

    assert parts == 3
    assert told.startswith("subdivisions: 1 -> 3: a step of 12 images at once would take")
    assert "the batch stays 12" in told


def test_where_not_even_one_image_fits_it_is_tried_one_by_one(task: Task) -> None:
    parts, _ = fitting_subdivisions(task, ALWAYS)

    assert parts == 12
