"""`onelook predict`: what a model sees on pictures and films, printed, drawn and written."""

import sys
from pathlib import Path

from onelook.cli.predict_boxes import Asked, predict_boxes
from onelook.cli.predict_bulk import Bulk, predict_bulk
from onelook.cli.predict_options import (
    AsJson,
    AsLines,
    CountLine,
    Crops,
    Drawn,
    EngineName,
    Labels,
    LabelsFormat,
    ListFile,
    Model,
    MostPixels,
    NamesFile,
    Nms,
    Overlap,
    Runtime,
    Score,
    Shards,
    Sources,
    Submission,
    Threads,
    Tile,
    Track,
    WeightsFile,
    Workers,
)
from onelook.cli.telling import way_of_telling
from onelook.structures.errors import UserError


def predict(
    model: Model,
    sources: Sources = None,
    listed: ListFile = None,
    out: Drawn = None,
    score: Score = None,
    nms: Nms = None,
    tile: Tile = None,
    overlap: Overlap = None,
    track: Track = False,
    count_line: CountLine = None,
    labels: Labels = None,
    to: LabelsFormat = None,
    crops: Crops = None,
    weights: WeightsFile = None,
    names: NamesFile = None,
    submission: Submission = None,
    threads: Threads = None,
    runtime: Runtime = None,
    most_pixels: MostPixels = None,
    shards: Shards = None,
    workers: Workers = None,
    engine: EngineName = None,
    as_lines: AsLines = False,
    as_json: AsJson = False,
) -> None:
    """Look at SOURCES with MODEL, print what is there and draw it; of a classifier print the five likeliest classes.

    A picture or film that cannot be read is one line on stderr, the others go on, and the exit code is 1. Ctrl-C ends a camera.
    """
    from onelook.cli.classify import predict_classes, refuse_box_options
    from onelook.inference.classifier import find_classifier

    way = way_of_telling(as_json, as_lines)
    found = _sources(sources or [], listed)
    lines = tuple(count_line or ())
    asked = Asked(out, score, nms, tile, overlap, track, lines, labels, to, crops, submission)
    classifier = find_classifier(model, weights, names)
    if shards is not None:
        bulk = Bulk(shards, workers, engine or "local")
        return predict_bulk(
            model, found, asked, (weights, names), runtime, most_pixels, bulk, way, classifier is not None
        )
    if workers is not None or engine is not None:
        raise UserError("--workers, --engine: expected --shards with them, got none")
    if classifier:
        boxes = {word: value for word, value in vars(asked).items() if word != "out"}
        refuse_box_options(model, {f"--{word.replace('_', '-')}": value or None for word, value in boxes.items()})
        return predict_classes(model, classifier, found, out, (threads, runtime), most_pixels, way)
    return predict_boxes(model, found, asked, (weights, names), (threads, runtime), most_pixels, way)


def _sources(words: list[str], listed: Path | None) -> list[str]:
    """Return what is to be looked at. Raises UserError when nothing is named, or standard input for two things."""
    from onelook.inference.items import STDIN
    from onelook.inference.sources import find_sources, listed_sources

    if not words and listed is None:
        raise UserError(
            "SOURCES: expected pictures, folders, globs, addresses, films, a camera's number or -, got none"
        )
    if listed is None:
        return find_sources(words)
    if str(listed) == STDIN and STDIN in words:
        raise UserError("--list -: expected the list on standard input, got a picture there too")
    if str(listed) == STDIN:
        lines = [line.decode("utf-8", "surrogateescape") for line in sys.stdin.buffer]
    else:
        lines = _read(listed).splitlines()
    return find_sources(words, listed_sources(lines, f"--list {listed}"))


def _read(file: Path) -> str:
    try:
        return file.read_bytes().decode("utf-8", "surrogateescape")
    except OSError as error:
        raise UserError(f"{file}: expected a list of paths, got {error.strerror}") from None
