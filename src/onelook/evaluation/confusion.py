"""Which class is taken for which, with the background as a class of its own."""

import numpy as np

from onelook.evaluation.curves import over
from onelook.evaluation.matching import Matches, overlapping
from onelook.evaluation.problem import Flags, Integers, Problem


def confusion_matrix(problem: Problem, matches: Matches, score: float) -> Integers:
    """Return counts (classes + 1, classes + 1): row = true class, column = detected class, the last of each = background.

    Detections over the score threshold that found a truth of their class stand on the diagonal. The rest take, best
    IoU first, what truth of another class is left; what remains on either side stands against the background.
    Detections and truths that the rules ignore are left out.
    """
    classes = len(problem.names)
    matrix = np.zeros((classes + 1, classes + 1), np.int64)
    passing = over(matches, score)
    found = passing & matches.found
    free_truth = _asked_for(problem, matches)
    free_truth[matches.truth[found]] = False
    free = np.zeros(len(problem.score), np.bool_)
    free[matches.index[passing & matches.wrong]] = True
    np.add.at(matrix, (matches.label[found], matches.label[found]), 1)
    pairs = overlapping(problem, matches.rules.iou, same_class=False)
    for place in np.argsort(-pairs.iou, kind="stable").tolist():
        detection, truth = int(pairs.detection[place]), int(pairs.truth[place])
        true, seen = problem.truth_class[truth], problem.label[detection]
        if free[detection] and free_truth[truth] and true != seen:
            free[detection] = free_truth[truth] = False
            matrix[true, seen] += 1
    matrix[classes] += np.bincount(problem.label[free], minlength=classes + 1)
    matrix[:, classes] += np.bincount(problem.truth_class[free_truth], minlength=classes + 1)
    return matrix


def _asked_for(problem: Problem, matches: Matches) -> Flags:
    ignored = problem.crowd | (problem.difficult & (matches.rules.difficult == "ignored"))
    return ~ignored
