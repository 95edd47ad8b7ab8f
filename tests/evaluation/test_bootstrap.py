import time

import numpy as np
import pytest
from tests.evaluation.problems import found, random_problem, truth

from onelook.evaluation.average_precision import class_average_precision, mean_over_classes
from onelook.evaluation.bootstrap import image_weights, intervals, resampled_ap, resampled_counts, resampled_mean_ap
from onelook.evaluation.coco import coco_result
from onelook.evaluation.curves import counts
from onelook.evaluation.evaluation import match_by_iou
from onelook.evaluation.matching import Matches, match
from onelook.evaluation.problem import lay_out
from onelook.evaluation.rules import RULES
from onelook.structures.detections import Detections


def judged(rules: str = "coco", images: int = 30) -> Matches:
    truths, detections = random_problem(5, images=images)
    return match(lay_out(truths, detections, "abcd"), RULES[rules])


@pytest.mark.parametrize("rules", RULES)
def test_reweighing_gives_what_evaluating_the_drawn_images_gives(rules: str) -> None:
    truths, detections = random_problem(5)
    scores = np.random.default_rng(0).permutation(10_000) / 10_000  # all different: copies stand side by side
    start = np.cumsum([0] + [len(seen) for seen in detections])
    detections = [
        Detections(seen.boxes, scores[at : at + len(seen)], seen.classes)
        for at, seen in zip(start, detections, strict=False)
    ]
    matches = match(lay_out(truths, detections, "abcd"), RULES[rules])
    weights = image_weights(len(truths), 6, seed=1)

    ap, at_half = resampled_ap(matches, weights), resampled_counts(matches, 0.5, weights)

    for row, drawn in enumerate(np.repeat(np.arange(30), times.astype(int)) for times in weights):
        again = match(lay_out([truths[i] for i in drawn], [detections[i] for i in drawn], "abcd"), RULES[rules])
        assert ap[row] == pytest.approx(mean_over_classes(class_average_precision(again), RULES[rules]))
        assert at_half["precision"][row] == pytest.approx(counts(again, 0.5).precision)
        assert at_half["recall"][row] == pytest.approx(counts(again, 0.5).recall)


def test_the_interval_of_ap_is_over_all_ious() -> None:
    truths, detections = random_problem(5)
    problem = lay_out(truths, detections, "abcd")
    by_iou = match_by_iou(problem, RULES["coco"])
    value = coco_result(problem).numbers["ap"]
    once = np.ones((1, problem.images))

    interval = intervals(by_iou[0], 0.5, by_iou=by_iou)["ap"]

    assert interval.low is not None
    assert interval.high is not None
    assert interval.low < value < interval.high
    assert resampled_mean_ap(by_iou, once)[0] == pytest.approx(value)


def test_the_interval_holds_the_value_itself_and_narrows_with_more_images() -> None:
    widths = []
    for images in (20, 200):
        matches = judged(images=images)
        value = mean_over_classes(class_average_precision(matches), matches.rules)
        interval = intervals(matches, 0.5)["ap50"]
        assert interval.low is not None
        assert interval.high is not None
        assert interval.low < value < interval.high
        widths.append(interval.high - interval.low)

    assert widths[1] < widths[0] / 2


def test_the_same_seed_gives_the_same_interval() -> None:
    assert intervals(judged(), 0.5, seed=3) == intervals(judged(), 0.5, seed=3)
    assert intervals(judged(), 0.5, seed=3) != intervals(judged(), 0.5, seed=4)


def test_one_image_gives_an_interval_of_no_width() -> None:
    matches = match(lay_out([truth((0, 0, 9, 9))], [found((0, 0, 9, 9, 0.9))], ["cell"]), RULES["coco"])

    interval = intervals(matches, 0.5)["ap50"]

    assert (interval.low, interval.high) == (1, 1)


def test_no_truth_gives_no_interval() -> None:
    matches = match(lay_out([truth()], [found((0, 0, 9, 9, 0.9))], ["cell"]), RULES["coco"])

    assert intervals(matches, 0.5)["ap50"].low is None
    assert intervals(matches, 0.5)["recall"].low is None


def test_an_empty_data_set_gives_no_interval() -> None:
    matches = match(lay_out([], [], ["cell"]), RULES["coco"])

    assert intervals(matches, 0.5)["ap50"].low is None


def test_many_resamples_of_many_detections_are_worked_on_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    matches = judged()
    whole = intervals(matches, 0.5, resamples=50)

    monkeypatch.setattr("onelook.evaluation.bootstrap.CELLS_AT_ONCE", 100)

    assert intervals(matches, 0.5, resamples=50) == whole


def test_a_thousand_resamples_of_a_validation_set_take_no_time_to_speak_of() -> None:
    matches = judged(images=90)

    began = time.perf_counter()
    intervals(matches, 0.5)

    assert time.perf_counter() - began < 5
