"""Truth encoded as a network would say it comes back as it was."""

from pathlib import Path

import numpy as np
import pytest
from tests.models.tiny import two_heads
from tests.training.conftest import make_squares

from onelook.datasets.dataset import Dataset
from onelook.datasets.reading import read
from onelook.evaluation.evaluation import evaluate
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.head import Head
from onelook.structures.network.heads import decode_all, heads_of
from onelook.structures.network.layers import describe
from onelook.structures.truth import Truth
from onelook.training.explaining.round_trip import encode, round_trip
from onelook.training.tasks.validation import truths

GRIDS = [(8, 8), (16, 16)]


@pytest.mark.parametrize("scale_x_y", [1.0, 1.05, 2.0])
@pytest.mark.parametrize("new_coords", [False, True])
def test_one_box_comes_back_as_it_was(scale_x_y: float, new_coords: bool) -> None:
    anchors = np.asarray([[4, 4], [12, 6]], np.float32)
    heads = [Head(anchors, 2, scale_x_y, new_coords), Head(anchors * 2, 2, scale_x_y, new_coords)]
    truth = Truth([[3.3, 4.4, 12.5, 11.5], [17, 2, 31, 30]], [1, 0])  # type: ignore[arg-type]

    found = decode_all(encode(truth, heads, GRIDS, (32, 32)), heads, (32, 32), 0.5)

    order = np.argsort(-found.classes)
    assert found.boxes[order] == pytest.approx(truth.boxes, abs=0.01)
    assert found.classes[order].tolist() == [1, 0]
    assert (found.scores > 0.99).all()


@pytest.mark.parametrize("letterbox", [False, True])
def test_a_data_set_scores_one(tmp_path: Path, letterbox: bool) -> None:
    dataset = read(make_squares(tmp_path / "data")).split("val")
    heads = heads_of(describe(two_heads()))

    found = round_trip(dataset, heads, GRIDS, (32, 32), letterbox, 0.45)

    assert found is not None
    assert evaluate(truths(dataset), found, dataset.names).ap == pytest.approx(1, abs=1e-9)


def test_objects_that_share_every_cell_and_anchor_are_lost() -> None:
    heads = [Head(np.asarray([[8, 8]], np.float32), 1)]
    twins = Truth([[0, 0, 8, 8], [1, 1, 7, 7]], [0, 0])  # type: ignore[arg-type]

    assert len(decode_all(encode(twins, heads, [(2, 2)], (32, 32)), heads, (32, 32), 0.5)) == 1


def test_other_heads_are_left_out_and_no_object_says_nothing() -> None:
    region = parse_cfg(
        "[net]\nwidth=32\nheight=32\nchannels=3\n[convolutional]\nfilters=7\nsize=1\n"
        "[region]\nanchors=1,1\nclasses=2\nnum=1\n",
        "region.cfg",
    )
    empty = Truth(np.zeros((0, 4)), [])  # type: ignore[arg-type]
    heads = heads_of(describe(two_heads()))

    assert round_trip(no_images(), heads_of(describe(region)), [(32, 32)], (32, 32), False, 0.45) is None
    assert len(decode_all(encode(empty, heads, GRIDS, (32, 32)), heads, (32, 32), 0.5)) == 0


def no_images() -> Dataset:
    none = np.zeros(0)
    return Dataset(("a",), (), none, none, none, np.zeros(1), none, none, none, none)  # type: ignore[arg-type]
