"""What a run's best model takes for what, and where it does worst, as messages: what report.html shows, in numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from onelook.evaluation.classification import judge_guesses
from onelook.service.training_messages import ConfusionAnswer, MistakeBox, MistakenImage, Mistakes
from onelook.structures.errors import UserError
from onelook.training.report.class_predictions import ClassPredictions, ClassSplit
from onelook.training.report.class_report import surest_mistakes
from onelook.training.report.facts import read_record
from onelook.training.report.judging import MOST_CLASSES, Confusion, commonest, judge_split, ordered
from onelook.training.report.predictions import Predictions
from onelook.training.report.samples import Sample, SampleBox, mistaken_images, worst_samples
from onelook.training.run import Run

KEPT = 4
"""Runs whose record stays read and judged, in one process."""
MOST_WORST = 8

Record = Predictions | ClassPredictions
Pictures = Callable[[int], list[MistakenImage]]


@dataclass(frozen=True)
class Judgement:
    """Of one split: the answer, and where its pictures lie."""

    told: Mistakes
    """With the first of the worst pictures."""
    paths: tuple[Path, ...]
    pictures: Pictures
    """From so many pictures with mistakes on, the worst first, up to MOST_WORST."""

    def told_from(self, start: int) -> Mistakes:
        """Return the answer with the worst pictures but the first `start`."""
        return self.told.model_copy(update={"worst": self.pictures(start)}) if start else self.told


def judgement(run: Path, split: str | None = None) -> Judgement | None:
    """Return the mistakes on a split, by default the one of the report's headline; None without a record or such a split.

    Raises UserError for a record that is broken.
    """
    path = Run(run).predictions
    try:
        moment = path.stat().st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _judged(path, moment, split)


@lru_cache(maxsize=KEPT)
def _judged(path: Path, moment: int, split: str | None) -> Judgement | None:  # noqa: ARG001  # a part of the cache's key
    record = _read(path)
    splits = ordered(record.splits)
    name = split if split is not None else next(iter(splits), "")
    if name not in splits:
        return None
    told, pictures = _of_boxes(record, name) if isinstance(record, Predictions) else _of_classes(record, name)
    first = told.model_copy(update={"splits": splits, "worst": pictures(0)})
    return Judgement(first, record.splits[name].paths, pictures)


def _read(path: Path) -> Record:
    """Return a run's record. Raises UserError without the names of the server's folders."""
    try:
        return read_record(path)
    except UserError as error:
        raise UserError(str(error).replace(f"{path.parent}/", "")) from None


def _of_boxes(record: Predictions, name: str) -> tuple[Mistakes, Pictures]:
    judged, split = judge_split(record, name), record.splits[name]
    mistaken = mistaken_images(judged)

    def pictures(start: int) -> list[MistakenImage]:
        samples = worst_samples(split, record.names, judged, mistaken[start : start + MOST_WORST])
        return [_image(sample, record.names) for sample in samples]

    told = Mistakes(
        split=name,
        splits=[],
        images=len(split.paths),
        score=judged.evaluation.score,
        matrix=judged.matrix.tolist() if len(record.names) <= MOST_CLASSES else None,
        columns=list(record.names),
        confusions=_told(commonest(judged.matrix, len(record.names)), record.names),
        mistaken=len(mistaken),
        worst=[],
    )
    return told, pictures


def _of_classes(record: ClassPredictions, name: str) -> tuple[Mistakes, Pictures]:
    split, names = record.splits[name], record.names
    mistaken = surest_mistakes(split.guesses)

    def pictures(start: int) -> list[MistakenImage]:
        return [_classified(split, names, place) for place in mistaken[start : start + MOST_WORST]]

    confusion = judge_guesses(split.guesses, names).confusion[:, : len(names)]
    told = Mistakes(
        split=name,
        splits=[],
        images=len(split.paths),
        score=None,
        matrix=confusion.tolist() if len(names) <= MOST_CLASSES else None,
        columns=list(names),
        confusions=_told(commonest(confusion, len(names)), names),
        mistaken=len(mistaken),
        worst=[],
    )
    return told, pictures


def _told(confusions: Sequence[Confusion], names: Sequence[str]) -> list[ConfusionAnswer]:
    return [
        ConfusionAnswer(true=_name(each.true, names), seen=_name(each.seen, names), count=each.count)
        for each in confusions
    ]


def _name(place: int | None, names: Sequence[str]) -> str | None:
    return None if place is None else names[place]


def _image(sample: Sample, names: Sequence[str]) -> MistakenImage:
    width, height = sample.size
    return MistakenImage.model_validate(
        {
            "number": sample.index,
            "file": sample.name,
            "width": width,
            "height": height,
            "truth": [_box(box, sample.size, names) for box in sample.truth],
            "detections": [_box(box, sample.size, names) for box in sample.predictions],
            "right": sample.right,
            "wrong": sample.wrong,
            "missed": sample.missed,
        }
    )


def _box(box: SampleBox, size: tuple[int, int], names: Sequence[str]) -> MistakeBox:
    """Return a box in fractions of a picture of (width, height)."""
    width, height = max(1, size[0]), max(1, size[1])
    sides = (box.x / width, box.y / height, (box.x + box.width) / width, (box.y + box.height) / height)
    words: dict[str, Any] = {"class": names[box.label], "index": box.label, "box": sides}
    return MistakeBox.model_validate({**words, "score": box.score, "wrong": box.wrong})


def _classified(split: ClassSplit, names: Sequence[str], place: int) -> MistakenImage:
    width, height = split.sizes[place]
    return MistakenImage.model_validate(
        {
            "number": place,
            "file": split.paths[place].name,
            "width": width,
            "height": height,
            "class": names[split.guesses.labels[place]],
            "classes": [{"class": names[index], "score": round(score, 3)} for index, score in split.tops[place][:3]],
        }
    )
