"""Crossings of a line: which way, once for each track, and only through the line itself."""

import numpy as np
import pytest

from onelook.inference.line_counts import Line, LineCount, read_line
from onelook.inference.prediction import Prediction
from onelook.structures.boxes import as_boxes
from onelook.structures.errors import UserError

DOWN = Line((50, 0), (50, 100))


def at(*places: tuple[int, float, float]) -> Prediction:
    """Return detections of class 0 with their middle at each (track, x, y)."""
    boxes = as_boxes([[x - 5, y - 5, x + 5, y + 5] for _, x, y in places])
    picture = np.full((100, 100, 3), 90, np.uint8)
    tracks = np.asarray([track for track, _, _ in places], np.int64)
    count = len(places)
    return Prediction(boxes, np.ones(count), np.zeros(count), ("car",), (100, 100), picture, tracks=tracks)


def counted(*frames: Prediction, line: Line = DOWN) -> tuple[dict[str, int], dict[str, int]]:
    """Return the counts to the left and to the right after the frames."""
    count = LineCount(line)
    for frame in frames:
        count.add(frame)
    told = count.as_json()
    return told["left"], told["right"]


def test_who_walks_down_the_line_has_the_picture_s_left_on_the_right_hand() -> None:
    assert counted(at((1, 60, 50)), at((1, 40, 50))) == ({}, {"car": 1})
    assert counted(at((1, 40, 50)), at((1, 60, 50))) == ({"car": 1}, {})
    assert DOWN.side((0, 5)) > 0


def test_a_way_beside_the_line_is_no_crossing() -> None:
    assert counted(at((1, 40, 120)), at((1, 60, 120))) == ({}, {})


def test_a_track_counts_once_each_way() -> None:
    trembling = [at((1, 49 + 2 * (number % 2), 50)) for number in range(9)]

    assert counted(*trembling) == ({"car": 1}, {"car": 1})
    assert counted(at((1, 40, 20), (2, 40, 70)), at((1, 60, 20), (2, 60, 70))) == ({"car": 2}, {})


def test_what_stops_on_the_line_counts_when_it_goes_on_and_only_then() -> None:
    assert counted(at((1, 40, 50)), at((1, 50, 50)), at((1, 60, 50))) == ({"car": 1}, {})
    assert counted(at((1, 40, 50)), at((1, 50, 50)), at((1, 40, 50))) == ({}, {})


def test_a_detection_without_a_track_and_a_gap_in_one() -> None:
    assert counted(at((0, 40, 50)), at((0, 60, 50))) == ({}, {})
    assert counted(at((1, 40, 50)), at(), at((1, 60, 50))) == ({"car": 1}, {})


def test_the_line_and_its_counts_are_drawn_on_a_copy() -> None:
    found = at((1, 40, 50))
    picture = found.image()
    drawn = LineCount(DOWN).draw(picture)

    assert (drawn[5, 50] == (255, 220, 0)).all()
    assert (picture == 90).all()


def test_a_line_is_written_as_four_numbers() -> None:
    assert read_line("1,2.5, 3,4") == Line((1, 2.5), (3, 4))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2,3", "--count-line: expected x1,y1,x2,y2 in pixels, got '1,2,3'"),
        ("a,b,c,d", "expected x1,y1,x2,y2 in pixels"),
        ("1,1,1,1", "expected two points of the picture"),
        ("nan,1,1,2", "expected two points of the picture"),
    ],
)
def test_anything_else_is_one_line(text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_line(text)
