"""`onelook localise`: a classifier and a detector enter ImageNet's localisation challenge together."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onelook.cli.output import print_json
from onelook.structures.errors import FormatError, UserError

if TYPE_CHECKING:
    from onelook.datasets.dataset import Dataset
    from onelook.evaluation.ilsvrc import Localisation
    from onelook.inference.localising import Guess, Localiser


def localise(
    classifier: Annotated[Path, typer.Argument(help="A run or bundle of a classifier: what is on a picture.")],
    detector: Annotated[Path, typer.Argument(help="A run or bundle of a detector: where it is.")],
    data: Annotated[Path, typer.Argument(help="The data, such as ImageNet's tree; the format is found by looking.")],
    out: Annotated[Path, typer.Option(help="The file for the challenge.")] = Path("submission.csv"),
    split: Annotated[
        str | None, typer.Option(help="train, val or test; by default test, else val, else all images.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="The data's format, if looking gets it wrong.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with the counts and errors.")] = False,
) -> None:
    """Write submission.csv as ImageNet's localisation challenge takes it: of each picture at most five `class x1 y1 x2 y2`.

    CLASSIFIER says what is there and DETECTOR where. Classes are written as LOC_sample_submission.csv beside the data has them: as
    numbers of LOC_synset_mapping.txt's lines, or as they are. The file is read back and checked line by line, and where the truth
    is known it is judged as `onelook eval --rules ilsvrc` does. A picture that cannot be read gets a line without guesses, and
    the exit code is 1.
    """
    images, chosen = _images(data, split, format)
    localiser = _localiser(classifier, detector, images.names)
    began = perf_counter()
    found, failed = _guesses(localiser, images)
    words_of = _class_words(data)
    _write(out, found, words_of)
    _validate(out, found, images, words_of)
    boxes = _box_counts(found)
    words: dict[str, Any] = {"submission": str(out), "split": chosen, "images": len(found), "boxes": boxes}
    judged = _judged(out, data, chosen, images, found)
    words |= {"errors": judged.as_json() if judged else None, "failed": failed, "seconds": perf_counter() - began}
    if as_json:
        print_json(words)
    else:
        typer.echo(_told(words, judged))
    if failed:
        raise typer.Exit(1)


def _images(data: Path, split: str | None, format: str | None) -> tuple["Dataset", str | None]:
    """Return the images of the split asked for, test or val, or all, and the split's name. Raises UserError without any."""
    from onelook.datasets.reading import read

    dataset = read(data, format)
    split = split or next((name for name in ("test", "val") if len(dataset.splits.get(name, ()))), None)
    dataset = dataset.split(split) if split else dataset
    if not len(dataset):
        raise UserError(f"{data}: expected images in the {split or 'whole'} set, got none")
    stems = [path.stem for path in dataset.paths]
    if len(set(stems)) < len(stems):
        twice = next(stem for stem in stems if stems.count(stem) > 1)
        raise UserError(f"{data}: expected images that their names tell apart, got {twice} twice; choose a --split")
    return dataset, split


def _localiser(classifier: Path, detector: Path, names: Sequence[str]) -> "Localiser":
    from onelook.inference.classifier import find_classifier, load_classifier
    from onelook.inference.localising import Localiser
    from onelook.inference.model import find_detector, load

    bundle = find_classifier(classifier)
    if bundle is None:
        raise UserError(f"{classifier}: expected a classifier, got a detector; give CLASSIFIER before DETECTOR")
    if find_classifier(detector) is not None:
        raise UserError(f"{detector}: expected a detector, got a classifier; give CLASSIFIER before DETECTOR")
    return Localiser(load_classifier(bundle), load(find_detector(detector)), names or None)


def _guesses(localiser: "Localiser", images: "Dataset") -> tuple[dict[str, list["Guess"]], list[dict[str, str]]]:
    """Return the guesses by the image's name, and the pictures that could not be read."""
    from onelook.structures.progress import track

    found: dict[str, list[Guess]] = {}
    failed: list[dict[str, str]] = []
    for path in track(images.paths, len(images), "localising"):
        found[path.stem] = []
        try:
            found[path.stem] = localiser.guess(path)
        except FormatError as error:
            failed.append({"file": str(path), "error": str(error)})
            typer.echo(f"onelook: {error}", err=True)
    return found, failed


