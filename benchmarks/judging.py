"""What a benchmark's training is worth: the numbers of its run on the test split, which nothing before has seen."""

from pathlib import Path
from typing import Any

from onelook.evaluation.bootstrap import intervals
from onelook.evaluation.evaluation import Evaluation, judge
from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import lay_out
from onelook.evaluation.rules import find_rules
from onelook.training.report.predictions import read_predictions


def judged_on_test(run: Path) -> tuple[dict[str, Any], Evaluation, Matches]:
    """Return AP50 with its 95 % interval, AP, images and seconds of training, and what they were computed from."""
    predictions = read_predictions(run / "predictions.json")
    test = predictions.splits["test"]
    evaluation, matches = judge(lay_out(test.truths, test.detections, predictions.names), find_rules("coco"))
    ranges = intervals(matches, evaluation.score)
    words = evaluation.as_json()
    numbers = {
        "train_seconds": predictions.about["seconds"],
        "ap50": words["ap50"],
        "ap50_interval_95": [ranges["ap50"].low, ranges["ap50"].high],
        "ap": words["ap"],
        "images": evaluation.images,
    }
    return numbers, evaluation, matches
