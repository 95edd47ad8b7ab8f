import numpy as np
import pytest
from tests.evaluation.problems import random_problem

from onelook.evaluation.curves import counts
from onelook.evaluation.matching import match
from onelook.evaluation.problem import lay_out
from onelook.evaluation.rules import RULES
from onelook.training.report.samples import choose_images, image_counts


def test_the_counts_of_the_images_sum_to_those_of_the_split() -> None:
    truths, detections = random_problem(3)
    matches = match(lay_out(truths, detections, "abcd"), RULES["coco"])

    right, wrong, missed = image_counts(matches, 0.4)

    total = counts(matches, 0.4)
    assert (right.sum(), wrong.sum(), missed.sum()) == (total.right, total.wrong, total.missed)
    assert len(right) == 30


def test_best_and_worst_are_by_f1_and_images_without_anything_are_left_out() -> None:
    right, wrong, missed = np.asarray([[9, 0, 0], [0, 5, 1], [0, 0, 0], [5, 5, 0], [2, 0, 0], [0, 1, 1]]).T

    chosen = choose_images(right, wrong, missed, 1)

    assert chosen == {"best": [0], "typical": [3], "worst": [1]}


@pytest.mark.parametrize("images", range(9))
def test_no_image_is_chosen_twice_and_few_images_are_just_typical(images: int) -> None:
    right, wrong, missed = np.random.default_rng(images).integers(1, 9, (3, images))

    chosen = choose_images(right, wrong, missed, 3)

    flat = [index for kind in chosen.values() for index in kind]
    assert len(flat) == len(set(flat))
    assert {kind: len(indices) for kind, indices in chosen.items()} == (
        dict.fromkeys(chosen, images // 3) if images >= 3 else {"best": 0, "typical": images, "worst": 0}
    )
