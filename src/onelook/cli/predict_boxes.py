"""What `onelook predict` does with a detector."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from onelook.cli.oddities import tell_oddities
from onelook.cli.predict_outputs import Crops, Drawings, Labels, Output, Submission
from onelook.cli.telling import WORDS, Teller, counted, place_of
from onelook.structures.errors import UserError

if TYPE_CHECKING:
    from onelook.inference.model import Detector
    from onelook.inference.predicting import Looker, Way

DRAWINGS = Path("predictions")


@dataclass(frozen=True)
class Asked:
    """The words of one call that are about boxes; None where a word was not said."""

    out: Path | None
    score: str | None
    nms: float | None
    tile: int | None
    overlap: float | None
    track: bool
    count_lines: tuple[str, ...]
    labels: Path | None
    to: str | None
    crops: Path | None
    submission: Path | None


def predict_boxes(
    model: Path,
    sources: Sequence[str],
    asked: Asked,
    beside: tuple[Path | None, Path | None],
    computing: tuple[int | None, str | None],
    most_pixels: int | None,
    way: str,
) -> None:
    """Print, draw and write what a detector sees on the sources; `beside` are the model's weights and names.

    `computing` are the threads and the runtime.
    """
    from onelook.inference.items import count_of, items_of
    from onelook.inference.predicting import Looker
    from onelook.structures.progress import track

    announced = count_of(sources)
    detector = detector_of(model, beside, computing_for(model, sources, announced, computing))
    looker = Looker(detector, way_of(asked, detector))
    outputs, folder = _outputs(asked, sources, looker, way)
    teller, objects = Teller(model, way), 0
    teller.head(_head(detector))
    items = track(items_of(sources, most_pixels), announced, "predicting", "pictures")
    with finished(outputs, sources, way):
        for item, found in looker.look(items, teller.fail):
            row = found.as_json()
            objects += len(found)
            teller.row(row, _lines(row))
            for output in outputs:
                output.take(item, found)
    words = f"{counted(objects, 'object')}, {{seconds}}{drawn_into(folder, teller)}"
    teller.end(_counts(looker, way), detector.runtime.description, words)


@contextmanager
def finished(outputs: Sequence[Output], sources: Sequence[str], way: str) -> Iterator[None]:
    """Make the outputs whole at the end and say what they say; drop them when the work breaks off. Ctrl-C ends a camera."""
    from onelook.inference.items import has_camera

    try:
        yield
    except BaseException as error:
        if not (isinstance(error, KeyboardInterrupt) and has_camera(sources)):
            for output in outputs:
                output.drop()
            raise
    said = [line for output in outputs for line in output.finish()]
    for line in said:
        typer.echo(line, err=way != WORDS)


def drawn_into(folder: Path | None, teller: Teller) -> str:
    """Return where drawings went, as the end of the last line; nothing where there are none."""
    return f", drawn into {folder}/" if folder and teller.seen else ""


def computing_for(
    model: Path, sources: Sequence[str], announced: int | None, computing: tuple[int | None, str | None]
) -> tuple[int | None, str | None]:
    """Return the threads for one picture and the runtime: those asked for, else what is done first with so many pictures.

    Where there are several each core has one of its own. None takes every core, and the fastest runtime.
    """
    from onelook.inference.items import has_camera
    from onelook.inference.runtimes import quickest

    threads, runtime = computing
    if threads is None and announced != 1 and not has_camera(sources):
        threads = 1
    return threads, runtime or quickest(model, announced)


def detector_of(
    model: Path, beside: tuple[Path | None, Path | None], computing: tuple[int | None, str | None]
) -> "Detector":
    """Return the detector that is named, its cfg's oddities told."""
    from onelook.inference.model import find_detector, load

    bundle = find_detector(model, *beside)
    tell_oddities(bundle.cfg)
    return load(bundle, threads=computing[0], runtime=computing[1])


def way_of(asked: Asked, detector: "Detector") -> "Way":
    """Return how pictures are looked at. Raises UserError for numbers that cannot be, and for an option without its other."""
    from onelook.inference.line_counts import read_line
    from onelook.inference.predicting import Way
    from onelook.inference.thresholds import read_score, thresholds
    from onelook.inference.tiling import OVERLAP, Tiling

    least = detector.settings.score
    score = None if asked.score is None else read_score(asked.score, least, detector.names)
    thresholds(score, least, detector.names)
    if asked.tile is None and asked.overlap is not None:
        raise UserError("--overlap: expected --tile with it, got none")
    overlap = OVERLAP if asked.overlap is None else asked.overlap
    if asked.tile is not None:
        Tiling(asked.tile, overlap)
    lines = tuple(read_line(text) for text in asked.count_lines)
    return Way(score, asked.nms, asked.tile, overlap, asked.track or bool(lines), lines)


def _outputs(asked: Asked, sources: Sequence[str], looker: "Looker", way: str) -> tuple[list[Output], Path | None]:
    """Return what is to be written, and the folder of drawings."""
    from onelook.inference.predicting import drawing_paths

    if asked.to is not None and asked.labels is None:
        raise UserError("--to: expected --labels FOLDER with it, got none")
    silent = way != WORDS or asked.labels or asked.crops
    folder = asked.out or (None if silent else DRAWINGS)
    outputs: list[Output] = []
    if folder:
        outputs.append(Drawings(looker.draw, drawing_paths(sources, folder)))
    if asked.crops:
        outputs.append(Crops(asked.crops, drawing_paths(sources, asked.crops / "any")))
    if asked.labels:
        names, places = looker.detector.names, drawing_paths(sources, asked.labels / "any")
        outputs.append(Labels(asked.labels, asked.to or "darknet", names, places))
    if asked.submission:
        outputs.append(Submission(asked.submission))
    return outputs, folder


def _counts(looker: "Looker", way: str) -> dict[str, Any]:
    """Return the crossings of lines for scripts; to people they are told."""
    rows = [
        {**({"file": film} if film else {}), **count.as_json()}
        for film, counts in looker.counts().items()
        for count in counts
    ]
    for film, counts in looker.counts().items() if way == WORDS else ():
        for count in counts:
            line = ",".join(f"{side:g}" for side in (*count.line.start, *count.line.end))
            typer.echo(f"{film or 'pictures'}: line {line}: {count}")
    return {"counts": rows} if rows else {}


def _head(detector: "Detector") -> str:
    width, height = detector.settings.size
    how = f"{width} x {height}, {detector.settings.resize}, {detector.runtime.description}"
    return f"{len(detector.names)} classes, {how}"


def _lines(image: dict[str, Any]) -> str:
    """Return what was seen on one picture: a line for it and one for each object."""
    found = image["detections"]
    lines = [f"{place_of(image)}: {image['width']} x {image['height']}, {counted(len(found), 'object')}"]
    for each in found:
        corners = " ".join(f"{side:7.1f}" for side in each["box"])
        track = f" #{each['track']}" if each.get("track") else ""
        lines.append(f"  {each['score']:.3f} {corners}  {each['class']}{track}")
    return "\n".join(lines)
