"""`onelook predict`: what a model sees on pictures, printed and drawn."""

from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onelook.cli.oddities import tell_oddities
from onelook.cli.output import print_json
from onelook.structures.errors import FormatError

if TYPE_CHECKING:
    from onelook.inference.model import Detector

DRAWINGS = Path("predictions")


def predict(
    model: Annotated[Path, typer.Argument(help="A run, a bundle, or a .cfg or .weights with the others beside it.")],
    sources: Annotated[list[str], typer.Argument(help="Pictures, folders of them, globs ('**' goes deeper).")],
    out: Annotated[
        Path | None, typer.Option(help="Where drawn pictures go; by default predictions/, with --json nowhere.")
    ] = None,
    score: Annotated[
        str | None,
        typer.Option(
            "--score",
            "--confidence",
            help="Least score shown: 0.3, or by class: person=0.4,car=0.6; by default the model's own, 0.25.",
        ),
    ] = None,
    nms: Annotated[
        float | None,
        typer.Option(help="IoU above which the worse of two of a class goes; by default the model's own, 0.45."),
    ] = None,
    weights: Annotated[Path | None, typer.Option(help="The .weights of a .cfg that has none beside it.")] = None,
    names: Annotated[Path | None, typer.Option(help="The class names of a .cfg, one a line.")] = None,
    submission: Annotated[
        Path | None, typer.Option(help="Write the five best of each picture as ImageNet's challenge takes them (.csv).")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="Cores for one picture; by default all.")] = None,
    runtime: Annotated[
        str | None,
        typer.Option(help="onnxruntime, openvino, openvino-bf16, cuda or tensorrt; by default the fastest one here."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object; draw only with --out.")] = False,
) -> None:
    """Look at SOURCES with MODEL, print what is there and draw it; of a classifier print the five likeliest classes.

    A picture that cannot be read is one line on stderr, the others go on, and the exit code is 1.
    """
    from onelook.cli.classify import predict_classes, refuse_box_options
    from onelook.inference.classifier import find_classifier
    from onelook.inference.sources import find_images

    paths = find_images(sources)
    classifier = find_classifier(model, weights, names)
    if classifier:
        refuse_box_options(model, {"--out": out, "--score": score, "--nms": nms, "--submission": submission})
        return predict_classes(model, classifier, paths, (threads, runtime), as_json)
    return _predict_boxes(model, paths, (out, submission), (score, nms), (weights, names), (threads, runtime), as_json)


def _predict_boxes(
    model: Path,
    paths: Sequence[Path],
    places_to_write: tuple[Path | None, Path | None],
    thresholds: tuple[str | None, float | None],
    beside: tuple[Path | None, Path | None],
    computing: tuple[int | None, str | None],
    as_json: bool,
) -> None:
    """Print and draw what a detector sees.

    `places_to_write` are the folder for drawings and the file for a submission, `thresholds` those of score and NMS, `beside` the
    model's weights and names, `computing` are the threads and the runtime.
    """
    from onelook.inference.model import find_detector, load
    from onelook.inference.predicting import drawing_paths, predict_files
    from onelook.inference.thresholds import read_score
    from onelook.structures.images import write_jpeg
    from onelook.structures.progress import track

    out, submission = places_to_write
    folder = out or (None if as_json else DRAWINGS)
    places = drawing_paths(paths, folder) if folder else {}
    bundle = find_detector(model, *beside)
    tell_oddities(bundle.cfg)
    detector = load(bundle, threads=computing[0], runtime=computing[1])
    runtime = detector.runtime.description
    score, nms = thresholds
    least = None if score is None else read_score(score, detector.settings.score, detector.names)
    typer.echo(_head(model, detector), err=as_json)
    images: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []

    def tell(path: Path, error: FormatError) -> None:
        failed.append({"file": str(path), "error": str(error)})
        typer.echo(f"onelook: {error}", err=True)

    start = perf_counter()
    for seen in predict_files(detector, track(paths, len(paths), "predicting"), least, nms, tell):
        images.append(seen.as_json())
        if not as_json:
            typer.echo(_lines(images[-1]))
        if places:
            write_jpeg(places[Path(str(seen.file))], seen.draw())
    seconds = perf_counter() - start
    if submission:
        _write_submission(submission, images)
    if as_json:
        print_json({"model": str(model), "runtime": runtime, "images": images, "failed": failed, "seconds": seconds})
    else:
        typer.echo(_foot(images, seconds, folder))
    _fail_of(failed, len(paths))


def _fail_of(failed: list[dict[str, str]], total: int) -> None:
    """End with exit code 1 when a picture could not be read."""
    if failed:
        typer.echo(f"onelook: {len(failed)} of {total} pictures could not be read", err=True)
        raise typer.Exit(1)


def _write_submission(file: Path, images: list[dict[str, Any]]) -> None:
    from onelook.datasets.formats.submission import Guess, write_submission

    found = {
        Path(image["file"]).stem: [
            Guess(each["class"], each["score"], tuple(each["box"])) for each in image["detections"]
        ]
        for image in images
    }
    write_submission(file, found)


def _head(model: Path, detector: "Detector") -> str:
    width, height = detector.settings.size
    how = f"{width} x {height}, {detector.settings.resize}, {detector.runtime.description}"
    return f"{model}: {len(detector.names)} classes, {how}"


def _lines(image: dict[str, Any]) -> str:
    """Return what was seen on one picture: a line for it and one for each object."""
    found = image["detections"]
    lines = [f"{image['file']}: {image['width']} x {image['height']}, {_count(len(found), 'object')}"]
    for each in found:
        corners = " ".join(f"{side:7.1f}" for side in each["box"])
        lines.append(f"  {each['score']:.3f} {corners}  {each['class']}")
    return "\n".join(lines)


def _foot(images: list[dict[str, Any]], seconds: float, folder: Path | None) -> str:
    objects = sum(len(image["detections"]) for image in images)
    drawn = f", drawn into {folder}/" if folder and images else ""
    return f"{_count(len(images), 'picture')}, {_count(objects, 'object')}, {seconds:.2f} s{drawn}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
