import json
from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.anchors import anchor_iou, box_shapes, fit_anchors, k_means, shape_iou
from onelook.datasets.reading import read
from onelook.structures.errors import UserError


def test_anchors_find_the_sizes_that_there_are():
    rng = np.random.default_rng(0)
    true = np.array([[10, 12], [30, 30], [90, 60]])
    shapes = (true[rng.integers(3, size=500)] * rng.normal(1, 0.03, (500, 2))).astype(np.float32)
    anchors, suits = fit_anchors(shapes, 3, seed=1)

    assert np.allclose(anchors, true, rtol=0.03)
    assert suits > 0.9
    assert suits == pytest.approx(anchor_iou(shapes, anchors))
    assert np.array_equal(fit_anchors(shapes, 3, seed=1)[0], anchors)


def test_iou_of_shapes_is_that_of_boxes_with_one_corner():
    shared = shape_iou(np.array([[2, 4]], np.float32), np.array([[4, 2], [2, 4], [1, 1]], np.float32))

    assert shared[0] == pytest.approx([4 / 12, 1, 1 / 8])


def test_fewer_boxes_than_anchors_still_give_that_many():
    anchors, suits = fit_anchors(np.array([[10, 10], [40, 20]], np.float32), 6, seed=0)

    assert anchors.shape == (6, 2)
    assert suits == pytest.approx(1)


def test_no_boxes_are_refused():
    with pytest.raises(UserError, match="expected boxes and at least one anchor, got 0 boxes, 6 anchors"):
        fit_anchors(np.zeros((0, 2), np.float32), 6, seed=0)


@pytest.mark.parametrize(("letterbox", "shapes"), [(True, [29, 38]), (False, [29, 50.6667])])
def test_shapes_are_in_pixels_of_the_input(voc: Path, letterbox: bool, shapes: list[float]):
    assert box_shapes(read(voc), (64, 64), letterbox)[0] == pytest.approx(shapes)


def test_k_means_agrees_with_darknet_from_the_same_starts(shared: Path):
    folder = shared / "reference" / "anchors"
    labels: dict[str, list[list[float]]] = {}
    for line in (folder / "bccd_labels_raw.txt").read_text().splitlines():
        name, *numbers = line.split()
        labels.setdefault(name, []).append([float(number) for number in numbers])
    runs = json.loads((folder / "calc_anchors.json").read_text())
    compared = [run for run in runs if "anchors_416_printed" in run and run["labels"] == "obj_clean"][::3]

    for run in compared:
        order = (folder / f"bccd_{run['split']}.list").read_text().split()
        rows = [row for name in order for row in labels[Path(name).stem] if row[3] and row[4]]
        shapes = np.array([row[3:] for row in rows], np.float32) * 416
        anchors, rounds = k_means(shapes, shapes[run["initial_box_indices"]])
        assert (len(shapes), rounds) == (run["boxes"], run["iterations"])
        assert np.allclose(anchors.ravel(), run["anchors_416_printed"], atol=0.51)
        assert anchor_iou(shapes, anchors) * 100 == pytest.approx(run["avg_iou_percent"], abs=0.006)
    assert len(compared) >= 5