def _class_words(data: Path) -> dict[str, str]:
    """Return the number that stands for each class where the challenge's sample beside the data has numbers; else {}."""
    from onelook.datasets.formats import imagenet, submission

    sample = data / "LOC_sample_submission.csv"
    first = next((text for _, _, text in submission.lines(sample) if text.split()), "") if sample.is_file() else ""
    if not first.split()[:1] or not first.split()[0].isdigit():
        return {}
    synsets = imagenet.read_synsets(data / "LOC_synset_mapping.txt")
    return {wnid: str(number) for number, wnid in enumerate(synsets, start=1)}


def _write(out: Path, found: Mapping[str, Sequence["Guess"]], words_of: Mapping[str, str]) -> None:
    from onelook.datasets.formats import submission

    rows = {
        image: [submission.Guess(words_of.get(each.name, each.name), each.score, each.box) for each in guesses]
        for image, guesses in found.items()
    }
    submission.write_submission(out, rows)


def _validate(
    out: Path, found: Mapping[str, Sequence["Guess"]], images: "Dataset", words_of: Mapping[str, str]
) -> None:
    """Raise FormatError naming the line of the written file that the challenge would not take as it was meant."""
    from onelook.datasets.formats import submission

    sizes = {path.stem: images.sizes[index] for index, path in enumerate(images.paths)}
    for number, image, text in submission.lines(out):
        read = submission.parse(text)
        words = [submission.class_word(words_of.get(each.name, each.name)) for each in found.get(image, [])]
        width, height = sizes[image]
        inside = all(
            -0.01 <= x1 <= x2 <= width + 0.01 and -0.01 <= y1 <= y2 <= height + 0.01
            for x1, y1, x2, y2 in (each.box for each in read)
        )
        if [each.name for each in read] != words or len(read) > submission.MOST_GUESSES or not inside:
            raise FormatError(
                f"{out}:{number}: expected at most {submission.MOST_GUESSES} guesses inside the picture, got {text!r}"
            )


def _box_counts(found: Mapping[str, Sequence["Guess"]]) -> dict[str, int]:
    kinds = [each.seen for guesses in found.values() for each in guesses]
    return {kind: kinds.count(kind) for kind in ("own", "other", "whole")}


def _judged(
    out: Path, data: Path, split: str | None, images: "Dataset", found: Mapping[str, Sequence["Guess"]]
) -> "Localisation | None":
    """Return the challenge's errors by the solution beside the data, or else by the data's own boxes; None without truth."""
    from onelook.datasets.files.localisation_csv import read_submission
    from onelook.evaluation.ilsvrc import localisation
    from onelook.structures.detections import Detections

    solution = data / f"LOC_{split}_solution.csv"
    if solution.is_file():
        truths, guesses, _ = read_submission(out, solution)
        return localisation(truths, guesses, inclusive=True)
    if not len(images.boxes):
        return None
    places = {name: index for index, name in enumerate(images.names)}
    answers = [
        Detections(
            [each.box for each in own],  # type: ignore[arg-type]  # made arrays there
            [each.score for each in own],  # type: ignore[arg-type]
            [places.get(each.name, -1) for each in own],  # type: ignore[arg-type]
        )
        for own in (found[path.stem] for path in images.paths)
    ]
    return localisation([images.truth(index) for index in range(len(images))], answers)


def _told(words: Mapping[str, Any], judged: "Localisation | None") -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in words["boxes"].items())
    lines = [
        f"{words['submission']}: {words['images']} images ({words['split'] or 'all'}), checked; boxes of guesses: {counts}"
    ]
    if judged is None:
        return "\n".join([*lines, "not judged: nobody says what is true of these images"])
    return "\n".join([*lines, *judged.lines()])
