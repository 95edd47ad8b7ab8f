"""Many files through one detector: what was seen, how it is told and how it is drawn."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelook.inference.model import Detector
from onelook.structures.detections import Detections
from onelook.structures.drawing import draw_boxes
from onelook.structures.errors import FormatError, UserError
from onelook.structures.images import read_image
from onelook.structures.letterbox import Image


@dataclass(frozen=True)
class Prediction:
    """A picture's path, its pixels (h, w, 3), and what was seen on it, best first."""

    path: Path
    image: Image
    found: Detections

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels as the picture is shown."""
        return self.image.shape[1], self.image.shape[0]

    def as_json(self, names: Sequence[str]) -> dict[str, Any]:
        """Return the words that scripts rely on; boxes are x1, y1, x2, y2 in the picture's pixels."""
        width, height = self.size
        rows = zip(self.found.classes, self.found.scores, self.found.boxes, strict=True)
        detections = [
            {"class": names[index], "score": round(float(score), 6), "box": [round(float(side), 3) for side in box]}
            for index, score, box in rows
        ]
        return {"file": str(self.path), "width": width, "height": height, "detections": detections}

    def drawn(self, names: Sequence[str]) -> Image:
        """Return the picture with every box, its class and its score; the best ones lie on top."""
        found = self.found[::-1]
        labels = [f"{names[index]} {score:.2f}" for index, score in zip(found.classes, found.scores, strict=True)]
        return draw_boxes(self.image, found.boxes, found.classes, labels)


def predict_files(
    detector: Detector,
    paths: Iterable[Path],
    score: float | None,
    nms: float | None,
    failed: Callable[[Path, FormatError], None],
) -> Iterator[Prediction]:
    """Yield what is seen on each picture, in order; one that cannot be read goes to `failed`, and the rest goes on."""
    for path in paths:
        try:
            image = read_image(path)
        except FormatError as error:
            failed(path, error)
            continue
        yield Prediction(path, image, detector.predict(image, score, nms))


def drawing_paths(paths: Sequence[Path], folder: Path) -> dict[Path, Path]:
    """Return for every picture the JPEG in `folder` that shows its boxes; equal names are told apart by -2, -3, ...

    Raises UserError when a drawing would take the place of a picture that is read.
    """
    taken: set[str] = set()
    places = {}
    for path in paths:
        name, number = path.stem, 2
        while name in taken:
            name, number = f"{path.stem}-{number}", number + 1
        taken.add(name)
        places[path] = folder / f"{name}.jpg"
    sources = {path.resolve() for path in paths}
    for place in places.values():
        if place.resolve() in sources:
            raise UserError(f"{place}: a drawing would replace the picture itself; choose another --out")
    return places
