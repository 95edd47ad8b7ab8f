"""What a [yolo] layer says: against hand-made cells and against the original Darknet."""

import json
from pathlib import Path

import numpy as np
import pytest
from tests.structures.small_models import darknet_case, small_cfg

from onelook.structures.boxes import as_boxes
from onelook.structures.detections import Detections
from onelook.structures.letterbox import fit
from onelook.structures.network.cfg import read_cfg
from onelook.structures.network.heads import FARTHEST, Head, decode, decode_all, head_of
from onelook.structures.network.layers import describe
from onelook.structures.network.nms import suppress

HEAD = Head(np.float32([[10, 20], [30, 40]]), classes=2, scale_x_y=1.0, new_coords=False)


def quiet(rows: int = 3, columns: int = 4) -> np.ndarray:
    """Return raw outputs (2 * 7, rows, columns) in which nothing is seen."""
    raw = np.zeros((2, 7, rows, columns), np.float32)
    raw[:, 4] = -20
    return raw


def one_cell(values: list[float], head: Head = HEAD) -> Detections:
    """Return what is decoded when anchor 1 of row 2, column 3 says `values`."""
    raw = quiet()
    raw[1, :, 2, 3] = values
    return decode(raw.reshape(14, 3, 4), head, (32, 24), 0.25)


def test_a_head_takes_the_anchors_of_its_mask() -> None:
    head = head_of(describe(small_cfg())[-1])

    assert head.anchors.tolist() == [[10, 10], [24, 24]]
    assert (head.classes, head.channels, head.scale_x_y, head.new_coords) == (2, 7, 1.0, False)


def test_nothing_above_the_threshold_is_no_detection() -> None:
    assert len(decode(quiet().reshape(14, 3, 4), HEAD, (32, 24), 0.001)) == 0


def test_a_cell_s_box_lies_in_its_cell_with_its_anchor_s_size() -> None:
    found = one_cell([0, 0, 0, 0, 20, 20, -20])

    assert found.boxes.tolist() == [[28 - 15, 20 - 20, 28 + 15, 20 + 20]]
    assert found.classes.tolist() == [0]
    assert found.scores.tolist() == pytest.approx([1])


def test_width_and_height_grow_exponentially_and_offsets_are_logistic() -> None:
    found = one_cell([np.log(3), -np.log(3), np.log(2), -np.log(2), 20, 20, -20])

    np.testing.assert_allclose(found.boxes, [[30 - 30, 18 - 10, 30 + 30, 18 + 10]], rtol=1e-5, atol=1e-5)


def test_scale_x_y_stretches_the_offset_around_the_cell_s_middle() -> None:
    scaled = Head(HEAD.anchors, 2, scale_x_y=2.0, new_coords=False)

    assert one_cell([20, 0, 0, 0, 20, 20, -20], scaled).boxes.mean() == pytest.approx((36 + 20) / 2)


def test_new_coords_take_numbers_that_are_logistic_already() -> None:
    new = Head(HEAD.anchors, 2, scale_x_y=2.0, new_coords=True)
    raw = np.zeros((2, 7, 3, 4), np.float32)
    raw[1, :, 2, 3] = [0.5, 0.5, 0.5, 1.0, 0.9, 0.8, 0.1]

    found = decode(raw.reshape(14, 3, 4), new, (32, 24), 0.25)

    np.testing.assert_allclose(found.boxes, [[28 - 15, 20 - 80, 28 + 15, 20 + 80]], rtol=1e-6)
    assert found.scores.tolist() == pytest.approx([0.72])


def test_a_cell_may_say_two_classes_and_scores_are_products() -> None:
    found = one_cell([0, 0, 0, 0, 0, np.log(3), np.log(4)])

    assert found.scores.tolist() == pytest.approx([0.5 * 0.75, 0.5 * 0.8])
    assert found.classes.tolist() == [0, 1]
    assert (found.boxes[0] == found.boxes[1]).all()


def test_numbers_of_a_network_that_diverged_do_no_harm() -> None:
    assert len(one_cell([float("nan"), 0, 0, 0, 20, 20, 20])) == 0
    assert len(one_cell([0, 0, 0, 0, float("nan"), 20, 20])) == 0
    huge = one_cell([1e30, -1e30, 1000, float("inf"), 1e30, 20, -1e30])
    assert np.abs(huge.boxes).max() <= 2 * FARTHEST
    assert len(suppress(Detections(huge.boxes.repeat(2, 0), huge.scores.repeat(2), huge.classes.repeat(2)))) == 1


