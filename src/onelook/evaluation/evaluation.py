"""One evaluation for training, `onelook eval` and exported models alike: truth and detections in, numbers out."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onelook.evaluation.average_precision import class_average_precision, mean_over_classes, truth_counts
from onelook.evaluation.bootstrap import Interval, intervals, resample_count
from onelook.evaluation.coco import coco_result
from onelook.evaluation.curves import Counts, best_score, confidence_curve, counts, counts_by_class
from onelook.evaluation.matching import Matches, match, overlapping
from onelook.evaluation.problem import Problem, Reals, lay_out
from onelook.evaluation.rules import Rules, find_rules
from onelook.structures.detections import Detections
from onelook.structures.truth import Truth

IOUS = tuple(np.linspace(0.5, 0.95, 10).tolist())
"""The IoUs over which `ap` is the mean."""


@dataclass(frozen=True)
class ClassResult:
    """The numbers of one class; `truths` are those asked for, `detections` all that were handed in."""

    name: str
    ap: float | None
    ap50: float | None
    truths: int
    detections: int
    counts: Counts
    """At the evaluation's score threshold."""

    def as_json(self) -> dict[str, Any]:
        """Return the numbers under the words that scripts rely on."""
        return {
            "class": self.name,
            "ap": self.ap,
            "ap50": self.ap50,
            "truths": self.truths,
            "detections": self.detections,
            **_count_words(self.counts),
        }


@dataclass(frozen=True)
class Evaluation:
    """What detections are worth under stated rules; a number that is undefined (no truth) is None."""

    rules: Rules
    ap: float | None
    """Mean over IoU .50 to .95 and classes."""
    ap50: float | None
    ap75: float | None
    score: float
    """Threshold at which precision, recall, F1 and average IoU are taken, at the rules' IoU (0.5), pooled over classes."""
    score_from: str
    """Where that threshold comes from: "given", "rules" or "best F1"."""
    counts: Counts
    best_score: float | None
    """Threshold with the best F1, None without detections or truth."""
    per_class: tuple[ClassResult, ...]
    images: int
    truths: int
    detections: int
    coco: dict[str, float | None] | None
    """COCO's twelve numbers under COCO's rules."""

    @property
    def precision(self) -> float:
        """Share of detections over the threshold that are right; 0 without any."""
        return self.counts.precision

    @property
    def recall(self) -> float | None:
        """Share of truth found over the threshold."""
        return _defined(self.counts.recall)

    @property
    def f1(self) -> float | None:
        """Harmonic mean of precision and recall."""
        return _defined(self.counts.f1)

    @property
    def average_iou(self) -> float:
        """IoU of right detections summed, over right and wrong ones: Darknet's meaning under every rule."""
        return self.counts.average_iou

    def as_json(self) -> dict[str, Any]:
        """Return the numbers under the words that scripts rely on."""
        return {
            "rules": self.rules.name,
            "ap": self.ap,
            "ap50": self.ap50,
            "ap75": self.ap75,
            **({"map50": self.ap50} if self.rules.name == "darknet" else {}),
            **_count_words(self.counts),
            "score": self.score,
            "score_from": self.score_from,
            "best_f1_score": self.best_score,
            "images": self.images,
            "truths": self.truths,
            "detections": self.detections,
            "per_class": [result.as_json() for result in self.per_class],
            "choices": self.rules.choices(),
            **({"coco": self.coco} if self.coco else {}),
        }


def evaluate(
    truths: Sequence[Truth],
    detections: Sequence[Detections],
    names: Sequence[str],
    rules: str | Rules = "coco",
    score: float | None = None,
    images: Sequence[str] | None = None,
) -> Evaluation:
    """Return what `detections` are worth against `truths`, one of each an image, under `rules`.

    `score` is the threshold of precision, recall and F1; None takes the rules' own (Darknet: 0.25) or the one with the best
    F1. `images` names the images in errors. Raises ValueError when the lengths differ, UserError for unknown rules and
    for a record that cannot be judged (see `lay_out`).
    """
    return judge(lay_out(truths, detections, names, images), find_rules(rules), score)[0]


def judge(problem: Problem, rules: Rules, score: float | None = None) -> tuple[Evaluation, Matches]:
    """Return the evaluation of a laid-out problem, and who found what at the rules' IoU, for curves and intervals."""
    result = coco_result(problem) if rules.name == "coco" else None  # first, as it needs the most memory
    pairs = overlapping(problem, min(rules.iou, IOUS[0]))
    matches = match(problem, rules, pairs=pairs)
    best = best_score(confidence_curve(matches))
    if best is not None and rules.strict_score:
        best = float(np.nextafter(np.float32(best), np.float32(0)))  # the score itself has to pass
    score, score_from = _threshold(score, rules, best)
    coco: dict[str, float | None] | None = None
    if result is not None:
        class_ap, class_ap50 = result.class_ap, result.class_ap50
        ap, ap50, ap75 = (result.numbers[word] for word in ("ap", "ap50", "ap75"))
        coco = {word: _defined(value) for word, value in result.numbers.items()}
    else:
        by_iou = [class_average_precision(match(problem, rules, iou, pairs)) for iou in IOUS]
        class_ap, class_ap50 = np.mean(by_iou, axis=0), by_iou[0]
        ap, ap50, ap75 = (mean_over_classes(values, rules) for values in (class_ap, by_iou[0], by_iou[5]))
    evaluation = Evaluation(
        rules=rules,
        ap=_defined(ap),
        ap50=_defined(ap50),
        ap75=_defined(ap75),
        score=score,
        score_from=score_from,
        counts=counts(matches, score),
        best_score=best,
        per_class=_per_class(problem, matches, score, class_ap, class_ap50),
        images=problem.images,
        truths=len(matches.truth_class),
        detections=len(problem.score),
        coco=coco,
    )
    return evaluation, matches


def match_by_iou(problem: Problem, rules: Rules) -> list[Matches]:
    """Return who found what at every one of IOUS."""
    pairs = overlapping(problem, IOUS[0])
    return [match(problem, rules, iou, pairs) for iou in IOUS]


def headline_intervals(problem: Problem, matches: Matches, score: float) -> Mapping[str, Interval]:
    """Return the 95 % interval of every headline number of `judge`: ap, ap50, ap75, precision, recall, f1 and average_iou."""
    by_iou = match_by_iou(problem, matches.rules)
    return intervals(matches, score, resample_count(len(problem.score)), by_iou=by_iou)


def _threshold(score: float | None, rules: Rules, best: float | None) -> tuple[float, str]:
    if score is not None:
        return score, "given"
    if rules.score is not None:
        return rules.score, "rules"
    return (best, "best F1") if best is not None else (0.0, "nothing to choose from")


def _per_class(
    problem: Problem, matches: Matches, score: float, class_ap: Reals, class_ap50: Reals
) -> tuple[ClassResult, ...]:
    at_score = counts_by_class(matches, score)
    truths = truth_counts(matches)
    given = np.bincount(problem.label, minlength=len(problem.names))
    return tuple(
        ClassResult(name, _defined(class_ap[k]), _defined(class_ap50[k]), int(truths[k]), int(given[k]), at_score[k])
        for k, name in enumerate(problem.names)
    )


def _count_words(values: Counts) -> dict[str, Any]:
    return {
        "precision": values.precision,
        "recall": _defined(values.recall),
        "f1": _defined(values.f1),
        "average_iou": values.average_iou,
        "tp": values.right,
        "fp": values.wrong,
        "fn": values.missed,
    }


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
