"""Vectorised matching against the rules written out as loops, and against what two published folders come to."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.problems import found, random_problem, truth

from onelook.evaluation.average_precision import class_average_precision, mean_over_classes
from onelook.evaluation.matching import PAIRS_AT_ONCE, match, overlapping
from onelook.evaluation.problem import lay_out
from onelook.evaluation.rules import RULES
from onelook.structures.detections import Detections
from onelook.structures.truth import Truth


def devkit(truths: Sequence[Truth], detections: Sequence[Detections], label: int, iou: float, points: int) -> float:
    """Return the AP of one class as VOC's devkit says it, in loops."""
    rows = [
        (float(score), image, box)
        for image, seen in enumerate(detections)
        for box, score, kind in zip(seen.boxes.tolist(), seen.scores, seen.classes, strict=True)
        if kind == label
    ]
    rows.sort(key=lambda row: -row[0])
    taken: set[tuple[int, int]] = set()
    right, wrong = [], []
    for _, image, box in rows:
        true = truths[image]
        best, place = max(
            (
                (_iou(box, other), -index)
                for index, other in enumerate(true.boxes.tolist())
                if _asked(true, index, label)
            ),
            default=(0.0, 0),
        )
        place = -place
        if best > iou and true.difficult[place]:  # type: ignore[index]
            continue
        hit = best > iou and (image, place) not in taken
        if hit:
            taken.add((image, place))
        right.append(hit)
        wrong.append(not hit)
    count = sum(
        _asked(true, index, label) and not true.difficult[index]  # type: ignore[index]
        for true in truths
        for index in range(len(true))
    )
    recall = np.cumsum(right) / count
    precision = np.cumsum(right) / (np.cumsum(right) + np.cumsum(wrong))
    if points:
        return sum(max(precision[recall >= k / (points - 1)], default=0) for k in range(points)) / points
    edges = np.concatenate([[0], recall, [1]])
    envelope = np.maximum.accumulate(np.concatenate([[0], precision, [0]])[::-1])[::-1]
    return float(np.sum(np.diff(edges) * envelope[1:]))


def _asked(true: Truth, index: int, label: int) -> bool:
    return bool(true.classes[index] == label and not true.crowd[index])  # type: ignore[index]


def _iou(one: list[float], other: list[float]) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (sum(areas) - width * height)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("rules", "points"), [("voc07", 11), ("voc10", 0)])
def test_random_problems_come_to_what_the_devkit_says(rules: str, points: int, seed: int) -> None:
    truths, detections = random_problem(seed)
    problem = lay_out(truths, detections, "abcd")

    for iou in (0.5, 0.7):
        ours = class_average_precision(match(problem, RULES[rules], iou))
        assert ours == pytest.approx([devkit(truths, detections, k, iou, points) for k in range(4)], abs=1e-12)


@pytest.mark.parametrize(("rules", "expected"), [("voc10", 0.2456), ("voc07", 0.2684)])
def test_padillas_published_ap_is_reproduced(shared: Path, rules: str, expected: float) -> None:
    folder = shared / "data/map-padilla"
    truths, detections, names = _text_files(folder / "groundtruths", folder / "detections", inclusive_size=True)

    matches = match(lay_out(truths, detections, names), RULES[rules], iou=0.3)

    assert class_average_precision(matches)[0] == pytest.approx(expected, abs=1.1e-4)


def test_cartuchos_folder_comes_to_what_the_devkit_says(shared: Path) -> None:
    folder = shared / "data/map-cartucho/input"
    truths, detections, names = _text_files(folder / "ground-truth", folder / "detection-results", inclusive_size=False)

    ours = class_average_precision(match(lay_out(truths, detections, names), RULES["voc10"]))

    present = [k for k in range(len(names)) if any((true.classes == k).any() for true in truths)]
    expected = np.asarray([devkit(truths, detections, k, 0.5, 0) for k in present])
    assert ours[present] == pytest.approx(expected, abs=1e-12)
    assert mean_over_classes(ours, RULES["voc10"]) == pytest.approx(expected.mean())


def _text_files(
    truth_folder: Path, found_folder: Path, inclusive_size: bool
) -> tuple[list[Truth], list[Detections], list[str]]:
    """Return lines `class [score] a b c d` as boxes; both projects count pixels inclusively, so x2 and y2 gain one."""
    truths, detections = [], []
    files = sorted(truth_folder.glob("*.txt"))
    rows = {path.stem: _lines(path) for path in files}
    seen = {path.stem: _lines(found_folder / path.name) for path in files}
    names = sorted({row[0] for table in (rows, seen) for lines in table.values() for row in lines})
    for stem, lines in rows.items():
        true = [(_box(row[1:5], inclusive_size), names.index(row[0]), "difficult" in row) for row in lines]
        truths.append(Truth([row[0] for row in true], [row[1] for row in true], [row[2] for row in true]))  # type: ignore[arg-type]
        given = [(_box(row[2:6], inclusive_size), float(row[1]), names.index(row[0])) for row in seen[stem]]
        detections.append(Detections([row[0] for row in given], [row[1] for row in given], [row[2] for row in given]))  # type: ignore[arg-type]
    return truths, detections, names


def _lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines() if line.strip()] if path.exists() else []


def _box(words: list[str], size: bool) -> list[float]:
    a, b, c, d = map(float, words)
    return [a, b, a + c + 1, b + d + 1] if size else [a, b, c + 1, d + 1]


def test_pairs_made_in_parts_are_those_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    truths, detections = random_problem(4, dense=60)
    problem = lay_out(truths, detections, "abcd")
    whole = overlapping(problem, 0.3)

    monkeypatch.setattr("onelook.evaluation.matching.PAIRS_AT_ONCE", 7)
    parts = overlapping(problem, 0.3)

    assert PAIRS_AT_ONCE > len(whole.iou) > 7
    assert parts.detection.tolist() == whole.detection.tolist()
    assert parts.truth.tolist() == whole.truth.tolist()


def test_a_box_without_area_overlaps_nothing() -> None:
    pairs = overlapping(lay_out([truth((5, 5, 0, 0))], [found((5, 5, 0, 0, 0.5))], ["cell"]), 0.1)

    assert len(pairs.iou) == 0


def test_detections_under_coco_prefer_truth_that_counts_over_a_crowd() -> None:
    true = truth((0, 0, 10, 10), (0, 0, 10, 10), crowd=[True, False])

    matches = match(lay_out([true], [found((0, 0, 10, 10, 0.9), (0, 0, 10, 10, 0.8))], ["cell"]), RULES["coco"])

    assert matches.hit.tolist() == [True, False]
    assert matches.ignored.tolist() == [False, True]
    assert matches.truth.tolist() == [1, 0]


def test_matches_come_best_first_and_say_which_detection_each_row_is() -> None:
    matches = match(
        lay_out([truth((0, 0, 9, 9))], [found((9, 9, 9, 9, 0.2), (0, 0, 9, 9, 0.8))], ["cell"]), RULES["voc10"]
    )

    assert matches.index.tolist() == [1, 0]
    assert matches.score == pytest.approx([0.8, 0.2])
    assert matches.found.tolist() == [True, False]
