"""How many objects cross a line, and in which direction."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np

from onelook.inference.prediction import Prediction
from onelook.structures.errors import UserError
from onelook.structures.letterbox import Image

Point = tuple[float, float]
LEFT, RIGHT = "left", "right"
_COLOUR, _INK = (255, 220, 0), (20, 20, 20)


@dataclass(frozen=True)
class Line:
    """From (x1, y1) to (x2, y2) in the picture's pixels; left and right are those of someone who walks along it."""

    start: Point
    end: Point

    def side(self, point: Point) -> float:
        """Return a number that is positive right of the line, negative left of it, and 0 on it; y points down."""
        (x1, y1), (x2, y2) = self.start, self.end
        return (x2 - x1) * (point[1] - y1) - (y2 - y1) * (point[0] - x1)


def read_line(text: str) -> Line:
    """Return the line that a user writes as `x1,y1,x2,y2`. Raises UserError for anything else and for a line of no length."""
    try:
        x1, y1, x2, y2 = (float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--count-line: expected x1,y1,x2,y2 in pixels, got {text!r}") from None
    if not np.isfinite([x1, y1, x2, y2]).all() or (x1, y1) == (x2, y2):
        raise UserError(f"--count-line: expected two points of the picture, got {text!r}")
    return Line((x1, y1), (x2, y2))


@dataclass
class LineCount:
    """The crossings of one line in one film. A track counts once in each direction: one that trembles on the line is no crowd."""

    line: Line
    crossed: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many, by direction (LEFT, RIGHT) and class."""
    _places: dict[int, Point] = field(default_factory=dict)
    _counted: set[tuple[int, str]] = field(default_factory=set)

    def add(self, found: Prediction) -> None:
        """Count the tracks whose middle has crossed the line since the frame in which they were seen before."""
        if found.tracks is None:
            raise ValueError("expected detections with tracks, got none")
        for box, index, track in zip(found.boxes.tolist(), found.classes, found.tracks.tolist(), strict=True):
            if not track:
                continue
            place = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
            before = self._places.get(track)
            if before is not None and self.line.side(place) == 0:
                continue  # on the line itself: which side it leaves to decides
            self._places[track] = place
            if before is not None and _cross(self.line, before, place):
                to = RIGHT if self.line.side(place) > 0 else LEFT
                if (track, to) not in self._counted:
                    self._counted.add((track, to))
                    self.crossed[to, found.names[index]] += 1

    def as_json(self) -> dict[str, Any]:
        """Return the line and its counts, by direction and class."""
        counts = {
            to: {name: count for (way, name), count in sorted(self.crossed.items()) if way == to}
            for to in (LEFT, RIGHT)
        }
        return {"line": [*self.line.start, *self.line.end], **counts}

    def draw(self, picture: Image) -> Image:
        """Return a copy of the picture with the line and both counts."""
        drawn = np.ascontiguousarray(picture).copy()
        start, end = (tuple(round(side) for side in point) for point in (self.line.start, self.line.end))
        stroke = max(1, round(min(picture.shape[:2]) / 240))
        cv2.line(drawn, start, end, _COLOUR, 2 * stroke)
        text, scale = str(self), 0.4 + 0.1 * stroke
        (width, height), base = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, stroke)
        x = int(np.clip((start[0] + end[0]) / 2 - width / 2, 0, max(0, picture.shape[1] - width)))
        y = int(np.clip((start[1] + end[1]) / 2 - base, height, max(height, picture.shape[0] - base)))
        cv2.rectangle(drawn, (x, y - height - base // 2), (x + width, y + base // 2), _COLOUR, -1)
        cv2.putText(drawn, text, (x, y), cv2.FONT_HERSHEY_SIMPLEX, scale, _INK, max(1, stroke // 2), cv2.LINE_AA)
        return drawn

    def __str__(self) -> str:
        totals = {to: sum(count for (way, _), count in self.crossed.items() if way == to) for to in (LEFT, RIGHT)}
        return f"to the left {totals[LEFT]}, to the right {totals[RIGHT]}"


def _cross(line: Line, before: Point, after: Point) -> bool:
    """Return whether the way from `before` to `after` goes through the line, its ends included."""
    if (line.side(before) > 0) == (line.side(after) > 0):
        return False
    way = Line(before, after)
    return way.side(line.start) * way.side(line.end) <= 0
