"""A good model on labels that were mixed up: the best suspicion is what was done."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from onelook.evaluation.problem import Problem, lay_out
from onelook.evaluation.suspicions import ap50, suspicions
from onelook.structures.detections import Detections
from onelook.structures.truth import Truth

IMAGES, SIZE = 20, (400, 300)
FILES = [f"{index}.jpg" for index in range(IMAGES)]


def good_model(seed: int = 0) -> Problem:
    """Return detections that are off by a pixel or two, some missed, some invented."""
    generator = np.random.default_rng(seed)
    truths, detections = [], []
    for _ in range(IMAGES):
        count = int(generator.integers(2, 7))
        corner, side = generator.uniform(0, (300, 200), (count, 2)), generator.uniform(20, 100, (count, 2))
        boxes, classes = np.concatenate([corner, corner + side], 1), generator.integers(0, 4, count)
        truths.append(Truth(boxes, classes))  # type: ignore[arg-type]
        rows = np.concatenate([boxes + generator.normal(0, 1.5, boxes.shape), [[5, 5, 30, 40]]])
        detections.append(Detections(rows, generator.uniform(0.4, 1, len(rows)), [*classes, 0]))  # type: ignore[arg-type]
    return lay_out(truths, detections, ["cat", "dog", "cow", "emu"])


def turned(box: np.ndarray) -> np.ndarray:
    return np.stack([SIZE[0] - box[:, 2], box[:, 1], SIZE[0] - box[:, 0], box[:, 3]], 1)


MIXED: dict[str, Callable[[Problem], Problem]] = {
    "boxes-in-fractions": lambda good: replace(good, truth_box=good.truth_box / np.tile(SIZE, 2)),
    "boxes-transposed": lambda good: replace(good, truth_box=good.truth_box[:, [1, 0, 3, 2]]),
    "boxes-mirrored": lambda good: replace(good, truth_box=turned(good.truth_box)),
    "boxes-scaled": lambda good: replace(good, truth_box=good.truth_box * 2),
    "classes-permuted": lambda good: replace(good, truth_class=np.asarray([1, 2, 0, 3])[good.truth_class]),
    "labels-shifted": lambda good: replace(good, image=(good.image + 1) % IMAGES),
}


@pytest.mark.parametrize("code", MIXED)
def test_what_was_done_is_suspected_first(code: str) -> None:
    mixed = MIXED[code](good_model())

    first = suspicions(mixed, [SIZE] * IMAGES, FILES)[0]

    assert first.code == code
    assert first.ap50 > 0.8 > 0.5 > ap50(mixed)


def test_labels_of_any_other_image_are_found() -> None:
    good = good_model()
    order = np.random.default_rng(1).permutation(IMAGES)
    mixed = replace(good, image=order[good.image])
    mixed = replace(mixed, **{n: getattr(mixed, n)[np.argsort(mixed.image, kind="stable")] for n in COLUMNS})

    first = suspicions(mixed, [SIZE] * IMAGES, FILES)[0]

    assert first.code == "labels-shuffled"
    assert first.ap50 > 0.8


COLUMNS = ("label", "box", "score", "image")


def test_sides_that_are_all_too_large_are_told_with_their_factor() -> None:
    good = good_model()
    centre, side = (good.box[:, :2] + good.box[:, 2:]) / 2, good.box[:, 2:] - good.box[:, :2]
    large = replace(good, box=np.concatenate([centre - side, centre + side], 1))

    first = suspicions(large, [SIZE] * IMAGES, FILES)[0]

    assert first.code == "wrong-sides"
    assert "2 times as wide" in first.words
    assert first.ap50 > 0.8


@pytest.mark.parametrize("seed", range(5))
def test_nothing_makes_a_good_model_better(seed: int) -> None:
    good = good_model(seed)

    assert max(suspicion.ap50 for suspicion in suspicions(good, [SIZE] * IMAGES, FILES)) <= ap50(good) + 0.01


def test_the_words_name_the_classes() -> None:
    mixed = MIXED["classes-permuted"](good_model())

    first = suspicions(mixed, [SIZE] * IMAGES, FILES)[0]

    assert "cat is dog, dog is cow, cow is cat" in first.words


def test_nothing_found_or_nothing_to_find_suspects_nothing() -> None:
    nothing = Truth(np.zeros((0, 4)), [])  # type: ignore[arg-type]

    assert suspicions(lay_out([nothing], [Detections.none()], ["cat"]), [SIZE], FILES) == []
