"""COCO's twelve numbers, computed by hotcoco: bit-equal to pycocotools and eighty times as fast."""

from dataclasses import dataclass

import numpy as np

from onelook.evaluation.problem import Problem, Reals

WORDS = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"),
)
"""COCO's twelve numbers in its own order; small is up to 32 x 32 pixels, medium up to 96 x 96, both ends included."""

UNDEFINED = -1
"""What COCO gives for a class or area range without truth."""


@dataclass(frozen=True)
class CocoResult:
    """The twelve numbers by WORDS, and the AP of every class (classes,) over IoU .50 to .95 and at .50; NaN when undefined."""

    numbers: dict[str, float]
    class_ap: Reals
    class_ap50: Reals


def coco_result(problem: Problem) -> CocoResult:
    """Return COCO's numbers; no detection gives 0 wherever there is truth, no truth gives NaN."""
    from hotcoco import COCO, COCOeval

    images = [{"id": index + 1} for index in range(problem.images)]
    categories = [{"id": index + 1, "name": name} for index, name in enumerate(problem.names)]
    truth = COCO.from_arrays(
        images,
        categories,
        problem.truth_image + 1,
        problem.truth_class + 1,
        _xywh(problem.truth_box),
        iscrowd=problem.crowd.astype(np.int64),
    )
    evaluation = COCOeval(truth, truth.load_res(_table(problem)), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summary_lines()  # fills `stats` without printing, as `summarize` would
    assert evaluation.eval is not None
    precision = np.asarray(evaluation.eval["precision"])[..., 0, -1]  # (10 IoUs, 101 recalls, classes)
    ap = precision.mean(axis=(0, 1))
    ap50 = precision[0].mean(axis=0)
    return CocoResult(
        {word: _defined(value) for word, value in zip(WORDS, evaluation.stats, strict=True)},
        np.where(ap == UNDEFINED, np.nan, ap),
        np.where(ap50 == UNDEFINED, np.nan, ap50),
    )


def _table(problem: Problem) -> Reals:
    """Return the detections (n, 7) as image, x, y, width, height, score, class; numbers count from 1. Nothing is kept twice."""
    table = np.empty((len(problem.score), 7))
    table[:, 0], table[:, 5], table[:, 6] = problem.image, problem.score, problem.label
    table[:, [0, 6]] += 1
    table[:, 1:3] = problem.box[:, :2]
    np.subtract(problem.box[:, 2:], problem.box[:, :2], out=table[:, 3:5])
    return table


def _xywh(boxes: Reals) -> Reals:
    return np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)


def _defined(value: float) -> float:
    return float("nan") if value == UNDEFINED else float(value)
