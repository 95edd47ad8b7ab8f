"""What a box must be before it enters a data set, whatever format it came in."""

import math
from dataclasses import dataclass

Corners = tuple[float, float, float, float]

SLACK = 0.5
"""Pixels that a box may leave the picture by: rounding of the file's numbers, clipped without a word."""


_FAR = 0.1
"""Part of the picture that a box leaves it by when it is not a slip of the hand."""


@dataclass(frozen=True)
class Verdict:
    """What became of a box that is not plainly inside its picture."""

    box: Corners | None
    """The box to keep, clipped; None when it is dropped."""
    code: str
    """Code of the finding; "" when there is nothing to tell."""
    what: str = ""
    fix: str = ""


def is_inside(box: Corners, size: tuple[int, int]) -> bool:
    """Return whether a box has area and lies in a picture of `size` (width, height); False for NaN."""
    x1, y1, x2, y2 = box
    return 0 <= x1 < x2 <= size[0] and 0 <= y1 < y2 <= size[1]


def judge(box: Corners, size: tuple[int, int]) -> Verdict:
    """Return what becomes of any box (x1, y1, x2, y2) in a picture of `size` (width, height)."""
    told = "(" + ", ".join(f"{value:g}" for value in box) + ")"
    if not all(math.isfinite(value) for value in box):
        return Verdict(None, "broken-annotation", f"expected finite coordinates, got {told}", "draw the box again")
    x1, y1, x2, y2 = box
    if x1 > x2 or y1 > y2:
        what = f"expected x1 < x2 and y1 < y2, got {told}"
        return Verdict(None, "inverted-box", what, "swap the coordinates or remove the box")
    if x1 == x2 or y1 == y2:
        return Verdict(None, "zero-box", f"expected a box with area, got {told}", "the box is dropped; draw it again")
    return _clipped(box, size, told)


def _clipped(box: Corners, size: tuple[int, int], told: str) -> Verdict:
    width, height = size
    x1, y1, x2, y2 = max(0.0, box[0]), max(0.0, box[1]), min(float(width), box[2]), min(float(height), box[3])
    what = f"expected a box inside {width}x{height}, got {told}"
    turned = (box[1], box[0], box[3], box[2])
    if is_inside(turned, size) and max(box[2] - width, box[3] - height) > _FAR * min(width, height):
        kept = (x1, y1, x2, y2) if x1 < x2 and y1 < y2 else None
        fix = "are x and y exchanged? It would fit then; as it is it is clipped or dropped"
        return Verdict(kept, "swapped-axes", what, fix)
    if x1 >= x2 or y1 >= y2:
        return Verdict(None, "outside-box", what, "the box is dropped; is it another picture's?")
    beyond = max(abs(new - old) for new, old in zip((x1, y1, x2, y2), box, strict=True))
    if beyond <= SLACK:
        return Verdict((x1, y1, x2, y2), "")
    return Verdict((x1, y1, x2, y2), "outside-box", what, "the box is clipped to the picture")