def test_heads_are_joined() -> None:
    raw = quiet()
    raw[0, :, 0, 0] = [0, 0, 0, 0, 20, 20, -20]
    flat = raw.reshape(14, 3, 4)

    found = decode_all([flat, quiet(6, 8).reshape(14, 6, 8), flat], [HEAD] * 3, (32, 24), 0.25)

    assert len(found) == 2


def stored_boxes(table: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Return rows class, score, x1, y1, x2, y2 in pixels of Darknet's x, y, w, h, objectness, probabilities; sorted."""
    row, kind = np.nonzero(table[:, 5:])
    x, y, w, h = (table[row, column].astype(np.float64) for column in range(4))
    corners = np.stack([x - w / 2, y - h / 2, x + w / 2, y + h / 2], axis=1) * np.tile(size, 2)
    return ordered(np.column_stack([kind, table[row, 5 + kind], corners]))


def ordered(rows: np.ndarray) -> np.ndarray:
    """Return rows by class and falling score."""
    return rows[np.lexsort((rows[:, 2], -rows[:, 1].round(5), rows[:, 0]))]


def as_rows(found: Detections) -> np.ndarray:
    return ordered(np.column_stack([found.classes, found.scores, found.boxes]))


@pytest.mark.parametrize("letterbox", [False, True])
@pytest.mark.parametrize(
    "name",
    [
        "yolo_basic",
        "yolo_mask_345_one_class",
        "yolo_single_mask",
        "yolo_no_mask",
        "yolo_two_heads",
        "yolo_new_coords",
        "yolo_scale_x_y_12_diounms",
        "mini_yolov4_tiny",
    ],
)
def test_boxes_are_those_of_darknet(shared: Path, name: str, letterbox: bool) -> None:
    layers, _, stored = darknet_case(shared, name)
    case = json.loads((shared / "reference" / "layers" / "index.json").read_text())["cases"][name]
    width, height = case["det"]["image_w_h"]
    yolos = [layer for layer in layers if layer.kind == "yolo"]
    size = (layers[0].in_shapes[0][2], layers[0].in_shapes[0][1])
    raws = [stored[f"layer{layer.index - 1}"] for layer in yolos]

    found = decode_all(raws, [head_of(layer) for layer in yolos], size, case["det"]["thresh"])

    how = fit((width, height), size, letterbox)
    found = Detections(how.back(found.boxes), found.scores, found.classes)
    expected = stored_boxes(stored[f"boxes_letter{int(letterbox)}"], (width, height))
    np.testing.assert_allclose(as_rows(found), expected, rtol=1e-4, atol=2e-3)
    kept = as_rows(suppress(found, case["det"]["nms"]))
    np.testing.assert_allclose(
        kept, stored_boxes(stored[f"nms_sort_letter{int(letterbox)}"], (width, height)), rtol=1e-4, atol=2e-3
    )


def test_detections_of_real_weights_are_those_of_darknet(shared: Path) -> None:
    folder = shared / "reference" / "images"
    model = shared / "weights" / "yolov3-tiny" / "yolov3-tiny.cfg"
    yolos = [layer for layer in describe(read_cfg(model)) if layer.kind == "yolo"]
    raws = np.load(folder / "yolov3-tiny.dog.yolo_layers.npz")
    table = np.asarray(json.loads((folder / "yolov3-tiny.detections.json").read_text())["images"]["dog.jpg"]["plain"])

    found = decode_all([raws[f"layer{y.index}_in"] for y in yolos], [head_of(y) for y in yolos], (416, 416), 0.005)
    found = suppress(
        Detections(fit((768, 576), (416, 416), False).back(found.boxes), found.scores, found.classes), 0.45
    )

    corners = np.concatenate([table[:, 2:4] - table[:, 4:] / 2, table[:, 2:4] + table[:, 4:] / 2], axis=1)
    expected = ordered(np.column_stack([table[:, :2], as_boxes(corners)]))
    rows = as_rows(found)
    assert rows.shape == expected.shape
    np.testing.assert_allclose(rows[:, :2], expected[:, :2], atol=1e-4)
    np.testing.assert_allclose(rows[:, 2:], expected[:, 2:], atol=0.05)
