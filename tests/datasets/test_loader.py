import multiprocessing
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch

from onelook.datasets.augment import NONE, AugmentSettings
from onelook.datasets.loader import BatchPlan, eval_batches, stream_index, train_batches
from onelook.datasets.reading import read
from onelook.structures.errors import FormatError, UserError
from onelook.structures.images import read_image
from onelook.structures.letterbox import place


def mosaic_plan(number: int) -> BatchPlan:
    return BatchPlan((96, 64) if number % 2 else (64, 64), mosaic=True)


def plain_plan(number: int) -> BatchPlan:
    return BatchPlan((64, 64), mosaic=False)


def test_a_stream_shows_every_photograph_once_an_epoch_in_another_order_each():
    epochs = [[stream_index(3, 10, 10 * epoch + place) for place in range(10)] for epoch in range(3)]

    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]


def test_a_batch_depends_on_its_number_alone(voc: Path):
    data = read(voc)
    straight = list(train_batches(data, AugmentSettings(), mosaic_plan, 3, seed=5, workers=0, start=0, stop=6))
    resumed = list(train_batches(data, AugmentSettings(), mosaic_plan, 3, seed=5, workers=2, start=3, stop=6))

    assert [tuple(batch.images.shape) for batch in straight[:2]] == [(3, 3, 64, 64), (3, 3, 64, 96)]
    for one, two in zip(straight[3:], resumed, strict=True):
        assert torch.equal(one.images, two.images)
        assert torch.equal(one.targets, two.targets)
        assert torch.equal(one.indices, two.indices)
        assert two.images.is_contiguous(memory_format=torch.channels_last)


def test_another_seed_gives_other_batches(voc: Path):
    data = read(voc)
    one, two = (next(train_batches(data, AugmentSettings(), mosaic_plan, 3, s, 0, 0, 1)) for s in (1, 2))

    assert not torch.equal(one.images, two.images)


def test_targets_are_rows_of_image_class_and_corners_in_input_pixels(voc: Path):
    data = read(voc)
    batch = next(train_batches(data, NONE, plain_plan, 4, seed=0, workers=0, start=0, stop=1))
    row = batch.indices.tolist().index(1)
    expected = [[row, 1, 10, 18, 50, 28.5], [row, 0, 0, 8, 64, 56]]  # padded by 8 above and below

    assert batch.targets.dtype == torch.float32
    assert batch.targets[batch.targets[:, 0] == row].tolist() == expected


def test_a_batch_without_boxes_has_no_target(voc: Path):
    for file in (voc / "Annotations").glob("[abc].xml"):
        file.write_text("<annotation></annotation>")
    negatives = read(voc).select([0, 1, 2])
    batch = next(train_batches(negatives, AugmentSettings(), mosaic_plan, 2, seed=0, workers=0, start=0, stop=1))

    assert batch.targets.shape == (0, 6)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_corrupt_photograph_is_named_in_one_line(voc: Path, workers: int):
    data = read(voc)
    broken = voc / "JPEGImages" / "b.jpg"
    data_bytes = broken.read_bytes()
    broken.write_bytes(data_bytes[: len(data_bytes) * 2 // 3])

    with pytest.raises(FormatError, match=r"^[^\n]*b\.jpg: expected a whole picture[^\n]*$"):
        list(train_batches(data, AugmentSettings(), mosaic_plan, 2, seed=0, workers=workers, start=0, stop=4))
    with pytest.raises(FormatError, match=r"b\.jpg"):
        list(eval_batches(data, (64, 64), True, 2, workers))


def dying_plan(number: int) -> BatchPlan:
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return plain_plan(number)


def test_a_worker_that_is_killed_is_told_in_one_line(voc: Path):
    with pytest.raises(
        UserError, match=r"^workers=1: expected workers that live, got one that was killed.* workers=0$"
    ):
        list(train_batches(read(voc), NONE, dying_plan, 2, seed=0, workers=1, start=0, stop=4))


def test_loading_draws_nothing_from_the_generator_of_training(voc: Path):
    data = read(voc)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    list(train_batches(data, AugmentSettings(), plain_plan, 2, seed=0, workers=0, start=0, stop=2))
    list(eval_batches(data, (32, 32), True, 2, 0))

    assert torch.rand(1) == expected


def test_training_on_nothing_is_refused(voc: Path):
    with pytest.raises(UserError, match="expected images to train on"):
        next(train_batches(read(voc).select([]), NONE, plain_plan, 2, seed=0, workers=0, start=0, stop=1))


@pytest.mark.parametrize("letterbox", [True, False])
def test_evaluation_gives_every_image_once_with_its_fit(voc: Path, letterbox: bool):
    data = read(voc)
    batches = list(eval_batches(data, (32, 32), letterbox, 3, 0))

    assert [batch.indices for batch in batches] == [[0, 1, 2], [3]]
    shown = batches[1].images[0].permute(1, 2, 0).numpy()
    assert np.array_equal(shown, place(read_image(data.paths[3]), batches[1].fits[0], (32, 32)))
    assert list(eval_batches(data.select([]), (32, 32), letterbox, 3, 0)) == []


def test_boxes_of_crowds_are_not_trained_on(voc: Path):
    data = read(voc)
    object.__setattr__(data, "crowd", np.array([False, True, False, False, False]))
    batch = next(train_batches(data, NONE, plain_plan, 4, seed=0, workers=0, start=0, stop=1))

    assert len(batch.targets) == 4


def test_stopping_early_ends_the_workers(voc: Path):
    batches = train_batches(read(voc), AugmentSettings(), mosaic_plan, 2, seed=0, workers=2, start=0, stop=1000)
    next(batches)
    batches.close()

    assert multiprocessing.active_children() == []
