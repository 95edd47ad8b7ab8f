"""A batch cut so that a step fits into memory."""

from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.reading import read
from onelook.structures.errors import UserError
from onelook.structures.network.cfg import read_cfg
from onelook.training.forecast.micro_batch import (
    ALWAYS,
    fitting_subdivisions,
    kept_bytes,
    refuse_lone_numbers,
    step_bytes,
)
from onelook.training.settings import make_train_settings
from onelook.training.tasks.classifying import prepare_classifier
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


def test_what_an_image_of_one_place_keeps_can_be_told_though_it_has_no_statistics(colours: Path) -> None:
    alone, together = (deep(colours, batch) for batch in (1, 2))

    assert kept_bytes(together, 1) > 0
    refuse_lone_numbers(together, 1)
    with pytest.raises(UserError, match="batch=1, subdivisions=1: expected two images at a time or more"):
        refuse_lone_numbers(alone, 1)


def deep(data: Path, batch: int) -> Task:
    """Return the task of a classifier that shrinks its pictures to 1 x 1."""
    settings = make_train_settings(
        {"max_batches": 4, "batch": batch, "workers": 0, "stem": "standard", "mosaic": 0}, "test"
    )
    return prepare_classifier("resnet18", read(data), None, settings)


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
