"""Heads, NMS and resizing against what the original program detected: on its small networks, and on its sample images."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from onelook.inference.model import Detector, load
from onelook.inference.onnx_graph import onnx_model
from onelook.inference.runtime import OnnxRuntime
from onelook.inference.runtimes import installed
from onelook.structures.bundle import darknet_bundle
from onelook.structures.darknet_resize import darknet_fit
from onelook.structures.detections import Detections
from onelook.structures.images import read_image
from onelook.structures.network.cfg import read_cfg
from onelook.structures.network.heads import decode_all, heads_of
from onelook.structures.network.layers import Layer, describe
from onelook.structures.network.nms import PLAIN, measure_of, suppress
from onelook.structures.network.weights_file import read_weights, split_weights

Rows = np.ndarray
"""(n, 6): class, score, centre x, y, width, height."""

HUGE = 1e4
"""Times the image: such boxes, which random weights give, are not compared."""

HEADS = (
    "yolo_basic",
    "yolo_mask_345_one_class",
    "yolo_single_mask",
    "yolo_no_mask",
    "yolo_scale_x_y_105_greedynms",
    "yolo_scale_x_y_12_diounms",
    "yolo_new_coords",
    "yolo_new_coords_linear_conv",
    "yolo_two_heads",
    "gaussian_yolo",
    "gaussian_yolo_left_top_corners",
    "region_v2",
    "region_v2_softmax0",
    "reorg_region_v2_passthrough",
    "detection_v1",
    "mini_yolov4_tiny",
    "mini_panet_3heads",
)

MODELS = {
    "yolov3-tiny": "yolov3-tiny/yolov3-tiny",
    "yolo-fastest-1.1": "yolo-fastest/yolo-fastest-1.1_coco/yolo-fastest-1.1",
    "yolo-fastest-1.1-xl": "yolo-fastest/yolo-fastest-1.1_coco/yolo-fastest-1.1-xl",
    "mobilenetv2-yolov3-nano": "mobilenetv2-yolov3-nano/MobileNetV2-YOLOv3-Nano/COCO/MobileNetV2-YOLOv3-Nano-coco",
}


def as_rows(found: Detections, unit: Sequence[float] = (1, 1)) -> Rows:
    boxes = found.boxes / np.asarray([*unit, *unit])
    return np.column_stack(
        [found.classes, found.scores, (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]]
    )


def stored_rows(boxes: Rows, unit: Sequence[float] = (1, 1)) -> Rows:
    """Return rows of Darknet's table x, y, width, height, objectness, one probability a class; huge boxes are left out."""
    finite = np.isfinite(boxes[:, :4]).all(axis=1) & (np.abs(boxes[:, :4]) < HUGE).all(axis=1)
    box, kind = np.nonzero(np.where(finite[:, None], boxes[:, 5:], 0))
    return np.column_stack([kind, boxes[box, 5 + kind], boxes[box, :4] / np.asarray([*unit, *unit])])


def compare(ours: Rows, theirs: Rows, score: float, box: float) -> Rows:
    """Assert that every one of theirs is among ours within the tolerances; return what ours has beyond.

    `box` is a share of the box's largest number where that is above 1.
    """
    free = np.ones(len(ours), bool)
    for row in theirs:
        apart = np.abs(ours[:, 2:] - row[2:]).max(axis=1, initial=0) / (box * max(1, np.abs(row[2:]).max()))
        apart = np.maximum(apart, np.abs(ours[:, 1] - row[1]) / score)
        apart[(ours[:, 0] != row[0]) | ~free] = np.inf
        best = int(apart.argmin()) if len(ours) else -1
        assert best >= 0 and apart[best] <= 1, f"{row} is not among ours"
        free[best] = False
    return ours[free]


def raw_outputs(folder: Path, name: str) -> tuple[tuple[Layer, ...], list[np.ndarray]]:
    layers = describe(read_cfg(folder / f"{name}.cfg"))
    arrays = split_weights(read_weights(folder / f"{name}.weights"), layers)
    runtime = OnnxRuntime(onnx_model(layers, arrays, "float32").SerializeToString(), threads=1)
    return layers, [output[0] for output in runtime.run(np.load(folder / f"{name}.npz")["input"][None])]


