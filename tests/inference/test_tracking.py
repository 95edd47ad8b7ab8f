"""Numbers that stay with an object from frame to frame."""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.reading import read
from onelook.inference.prediction import Prediction
from onelook.inference.tracking import Tracks
from onelook.structures.boxes import Boxes, as_boxes
from onelook.structures.errors import UserError


def frame(boxes: Boxes, score: float = 0.9) -> Prediction:
    """Return detections of one class."""
    count = len(boxes)
    picture = np.zeros((4, 4, 3), np.uint8)
    return Prediction(boxes, np.full(count, score), np.zeros(count), ("car",), (640, 480), picture)


def moving(number: int) -> Boxes:
    """Return two boxes, one going right and one going left, listed in turns."""
    boxes = [[10 + 8 * number, 100, 60 + 8 * number, 150], [500 - 6 * number, 300, 560 - 6 * number, 380]]
    return as_boxes(boxes if number % 2 else boxes[::-1])


def test_objects_keep_their_numbers_whatever_the_order_and_through_a_gap() -> None:
    tracks = Tracks()
    numbers: dict[int, set[int]] = defaultdict(set)
    for number in range(20):
        boxes = as_boxes([]) if number in (7, 8) else moving(number)
        found = tracks.follow(frame(boxes), number / 10)
        assert found.tracks is not None
        for box, track in zip(found.boxes, found.tracks, strict=True):
            numbers[int(box[1])].add(int(track))

    assert sorted(map(sorted, numbers.values())) == [[1], [2]]


def test_an_unsure_detection_begins_no_track() -> None:
    found = Tracks().follow(frame(moving(0), 0.3), 0)

    assert found.tracks is not None
    assert found.tracks.tolist() == [0, 0]


def test_each_film_begins_anew_with_1() -> None:
    for _ in range(2):
        found = Tracks().follow(frame(moving(0)), 0)
        assert found.tracks is not None
        assert sorted(found.tracks.tolist()) == [1, 2]


def test_without_the_package_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "edgefirst.tracker", None)

    with pytest.raises(UserError, match=r"--track: expected the package edgefirst-tracker, got none; pip install"):
        Tracks()


def test_real_cars_keep_their_numbers_over_a_street(shared: Path) -> None:
    """The tracks of KITTI's sequence, on the boxes that people drew: their own file says who is who."""
    root = shared / "data" / "kitti-mini" / "tracking-0001"
    rows: dict[int, list[tuple[int, list[float]]]] = defaultdict(list)
    for line in (root / "label_02_0001_original.txt").read_text().splitlines():
        words = line.split()
        if words[2] != "DontCare":
            rows[int(words[0])].append((int(words[1]), [float(word) for word in words[6:10]]))
    frames = len(read(root).paths)
    tracks, last, changes, boxes = Tracks(), {}, 0, 0
    for number in range(frames):
        found = tracks.follow(frame(as_boxes([box for _, box in rows[number]])), number / 10)
        assert found.tracks is not None
        for (person, _), track in zip(rows[number], found.tracks.tolist(), strict=True):
            changes += last.get(person, track) != track
            last[person] = track
            boxes += 1

    assert (frames, boxes, len(last)) == (31, 247, 15)
    assert changes <= 1
