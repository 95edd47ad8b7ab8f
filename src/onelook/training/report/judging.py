"""The record of a split, judged: what a run's report and its page tell of mistakes is reckoned here, once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from onelook.evaluation.confusion import confusion_matrix
from onelook.evaluation.evaluation import Evaluation, judge
from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import Integers, Problem, lay_out
from onelook.evaluation.rules import RULES, Rules
from onelook.training.report.predictions import Predictions

MOST_CLASSES = 15
"""Classes of which a confusion matrix can still be read; of more, the commonest confusions are listed."""
MOST_CONFUSIONS = 8

DESIRED = ("test", "val", "train")
"""The split that the headline is of: the first of these that was evaluated."""


@dataclass(frozen=True)
class Judged:
    """A detector's record of one split: its numbers, which box found which object, and what is taken for what."""

    problem: Problem
    evaluation: Evaluation
    matches: Matches
    matrix: Integers
    """As `confusion_matrix` has it, (classes + 1, classes + 1)."""


@dataclass(frozen=True)
class Confusion:
    """One kind of mistake: `true` None is seen where there is nothing, `seen` None is missed."""

    true: int | None
    seen: int | None
    count: int

    def in_words(self, names: Sequence[str]) -> str:
        """Return what was taken for what."""
        if self.true is None:
            return f"{names[self.seen or 0]} seen where there is none"
        return f"{names[self.true]} {'missed' if self.seen is None else f'taken for {names[self.seen]}'}"


def judge_split(
    predictions: Predictions, name: str, rules: Rules = RULES["coco"], score: float | None = None
) -> Judged:
    """Return one split's record, judged. Raises UserError, naming the image, for one that cannot be."""
    split, names = predictions.splits[name], predictions.names
    problem = lay_out(split.truths, split.detections, names, [str(path) for path in split.paths])
    evaluation, matches = judge(problem, rules, score)
    return Judged(problem, evaluation, matches, confusion_matrix(problem, matches, evaluation.score))


def commonest(matrix: Integers, classes: int) -> list[Confusion]:
    """Return up to MOST_CONFUSIONS mistakes, most frequent first, of counts by true class (rows) and seen class (columns).

    A row or column behind the `classes` is the background's.
    """
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    places = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS].tolist()
    pairs = [divmod(place, wrong.shape[1]) for place in places]
    return [
        Confusion(true if true < classes else None, seen if seen < classes else None, int(wrong[true, seen]))
        for true, seen in pairs
        if wrong[true, seen]
    ]


def told_confusions(matrix: Integers, names: Sequence[str]) -> list[dict[str, Any]]:
    """Return the commonest mistakes as a report lists them: `words` and `count`."""
    return [{"words": each.in_words(names), "count": each.count} for each in commonest(matrix, len(names))]


def ordered(splits: Iterable[str]) -> list[str]:
    """Return the splits' names, the one for the headline first."""
    found = list(splits)
    known = [name for name in DESIRED if name in found]
    return known + [name for name in found if name not in known]
