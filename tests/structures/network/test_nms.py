"""Non-maximum suppression: within a class, best first, bounded."""

import time

import numpy as np
import pytest

from onelook.structures.boxes import as_boxes, iou
from onelook.structures.detections import Detections
from onelook.structures.network import nms
from onelook.structures.network.nms import suppress, suppress_in_order


def detections(*rows: tuple[float, float, float, float, float, int]) -> Detections:
    table = np.asarray(rows, np.float64).reshape(-1, 6)
    return Detections(as_boxes(table[:, :4]), table[:, 4].astype(np.float32), table[:, 5].astype(np.int64))


def test_the_worse_of_two_that_overlap_goes() -> None:
    found = detections((0, 0, 10, 10, 0.5, 0), (0, 0, 10, 9, 0.9, 0), (20, 20, 30, 30, 0.7, 0))

    assert suppress(found, 0.45).scores.tolist() == np.float32([0.9, 0.7]).tolist()


def test_classes_do_not_suppress_each_other() -> None:
    assert len(suppress(detections((0, 0, 10, 10, 0.5, 0), (0, 0, 10, 10, 0.9, 1)), 0.45)) == 2


def test_an_overlap_of_exactly_the_threshold_stays() -> None:
    found = detections((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 5, 0.5, 0))

    assert len(suppress(found, 0.5)) == 2
    assert len(suppress(found, 0.49)) == 1


def test_what_was_suppressed_suppresses_nothing() -> None:
    chain = detections((0, 0, 10, 10, 0.9, 0), (4, 0, 14, 10, 0.8, 0), (8, 0, 18, 10, 0.7, 0))

    assert suppress(chain, 0.3).scores.tolist() == np.float32([0.9, 0.7]).tolist()


def test_nothing_gives_nothing_and_boxes_without_area_do_no_harm() -> None:
    assert len(suppress(Detections.none())) == 0
    assert len(suppress(detections((1, 1, 1, 1, 0.5, 0), (1, 1, 1, 1, 0.6, 0)))) == 2


def test_only_the_best_of_an_image_are_kept_when_asked_for() -> None:
    found = detections(*[(20 * i, 0, 20 * i + 10, 10, i / 10, i % 2) for i in range(1, 10)])

    assert suppress(found, most=3).scores.tolist() == np.float32([0.9, 0.8, 0.7]).tolist()


def test_of_more_than_an_image_can_hold_the_best_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nms, "MOST_ENTERING", 4)
    found = detections(*[(20 * i, 0, 20 * i + 10, 10, i / 10, i % 3) for i in range(1, 10)])

    assert suppress(found).scores.tolist() == np.float32([0.9, 0.8, 0.7, 0.6]).tolist()


def test_a_network_that_finds_every_class_in_every_cell_is_settled_soon() -> None:
    cells = np.stack(np.meshgrid(np.arange(40), np.arange(40)), axis=-1).reshape(-1, 2) * 10.0
    boxes = as_boxes(np.repeat(np.concatenate([cells - 15, cells + 25], axis=1), 80, axis=0))
    everything = Detections(boxes, np.full(len(boxes), 0.25, np.float32), np.tile(np.arange(80), len(cells)))
    a_class = everything[everything.classes == 0]

    began = time.process_time()
    suppress(a_class)
    one = time.process_time() - began
    began = time.process_time()
    suppress(everything)

    assert time.process_time() - began < 20 * one + 0.2, "without the bound it takes as long as 80 classes"


def test_nothing_that_stays_overlaps_and_all_that_went_was_overlapped_by_better() -> None:
    rng = np.random.default_rng(3)
    corners = rng.uniform(0, 60, (200, 2))
    boxes = as_boxes(np.concatenate([corners, corners + rng.uniform(5, 40, (200, 2))], axis=1))
    found = Detections(boxes, rng.random(200).astype(np.float32), rng.integers(0, 3, 200))

    kept = suppress(found, 0.4)

    for index in range(3):
        mine, all_of_class = kept[kept.classes == index], found[found.classes == index]
        overlaps = iou(mine.boxes, mine.boxes)
        assert (overlaps[~np.eye(len(mine), dtype=bool)] <= 0.4001).all()
        gone = all_of_class[~np.isin(all_of_class.scores, mine.scores)]
        better = mine.scores[:, None] > gone.scores[None, :]
        assert ((iou(mine.boxes, gone.boxes) > 0.3999) & better).any(axis=0).all()


def test_a_network_that_fires_everywhere_is_bounded() -> None:
    rng = np.random.default_rng(0)
    count = 4 * nms.MOST_CANDIDATES
    corners = rng.uniform(0, 400, (count, 2))
    boxes = as_boxes(np.concatenate([corners, corners + 30], axis=1))
    found = Detections(boxes, rng.random(count).astype(np.float32), np.zeros(count, np.int64))

    start = time.process_time()
    suppress(found)

    assert time.process_time() - start < 5


def test_darknet_s_order_is_by_the_score_for_the_last_class_then_the_one_before() -> None:
    apart = [[20.0 * index, 0, 20 * index + 10, 10] for index in range(3)]
    boxes = [apart[0], apart[0], apart[1], apart[2], apart[2]]
    found = Detections(boxes, [0.9, 0.2, 0.8, 0.5, 0.3], [0, 1, 0, 0, 1])  # type: ignore[arg-type]

    listed = suppress_in_order(found)

    assert listed.scores.tolist() == np.float32([0.5, 0.3, 0.9, 0.2, 0.8]).tolist()
    assert listed.classes.tolist() == [0, 1, 0, 1, 0]


def test_darknet_s_order_leaves_what_suppress_leaves() -> None:
    random = np.random.default_rng(3)
    corner = random.uniform(0, 60, (80, 2))
    boxes = np.repeat(np.concatenate([corner, corner + random.uniform(5, 50, (80, 2))], axis=1), 2, axis=0)
    found = Detections(boxes, random.random(160), np.tile([0, 2], 80))  # type: ignore[arg-type]

    listed, best_first = suppress_in_order(found), suppress(found)

    assert sorted(listed.scores.tolist(), reverse=True) == best_first.scores.tolist()
    assert len(suppress_in_order(Detections.none())) == 0
