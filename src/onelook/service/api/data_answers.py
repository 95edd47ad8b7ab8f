"""Training data that was looked at, as messages."""

from collections import Counter
from pathlib import Path
from typing import Any

from onelook.datasets.dataset import Dataset
from onelook.datasets.findings import CODES, ERROR
from onelook.datasets.stats import stats
from onelook.service.training_messages import DataCheck, FindingAnswer, FindingCode, LabelledBox, LabelledImage
from onelook.service.trainings.data import without_folder
from onelook.service.trainings.looking import Checked
from onelook.structures.boxes import Boxes

MOST_FINDINGS = 500
"""Findings of one code that are told."""


def check_answer(found: Checked, top: Path) -> DataCheck:
    """Return what was found, errors before warnings, with paths from the data's folder on."""
    counts = Counter(finding.code for finding in found.findings)
    codes = [
        code for code, (severity, _) in sorted(CODES.items(), key=lambda each: each[1][0] != ERROR) if counts[code]
    ]
    errors = sum(finding.severity == ERROR for finding in found.findings)
    return DataCheck(
        errors=errors,
        warnings=len(found.findings) - errors,
        codes=[_code_answer(code, counts[code]) for code in codes],
        findings=[each for code in codes for each in _of_code(found, code, top)],
        statistics=stats(found.dataset),
    )


def _code_answer(code: str, count: int) -> FindingCode:
    severity, meaning = CODES[code]
    return FindingCode.model_validate({"code": code, "severity": severity, "meaning": meaning, "count": count})


def _of_code(found: Checked, code: str, top: Path) -> list[FindingAnswer]:
    own = [pair for pair in zip(found.findings, found.guilty, strict=True) if pair[0].code == code]
    told: list[FindingAnswer] = []
    for finding, images in own[:MOST_FINDINGS]:
        words: dict[str, Any] = {
            key: without_folder(value, top) if isinstance(value, str) else value
            for key, value in finding.as_json().items()
        }
        told.append(FindingAnswer.model_validate({**words, "images": images}))
    return told


def image_answer(dataset: Dataset, number: int, top: Path) -> LabelledImage:
    """Return one picture with its labels, boxes in fractions of it."""
    width, height = map(int, dataset.sizes[number])
    truth, label = dataset.truth(number), int(dataset.labels[number])
    return LabelledImage(
        number=number,
        file=without_folder(str(dataset.paths[number]), top),
        width=width,
        height=height,
        splits=[name for name, indices in dataset.splits.items() if number in indices],
        labelled=bool(dataset.labelled[number]),
        label=dataset.names[label] if label >= 0 else None,
        boxes=[
            LabelledBox.model_validate({"class": dataset.names[index], "index": index, "box": box})
            for index, box in zip(truth.classes.tolist(), _fractions(truth.boxes, width, height), strict=True)
        ],
    )


def _fractions(boxes: Boxes, width: int, height: int) -> list[list[float]]:
    """Return boxes (n, 4) in pixels as fractions of a picture; one whose size is not known has none."""
    return (boxes / (width, height, width, height)).tolist() if width and height else [[0.0] * 4] * len(boxes)
