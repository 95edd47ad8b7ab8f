"""COCO's numbers against pycocotools, to the last bit."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.evaluation.problems import darknet_problem, random_problem

from onelook.evaluation.average_precision import class_average_precision
from onelook.evaluation.coco import WORDS, coco_result
from onelook.evaluation.matching import match
from onelook.evaluation.problem import lay_out
from onelook.evaluation.rules import RULES
from onelook.structures.detections import Detections
from onelook.structures.truth import Truth


def oracle(truths: Sequence[Truth], detections: Sequence[Detections], classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pycocotools' twelve numbers and its precision array."""
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is the oracle")
    evaluation = pytest.importorskip("pycocotools.cocoeval")
    annotations: list[dict[str, Any]] = []
    for image, true in enumerate(truths):
        for box, label, crowd in zip(_xywh(true.boxes), true.classes.tolist(), true.crowd, strict=True):  # type: ignore[arg-type]
            annotations.append(
                {"id": len(annotations) + 1, "image_id": image + 1, "category_id": label + 1, "bbox": box}
                | {"area": box[2] * box[3], "iscrowd": int(crowd)}
            )
    results = [
        {"image_id": image + 1, "category_id": label + 1, "bbox": box, "score": score}
        for image, found in enumerate(detections)
        for box, label, score in zip(
            _xywh(found.boxes), found.classes.tolist(), found.scores.astype(float).tolist(), strict=True
        )
    ]
    truth = coco.COCO()
    truth.dataset = {
        "images": [{"id": image + 1} for image in range(len(truths))],
        "categories": [{"id": index + 1, "name": str(index)} for index in range(classes)],
        "annotations": annotations,
        "info": {},
    }
    truth.createIndex()
    judged = evaluation.COCOeval(truth, truth.loadRes(results), "bbox")
    judged.evaluate()
    judged.accumulate()
    judged.summarize()
    return np.asarray(judged.stats), judged.eval["precision"]


def _xywh(boxes: np.ndarray) -> list[list[float]]:
    wide = boxes.astype(np.float64)
    return np.concatenate([wide[:, :2], wide[:, 2:] - wide[:, :2]], 1).tolist()


@pytest.mark.parametrize("seed", range(12))
def test_all_twelve_numbers_equal_pycocotools_to_the_last_bit(seed: int) -> None:
    truths, detections = random_problem(seed, images=25, crowds=seed % 2 == 0, dense=200 if seed < 2 else 14)
    expected, precision = oracle(truths, detections, 4)

    result = coco_result(lay_out(truths, detections, "abcd"))

    numbers = np.asarray([result.numbers[word] for word in WORDS])
    assert np.nan_to_num(numbers, nan=-1).tolist() == expected.tolist()
    assert np.nan_to_num(result.class_ap, nan=-1).tolist() == precision[..., 0, -1].mean(axis=(0, 1)).tolist()


@pytest.mark.parametrize("seed", range(12))
def test_our_own_matching_under_coco_rules_gives_the_same_ap_for_every_class(seed: int) -> None:
    truths, detections = random_problem(seed, images=25, crowds=seed % 2 == 0, dense=200 if seed < 2 else 14)
    _, precision = oracle(truths, detections, 4)
    problem = lay_out(truths, detections, "abcd")

    for place, iou in ((0, 0.5), (5, 0.75)):
        ours = class_average_precision(match(problem, RULES["coco"], iou))
        theirs = precision[place, :, :, 0, -1].mean(axis=0)
        assert np.nan_to_num(ours, nan=-1) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("part", ["yolov3-tiny.coco128-val2017", "yolo-fastest-1.1-xl.coco128-train2017"])
def test_coco128_equals_pycocotools(shared: Path, part: str) -> None:
    truths, detections, names = darknet_problem(shared / "reference/map" / f"{part}.detections.json")
    expected, _ = oracle(truths, detections, len(names))

    result = coco_result(lay_out(truths, detections, names))

    assert [result.numbers[word] for word in WORDS] == expected.tolist()


def test_classes_without_truth_are_undefined_and_left_out_of_the_mean() -> None:
    truths, detections = random_problem(3, classes=2)

    result = coco_result(lay_out(truths, detections, "abc"))

    assert np.isnan(result.class_ap[2])
    assert result.numbers["ap"] == pytest.approx(result.class_ap[:2].mean())
    json.dumps(result.numbers)