@pytest.mark.parametrize("letter", [0, 1])
@pytest.mark.parametrize("name", HEADS)
def test_a_head_s_boxes_and_what_nms_leaves_are_the_original_s(shared: Path, name: str, letter: int) -> None:
    folder = shared / "reference" / "layers"
    layers, raws = raw_outputs(folder, name)
    stored, settings = (
        np.load(folder / f"{name}.npz"),
        json.loads((folder / "index.json").read_text())["cases"][name]["det"],
    )
    size, image = (layers[0].in_shapes[0][2], layers[0].in_shapes[0][1]), settings["image_w_h"]
    grid = layers[-1].kind == "detection"  # Darknet gives these boxes in pixels, and never undoes a letterbox for them
    how = darknet_fit((image[0], image[1]), size, bool(letter) and not grid)
    found = decode_all(raws, heads_of(layers), size, settings["thresh"])

    kinds = {"boxes": found, "nms_sort": suppress(found, settings["nms"], measure=PLAIN)}
    if f"nms_kind_letter{letter}" in stored:
        kinds["nms_kind"] = suppress(found, settings["nms"], measure=measure_of(layers, how.inner))
    for kind, left in kinds.items():
        ours = as_rows(Detections(how.back(left.boxes), left.scores, left.classes), image)
        theirs = stored_rows(stored[f"{kind}_letter{letter}"], image if grid else (1, 1))

        beyond = compare(ours, theirs, score=1e-5, box=1e-5)

        assert (np.abs(beyond[:, 2:]) >= HUGE).any(axis=1).all(), kind


def test_all_heads_of_the_reference_are_compared(shared: Path) -> None:
    cases = json.loads((shared / "reference" / "layers" / "index.json").read_text())["cases"]

    assert {name for name, case in cases.items() if case["det"]} == set(HEADS)


RUNTIMES = {"darknet_stretch": "onnxruntime", "darknet_letterbox": "openvino"}
"""Each runtime looks at every image with every network."""


def detector(shared: Path, name: str, resize: str) -> Detector:
    path = shared / "weights" / MODELS[name]
    bundle = darknet_bundle(Path(f"{path}.cfg"), Path(f"{path}.weights"), path.parent / "coco.names")
    bundle = dataclasses.replace(bundle, settings=dataclasses.replace(bundle.settings, resize=resize))
    name = RUNTIMES[resize]
    return load(bundle, threads=1, runtime=name if name in installed() else None)


def seen_on(detector: Detector, image: Path, least: float) -> Rows:
    """Return what is seen, not clipped to the image, as Darknet lists it."""
    how, raws = detector.raw_outputs(read_image(image))
    layers = detector.layers
    found = decode_all(raws, heads_of(layers), detector.settings.size, least)
    found = suppress(found, detector.settings.nms, measure=measure_of(layers, how.inner))
    return as_rows(Detections(how.back(found.boxes), found.scores, found.classes))


@pytest.mark.parametrize("mode", ["plain", "letter_box"])
@pytest.mark.parametrize("name", MODELS)
def test_sample_images_show_what_the_original_saw_on_them(shared: Path, name: str, mode: str) -> None:
    """From the JPEG file on: decoding, resizing, network, heads and NMS."""
    folder = shared / "reference" / "images"
    stored: dict[str, Any] = json.loads((folder / f"{name}.detections.json").read_text())
    ours = detector(shared, name, {"plain": "darknet_stretch", "letter_box": "darknet_letterbox"}[mode])
    least = stored["meta"]["thresh"]
    for image in ("dog.jpg", "person.jpg", "horses.jpg"):
        theirs = np.asarray(stored["images"][image][mode], float).reshape(-1, 6)

        beyond = compare(seen_on(ours, folder / "img" / image, least), theirs, score=1e-4, box=0.05 / 1000)

        assert (beyond[:, 1] < least + 1e-4).all(), image
