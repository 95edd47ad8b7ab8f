"""The two CSV files of ImageNet's localisation challenge on Kaggle: what is true, and what was guessed.

Both have the columns ImageId and PredictionString; the latter holds, one after the other, `class x1 y1 x2 y2`.
"""

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from onelook.structures.detections import Detections
from onelook.structures.errors import FormatError, UserError
from onelook.structures.truth import Truth

Row = tuple[str, list[tuple[str, list[float]]]]
"""An image, and the class and box (x1, y1, x2, y2) of each of its objects or guesses."""


def read_submission(guesses: Path, solution: Path) -> tuple[list[Truth], list[Detections], dict[str, int]]:
    """Return truth and guesses of the solution's images, in its order, and how many records were left out, by reason.

    A guess's class may be a wnid, or the number, from 1, of its line in LOC_synset_mapping.txt beside the solution. Images that
    the solution has and the submission lacks have no guess; those that only the submission has are counted and left out.
    Raises FormatError naming file, line and record; UserError when no image is shared.
    """
    true, guessed = dict(_rows(solution)), dict(_rows(guesses))
    if not set(true) & set(guessed):
        raise UserError(
            f"{guesses}: expected images of {solution}, such as {next(iter(true))}, got {next(iter(guessed))}"
        )
    numbers = _numbers(solution)
    wnids = {label: k for k, label in enumerate(dict.fromkeys(label for row in true.values() for label, _ in row))}
    unknown = 0
    truths, detections = [], []
    for image, objects in true.items():
        labels = [wnids[label] for label, _ in objects]
        truths.append(Truth([box for _, box in objects], labels))  # type: ignore[arg-type]  # made arrays there
        own = [(numbers.get(label, label), box) for label, box in guessed.get(image, [])]
        unknown += sum(label not in wnids for label, _ in own)
        classes = [wnids.get(label, -1) for label, _ in own]
        boxes = [box for _, box in own]
        detections.append(Detections(boxes, np.linspace(1, 0, len(own)), classes))  # type: ignore[arg-type]  # made arrays there
    beyond = sum(image not in true for image in guessed)
    lacking = sum(image not in guessed for image in true)
    told = {
        "images that the solution does not have": beyond,
        "images without a guess": lacking,
        "guesses of classes that no image has": unknown,
    }
    return truths, detections, {reason: count for reason, count in told.items() if count}


def _rows(path: Path) -> Iterator[Row]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file)
            head = next(reader, [])
            if [word.strip() for word in head[:2]] != ["ImageId", "PredictionString"]:
                raise FormatError(f"{path}:1: expected ImageId,PredictionString, got {','.join(head)[:60]!r}")
            count = 0
            for count, row in enumerate(reader, start=1):
                yield _row(path, count + 1, row)
    except (OSError, UnicodeDecodeError) as error:
        raise FormatError(f"{path}: expected a CSV file, got {getattr(error, 'strerror', None) or error}") from None
    if not count:
        raise FormatError(f"{path}: expected a line an image, got none")


def _row(path: Path, number: int, row: Sequence[str]) -> Row:
    words = row[1].split() if len(row) > 1 else []
    if len(row) < 1 or len(words) % 5:
        raise FormatError(f"{path}:{number}: expected `class x1 y1 x2 y2` again and again, got {len(words)} words")
    objects = []
    for place in range(0, len(words), 5):
        try:
            box = [float(word) for word in words[place + 1 : place + 5]]
        except ValueError:
            box = [math.nan]
        if not all(map(math.isfinite, box)) or box[2] < box[0] or box[3] < box[1]:
            told = " ".join(words[place : place + 5])
            raise FormatError(
                f"{path}:{number}: record {place // 5}: expected numbers, x1 <= x2 and y1 <= y2, got {told!r}"
            )
        objects.append((words[place], box))
    return row[0].strip(), objects


def _numbers(solution: Path) -> dict[str, str]:
    """Return the wnid of each number of a class, as the challenge's own mapping beside the solution has it."""
    mapping = solution.with_name("LOC_synset_mapping.txt")
    if not mapping.is_file():
        return {}
    lines = mapping.read_text(encoding="utf-8").splitlines()
    return {str(number): line.partition(" ")[0] for number, line in enumerate(lines, start=1) if line.strip()}
