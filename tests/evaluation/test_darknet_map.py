"""What `darknet detector map` printed, number for number."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.problems import darknet_problem

from onelook.evaluation.average_precision import class_average_precision, mean_over_classes
from onelook.evaluation.curves import counts, counts_by_class
from onelook.evaluation.evaluation import evaluate
from onelook.evaluation.matching import match
from onelook.evaluation.problem import lay_out
from onelook.evaluation.rules import RULES

HALVES = [
    f"{network}.coco128-{half}2017" for network in ("yolov3-tiny", "yolo-fastest-1.1-xl") for half in ("train", "val")
]
OPTIONS = ("p0", "p11", "p101", "iou75", "iou75_p101_thresh10")
PRINTED = [f"{half}.{options}" for half in HALVES for options in OPTIONS] + [
    "yolo-fastest-1.1-xl.coco128-val2017-difficult"
]


@pytest.mark.parametrize("name", PRINTED)
def test_every_printed_number_is_reproduced(shared: Path, name: str) -> None:
    folder = shared / "reference/map"
    printed = json.loads((folder / "map.json").read_text())[name]
    options = printed["options"]
    part = name if name.endswith("difficult") else name.rsplit(".", 1)[0]
    truths, detections, names = darknet_problem(folder / f"{part}.detections.json")
    rules = dataclasses.replace(RULES["darknet"], iou=options["iou_thresh"], points=options["points"])

    matches = match(lay_out(truths, detections, names), rules)
    precisions = class_average_precision(matches)
    total = counts(matches, options["thresh"])
    by_class = counts_by_class(matches, options["thresh"])

    assert mean_over_classes(precisions, rules) == pytest.approx(printed["map"], abs=6e-7)
    theirs = {row["id"]: row for row in printed["classes"]}
    ours = {label: (np.nan_to_num(precisions[label]), by_class[label]) for label in theirs}
    assert [ours[label][0] * 100 for label in theirs] == pytest.approx(
        [row["ap_percent"] for row in theirs.values()], abs=0.0051
    )
    assert [ours[label][1].right for label in theirs] == [row["tp"] for row in theirs.values()]
    assert [ours[label][1].wrong for label in theirs] == [row["fp"] for row in theirs.values()]
    assert (total.right, total.wrong, total.missed) == (printed["tp"], printed["fp"], printed["fn"])
    assert 100 * total.average_iou == pytest.approx(printed["avg_iou_percent"], abs=0.0051)
    assert (total.precision, total.recall, total.f1) == pytest.approx(
        (printed["precision"], printed["recall"], printed["f1"]), abs=0.0051
    )


def test_the_words_of_eval_carry_darknets_numbers(shared: Path) -> None:
    folder = shared / "reference/map"
    printed = json.loads((folder / "map.json").read_text())["yolov3-tiny.coco128-val2017.p0"]
    truths, detections, names = darknet_problem(folder / "yolov3-tiny.coco128-val2017.detections.json")

    words = evaluate(truths, detections, names, "darknet").as_json()

    assert words["map50"] == pytest.approx(printed["map"], abs=6e-7)
    assert words["average_iou"] * 100 == pytest.approx(printed["avg_iou_percent"], abs=0.0051)
    assert words["score"] == 0.25
