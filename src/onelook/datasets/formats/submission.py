"""The csv of the ImageNet Object Localization Challenge: `ImageId,PredictionString`, a line an image.

The string is `class x1 y1 x2 y2` for each object, with spaces between; a class may be followed by its confidence. Solutions
(LOC_val_solution.csv) are written alike. Source: the challenge's page on Kaggle, and its LOC_sample_submission.csv.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from onelook.datasets.files.bounded import bounded_lines
from onelook.datasets.files.layout import folder_name
from onelook.structures.errors import FormatError
from onelook.structures.files import write_bytes

HEAD = "ImageId,PredictionString"

MOST_GUESSES = 5
"""Predictions of an image that the challenge looks at."""


@dataclass(frozen=True)
class Guess:
    """One object of a line: its class as written, its confidence if it has one, its box (x1, y1, x2, y2) in pixels."""

    name: str
    score: float | None
    box: tuple[float, float, float, float]


def read_submission(file: Path) -> dict[str, list[Guess]]:
    """Return what the file says of every image, in its order; an image without a prediction has [].

    Raises FormatError naming the line that is none.
    """
    found: dict[str, list[Guess]] = {}
    for number, image, text in lines(file):
        try:
            found[image] = parse(text)
        except ValueError as error:
            raise FormatError(f"{file}:{number}: {error}; write the line again") from None
    return found


def lines(file: Path) -> Iterator[tuple[int, str, str]]:
    """Yield the number, the image and the prediction string of each line but the head's."""
    for number, line in bounded_lines(file):
        image, *rest = next(csv.reader([line]))
        if not (number == 1 and image == HEAD.partition(",")[0]):
            yield number, image, rest[0] if rest else ""


def parse(text: str) -> list[Guess]:
    """Return the objects of a prediction string. Raises ValueError saying what was expected."""
    words = text.split()
    width = _width(words)
    try:
        rows = [(words[at], [float(word) for word in words[at + 1 : at + width]]) for at in range(0, len(words), width)]
        return [Guess(name, row[0] if width == 6 else None, _corners(row[-4:])) for name, row in rows]
    except ValueError:
        raise ValueError(f"expected `class x1 y1 x2 y2` an object, got {text[:60]!r}") from None


def _width(words: Sequence[str]) -> int:
    """Return how many words an object has: 6 with a confidence; where both fit, that which has classes at its beginnings."""
    if len(words) % 5 == 0 and not (len(words) % 6 == 0 and _are_names(words[::6]) and not _are_names(words[::5])):
        return 5
    return 6 if len(words) % 6 == 0 else 5


def _are_names(words: Sequence[str]) -> bool:
    return all(not word.replace(".", "").replace("-", "").isdigit() for word in words)


def _corners(row: Sequence[float]) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = row
    return x1, y1, x2, y2


def told(guesses: Iterable[Guess]) -> str:
    """Return the prediction string of some objects, as solutions have it: a space after each number."""
    return "".join(f"{class_word(each.name)} {' '.join(f'{side:g}' for side in each.box)} " for each in guesses)


def class_word(name: str) -> str:
    """Return a class name as one word; a wnid stays as it is."""
    return folder_name(name).replace(" ", "%20")


def write_submission(file: Path, found: Mapping[str, Sequence[Guess]]) -> None:
    """Write a submission: of every image the five guesses with the highest score, the best first; no score is written."""
    rows = [HEAD]
    for image, guesses in found.items():
        best = sorted(guesses, key=lambda guess: -(guess.score or 0.0))[:MOST_GUESSES]
        rows.append(f"{image},{told(best)}")
    write_bytes(file, ("\n".join(rows) + "\n").encode("utf-8", "surrogateescape"))
