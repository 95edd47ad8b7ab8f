"""The rules by which detections are judged: every choice on which published mAPs differ, stated once, in one table."""

from dataclasses import dataclass
from typing import Literal

from onelook.structures.errors import UserError, nearest


@dataclass(frozen=True)
class Rules:
    """One way of judging detections; `choices` tells it in words."""

    name: str
    iou: float
    """IoU at which a detection counts as found, for precision, recall, F1, average IoU and AP50."""
    strict_iou: bool
    """True: the IoU must exceed the threshold; False: it may equal it."""
    strict_score: bool
    """The same for the score threshold."""
    best_free: bool
    """True: a detection takes the best truth that is still free; False: its best truth, and is wrong when that is taken."""
    points: int
    """Recalls at which precision is read off: 11, 101, or 0 for the whole area under the curve."""
    most: int | None
    """Detections kept an image and class, best first; None keeps all."""
    difficult: Literal["counted", "ignored"]
    """Boxes marked difficult: like any other, or neither asked for nor held against a detection."""
    crowd: Literal["ignored", "dropped"]
    """Crowd boxes: found by any number of detections without counting, or as if they were not there."""
    absent_classes: bool
    """True: a class without truth counts as AP 0 in the mean; False: it is left out of it."""
    score: float | None
    """Score threshold of precision and recall when none is given; None chooses the one with the best F1."""
    listed_order: bool
    """True: at a score threshold, the first listed detection claims its truth (Darknet); False: the one with the highest score."""

    def choices(self) -> dict[str, str]:
        """Return what these rules decide, in words a report can print."""
        return {
            "interpolation": f"{self.points} recall points" if self.points else "area under the curve",
            "IoU": f"{'>' if self.strict_iou else '>='} {self.iou:g}",
            "match": "best truth still free"
            if self.best_free
            else "best truth, taken or not; the second finder is wrong",
            "detections": f"best {self.most} an image and class" if self.most else "all",
            "difficult": self.difficult,
            "crowd": self.crowd,
            "classes without truth": "count as 0" if self.absent_classes else "left out of the mean",
            "ties": "in the order given, image by image",
        }


RULES = {
    "coco": Rules("coco", 0.5, False, False, True, 101, 100, "counted", "ignored", False, None, False),
    "voc07": Rules("voc07", 0.5, True, False, False, 11, None, "ignored", "dropped", False, None, False),
    "voc10": Rules("voc10", 0.5, True, False, False, 0, None, "ignored", "dropped", False, None, False),
    "darknet": Rules("darknet", 0.5, True, True, False, 0, None, "ignored", "dropped", True, 0.25, True),
}
"""Name to rules. Darknet's `-points 11`, `-iou_thresh` and `-thresh` are `dataclasses.replace` of points, iou and score."""


def find_rules(rules: str | Rules) -> Rules:
    """Return the rules of that name, or `rules` itself. Raises UserError for a name that the table lacks."""
    if isinstance(rules, Rules):
        return rules
    if rules not in RULES:
        raise UserError(f"rules: expected one of {', '.join(RULES)}, got {rules!r}{nearest(rules, RULES)}")
    return RULES[rules]
