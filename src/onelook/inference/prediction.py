"""What a detector says of one picture, with all that is needed to tell, draw and cut it out."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.inference.items import picture_words
from onelook.inference.sources import Picture, pixels_of
from onelook.structures.detections import Detections
from onelook.structures.drawing import draw_boxes
from onelook.structures.letterbox import Image

_SCORE_DIGITS, _BOX_DIGITS = 6, 3


@dataclass(frozen=True)
class Prediction(Detections):
    """Boxes (n, 4) xyxy in the picture's own pixels, scores (n,), classes (n,), best first; and what they were found on."""

    names: tuple[str, ...]
    """The model's classes, which `classes` are indices into."""
    size: tuple[int, int]
    """(width, height) of the picture as it is shown."""
    picture: Picture = field(repr=False, compare=False)
    """The picture as it was given; of an address the bytes that lay there."""
    file: str | None = None
    """Path or address of the picture, where it has one."""
    frame: int | None = None
    """Which picture of a film, from 0."""
    seconds: float | None = None
    """When it is shown in the film."""
    tracks: NDArray[np.int64] | None = None
    """(n,): the number that an object keeps from frame to frame, from 1; 0 where it has none yet. None without tracking."""

    def __getitem__(self, keep: Any) -> "Prediction":
        """Return those that `keep` (mask, indices or slice) selects."""
        tracks = None if self.tracks is None else self.tracks[keep]
        return replace(
            self, boxes=self.boxes[keep], scores=self.scores[keep], classes=self.classes[keep], tracks=tracks
        )

    def image(self) -> Image:
        """Return the picture's pixels (h, w, 3), uint8 RGB, upright; a file is read again. Raises FormatError when it is gone."""
        return pixels_of(self.picture)

    def draw(self) -> Image:
        """Return a copy of the picture, (h, w, 3) uint8 RGB, with every box, its class, track and score; the best on top."""
        found = self[::-1]
        return draw_boxes(self.image(), found.boxes, found.classes, found._labels())

    def crops(self) -> list[Image]:
        """Return what is inside each box, (h, w, 3) uint8 RGB, at least one pixel, in the order of the boxes."""
        image, (width, height) = self.image(), self.size
        corners = np.concatenate([np.floor(self.boxes[:, :2]), np.ceil(self.boxes[:, 2:])], axis=1).astype(int)
        cut = []
        for x1, y1, x2, y2 in corners:
            left, top = min(max(x1, 0), width - 1), min(max(y1, 0), height - 1)
            cut.append(image[top : max(y2, top + 1), left : max(x2, left + 1)].copy())
        return cut

    def as_json(self) -> dict[str, Any]:
        """Return the words that scripts rely on; boxes are x1, y1, x2, y2 in the picture's pixels."""
        told = picture_words(self.file, self.frame, self.seconds)
        return {**told, "width": self.size[0], "height": self.size[1], "detections": self._as_rows()}

    def to_json(self) -> str:
        """Return `as_json` as one line of text."""
        return json.dumps(self.as_json(), ensure_ascii=False)

    def to_coco(self, image_id: int | str, category_ids: Mapping[str, int] | None = None) -> list[dict[str, Any]]:
        """Return COCO's form of results: `image_id`, `category_id`, `bbox` [x, y, width, height] and `score` for each box.

        `category_ids` are the data's own by class name; left out, a class is told by its index.
        """
        ids = category_ids or {name: index for index, name in enumerate(self.names)}
        return [
            {
                "image_id": image_id,
                "category_id": ids[row["class"]],
                "bbox": [x1, y1, round(x2 - x1, _BOX_DIGITS), round(y2 - y1, _BOX_DIGITS)],
                "score": row["score"],
            }
            for row in self._as_rows()
            for x1, y1, x2, y2 in [row["box"]]
        ]

    def to_supervision(self) -> dict[str, Any]:
        """Return what `supervision.Detections(**found.to_supervision())` takes."""
        words = np.asarray([self.names[index] for index in self.classes], dtype=str)
        return {
            "xyxy": self.boxes.copy(),
            "confidence": self.scores.copy(),
            "class_id": self.classes.astype(int),
            "tracker_id": None if self.tracks is None else self.tracks.astype(int),
            "data": {"class_name": words},
        }

    def _as_rows(self) -> list[dict[str, Any]]:
        rows = []
        for place, (index, score, box) in enumerate(zip(self.classes, self.scores, self.boxes, strict=True)):
            row: dict[str, Any] = {"class": self.names[index], "score": round(float(score), _SCORE_DIGITS)}
            if self.tracks is not None:
                row["track"] = int(self.tracks[place]) or None
            rows.append({**row, "box": [round(float(side), _BOX_DIGITS) for side in box]})
        return rows

    def _labels(self) -> list[str]:
        tracks = [0] * len(self) if self.tracks is None else self.tracks
        return [
            f"{self.names[index]}{f' #{track}' if track else ''} {score:.2f}"
            for index, score, track in zip(self.classes, self.scores, tracks, strict=True)
        ]
