"""What a classifier says of one picture, with all that is needed to tell and draw it."""

import json
from dataclasses import dataclass, field
from typing import Any

from onelook.inference.items import picture_words
from onelook.inference.sources import Picture, pixels_of
from onelook.structures.class_scores import ClassScores
from onelook.structures.drawing import draw_list
from onelook.structures.letterbox import Image

SHOWN = 5
"""Classes of a picture that are told, best first."""


@dataclass(frozen=True)
class Classification(ClassScores):
    """How likely each class is, (c,), and of which picture."""

    names: tuple[str, ...]
    """The model's classes, in the order of `scores`."""
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

    def image(self) -> Image:
        """Return the picture's pixels (h, w, 3), uint8 RGB, upright; a file is read again. Raises FormatError when it is gone."""
        return pixels_of(self.picture)

    def draw(self, count: int = SHOWN) -> Image:
        """Return a copy of the picture, (h, w, 3) uint8 RGB, with its `count` likeliest classes in the corner, as many as fit."""
        best = self.top(count)
        labels = [f"{self.names[index]} {score:.2f}" for index, score in best]
        return draw_list(self.image(), [index for index, _ in best], labels)

    def as_json(self, count: int = SHOWN) -> dict[str, Any]:
        """Return the words that scripts rely on: which picture it is, and its `count` likeliest classes, best first."""
        rows = [{"class": self.names[index], "score": round(score, 6)} for index, score in self.top(count)]
        told = picture_words(self.file, self.frame, self.seconds)
        return {**told, "width": self.size[0], "height": self.size[1], "classes": rows}

    def to_json(self, count: int = SHOWN) -> str:
        """Return `as_json` as one line of text."""
        return json.dumps(self.as_json(count), ensure_ascii=False)
