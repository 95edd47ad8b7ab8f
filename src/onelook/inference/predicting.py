"""Many pictures through one detector: files, addresses, films; with tracks from frame to frame where they are asked for."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from onelook.inference.addresses import is_address
from onelook.inference.classification import Classification
from onelook.inference.films import is_camera
from onelook.inference.items import STDIN, Failed, Item, is_film
from onelook.inference.line_counts import Line, LineCount
from onelook.inference.model import Detector
from onelook.inference.prediction import Prediction
from onelook.inference.thresholds import Score
from onelook.inference.throughput import in_order
from onelook.inference.tiling import OVERLAP
from onelook.inference.tracking import Tracks
from onelook.structures.errors import FormatError, UserError
from onelook.structures.letterbox import Image

Found = TypeVar("Found", Prediction, Classification)

STILL_RATE = 10.0
"""Pictures a second that single files are taken for when they are tracked as one film."""


@dataclass(frozen=True)
class Way:
    """How pictures are looked at; None takes the model's own."""

    score: Score | None = None
    nms: float | None = None
    tile: int | None = None
    overlap: float = OVERLAP
    track: bool = False
    """Follow objects from frame to frame; single pictures, in their order, are the frames of one film."""
    lines: tuple[Line, ...] = ()
    """Lines that crossings are counted of, which needs tracks."""


@dataclass
class _Course:
    """What is remembered from frame to frame of one film."""

    counts: tuple[LineCount, ...]
    tracks: Tracks = field(default_factory=Tracks)
    frames: int = 0

    def follow(self, found: Prediction) -> Prediction:
        seconds = self.frames / STILL_RATE if found.seconds is None else found.seconds
        self.frames += 1
        found = self.tracks.follow(found, seconds)
        for count in self.counts:
            count.add(found)
        return found


class Looker:
    """Looks at pictures in their order. Used by one thread, which several others work for; the detector may be shared."""

    def __init__(self, detector: Detector, way: Way) -> None:
        """Take the model and the way; raises UserError for numbers out of range, and when tracking is not installed."""
        self.detector, self.way = detector, way
        self._courses: dict[str, _Course] = {}
        if way.track:
            Tracks()

    def look(self, items: Iterable[Item], failed: Failed) -> Iterator[tuple[Item, Prediction]]:
        """Yield each picture and what is seen on it, in order; one that cannot be read goes to `failed`, the rest goes on."""
        way = self.way
        see = partial(self.detector.predict, score=way.score, nms=way.nms, tile=way.tile, overlap=way.overlap)
        for item, found in look_in_order(see, items, failed, self.detector.runtime.at_once):
            yield item, self._followed(found)

    def counts(self) -> dict[str, tuple[LineCount, ...]]:
        """Return the counts of the lines by film; "" for single pictures."""
        return {name: course.counts for name, course in self._courses.items() if course.counts}

    def draw(self, found: Prediction) -> Image:
        """Return the picture with its boxes and the lines as they have been counted so far, (h, w, 3) uint8 RGB."""
        drawn = found.draw()
        for count in self.counts().get(_film(found), ()):
            drawn = count.draw(drawn)
        return drawn

    def _followed(self, found: Prediction) -> Prediction:
        """Return the prediction with its tracks, where they are asked for; called in the pictures' order."""
        way = self.way
        if not way.track:
            return found
        film = _film(found)
        if film not in self._courses:
            self._courses[film] = _Course(tuple(LineCount(line) for line in way.lines))
        return self._courses[film].follow(found)


def look_in_order(
    see: Callable[[Path | Image], Found], items: Iterable[Item], failed: Failed, workers: int
) -> Iterator[tuple[Item, Found]]:
    """Yield each picture and what a model sees on it, in order, `workers` at a time; one that cannot be read goes to `failed`."""
    for item, found in in_order(partial(_seen, see), items, workers):
        if isinstance(found, FormatError):
            failed(item.source, found)
        else:
            yield item, found


def _seen(see: Callable[[Path | Image], Found], item: Item) -> tuple[Item, Found | FormatError]:
    """Return what is seen on one picture, or why it cannot be read."""
    try:
        return item, of_item(see(item.picture()), item)
    except FormatError as error:
        return item, error


def of_item(found: Found, item: Item) -> Found:
    """Return what was seen under the name, frame and time of its picture."""
    return replace(found, file=item.source, frame=item.frame, seconds=item.seconds)


def _film(found: Prediction) -> str:
    return "" if found.frame is None else str(found.file)


def failure(source: str, error: FormatError) -> dict[str, Any]:
    """Return how a source that cannot be read is told."""
    return {"file": source, "error": str(error)}


def drawing_paths(sources: Sequence[str], folder: Path) -> Mapping[str, Path]:
    """Return for every source the file in `folder` that shows its boxes, a JPEG, or an MP4 of a film.

    Equal names are told apart by -2, -3, ... Raises UserError when a drawing would take the place of a source.
    """
    taken: set[str] = set()
    places = {}
    for source in sources:
        stem = _stem(source)
        name, number = stem, 2
        while name in taken:
            name, number = f"{stem}-{number}", number + 1
        taken.add(name)
        places[source] = folder / f"{name}{'.mp4' if is_film(source) else '.jpg'}"
    inside = {Path(source).resolve() for source in sources if Path(source).resolve().parent == folder.resolve()}
    for place in places.values():
        if inside and place.resolve() in inside:
            raise UserError(f"{place}: a drawing would replace the picture itself; choose another --out")
    return places


def _stem(source: str) -> str:
    """Return a name for what is written of a source."""
    if source == STDIN:
        return "stdin"
    if is_camera(source):
        return f"camera{source}"
    text = source.partition("?")[0].partition("#")[0].rstrip("/") if is_address(source) else source
    return Path(text).stem or "picture"
