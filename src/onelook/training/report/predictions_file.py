"""The envelope of predictions.json, the same for detectors and classifiers: about, data, names, and the images of each split.

{["kind": ...,] "about": {...}, "data": {...}, "names": [...], "splits": {NAME: [{"file", "width", "height", ...}, ...]}}; what
else an image says is its kind's affair. A detector's file has no `kind`.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.datasets.dataset import Dataset
from onelook.structures.errors import FormatError
from onelook.structures.files import write_text


@dataclass(frozen=True)
class Envelope:
    """What predictions.json holds, its images as JSON has them."""

    names: tuple[str, ...]
    splits: Mapping[str, Any]
    """The list of images by the split's name."""
    data: Mapping[str, Any]
    about: Mapping[str, Any]
    kind: str | None = None


def write_envelope(path: Path, envelope: Envelope) -> None:
    """Write predictions.json, whole or not at all."""
    content = {
        **({"kind": envelope.kind} if envelope.kind else {}),
        "about": dict(envelope.about),
        "data": dict(envelope.data),
        "names": list(envelope.names),
        "splits": dict(envelope.splits),
    }
    write_text(path, json.dumps(content, ensure_ascii=False, separators=(",", ":"), default=str) + "\n")


def read_envelope(path: Path) -> Envelope:
    """Return what predictions.json holds. Raises FormatError naming the file that is none, or cut short."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FormatError(f"{path}: expected a run's predictions, got {error.strerror}") from None
    except ValueError as error:
        raise FormatError(f"{path}: expected JSON, got {error}") from None
    try:
        names, splits = tuple(map(str, content["names"])), dict(content["splits"])
        return Envelope(names, splits, dict(content["data"]), dict(content["about"]), content.get("kind"))
    except (KeyError, TypeError, ValueError, AttributeError):
        raise FormatError(f"{path}: expected about, data, names and splits, got another kind of JSON") from None


def is_of_kind(path: Path, kind: str) -> bool:
    """Return whether a file holds predictions of a kind; what is broken is left to its reader to tell."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(64).startswith(f'{{"kind":"{kind}"')
    except (OSError, UnicodeDecodeError):
        return False


def image_facts(path: Path, size: tuple[int, int]) -> dict[str, Any]:
    """Return how predictions.json names an image of (width, height)."""
    return {"file": str(path), "width": size[0], "height": size[1]}


def read_image_facts(image: Any) -> tuple[Path, tuple[int, int]]:
    """Return an image's path and size. Raises KeyError, TypeError or ValueError for what names none."""
    return Path(image["file"]), (int(image["width"]), int(image["height"]))


def facts_of(splits: Mapping[str, Dataset], told: Callable[[Dataset], Mapping[str, Any]]) -> dict[str, Any]:
    """Return path, format and, for every split, images, what `told` tells of it, and digest."""
    facts: dict[str, Any] = {"splits": {}}
    for name, dataset in splits.items():
        facts["path"], facts["format"] = str(dataset.root.absolute()), dataset.format
        facts["splits"][name] = {"images": len(dataset), **told(dataset), "digest": dataset.digest()}
    return facts


def counts(names: Sequence[str], classes: NDArray[np.int64]) -> dict[str, int]:
    """Return how often each class, by its name, is among `classes` (n,)."""
    return dict(zip(names, np.bincount(classes, minlength=len(names)).tolist(), strict=True))
