"""What a run was made from, kept in its folder so that it can be made again: network, data, weights and what the user set.

`origin/facts.json` and, for a network of sections, its cfg beside it as it was.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from onelook.datasets.dataset import Dataset
from onelook.datasets.reading import read
from onelook.models.known import KNOWN, find_network, is_classifier
from onelook.structures.bundle import bundle_folder
from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import write_json, write_text
from onelook.structures.network.cfg import format_cfg
from onelook.structures.settings import read_toml
from onelook.training.run import Run

LENGTHS = ("epochs", "max_batches")
"""Of these one may be given; another one in its place takes it away."""


@dataclass(frozen=True)
class Origin:
    """What `origin/facts.json` holds."""

    network: str
    """A known name, or that of the cfg which is kept beside."""
    data: str
    """Absolute path."""
    format: str | None
    """Of the data, where the user named one."""
    digest: str
    """Of the whole data set: names, sizes, boxes and classes, not the pictures' pixels."""
    facts: Mapping[str, Any]
    """The data set in a few numbers, by which is told what has changed."""
    weights: str | None
    """Absolute path of those that it began with."""
    weights_sha256: str | None
    given: Mapping[str, Any]
    """Settings that the user gave; all others were derived."""


@dataclass(frozen=True)
class Asked:
    """What `train` is told, by a user or by a run that is to be made again."""

    network: str
    data: Path
    weights: Path | None
    settings: Mapping[str, Any]
    given: Mapping[str, Any]
    """What of the settings the user gave, then or now."""
    format: str | None


def keep_origin(
    run: Run,
    network: str,
    data: Path,
    format: str | None,
    weights: Path | None,
    given: Mapping[str, Any],
    dataset: Dataset,
) -> None:
    """Write into the run's folder what it is made from; arguments as `train` takes them, and the data set as it was read."""
    sections = network not in KNOWN and not is_classifier(network)
    name = Path(network).stem if sections else network
    origin = Origin(
        name,
        str(data.absolute()),
        format,
        dataset.digest(),
        data_facts(dataset),
        str(weights.absolute()) if weights else None,
        weights_digest(weights) if weights else None,
        {key: _plain(value) for key, value in given.items()},
    )
    if sections:
        write_text(run.origin / f"{name}.cfg", format_cfg(find_network(network)))
    write_json(run.origin / FACTS, asdict(origin))


FACTS = "facts.json"


def read_origin(run: Run) -> Origin:
    """Return what the run was made from. Raises UserError where it does not say so, FormatError where what it says is broken."""
    if not run.settings.is_file():
        raise UserError(f"{run.folder}: expected a run's folder, with its settings.toml, got none")
    path = run.origin / FACTS
    if not path.is_file():
        raise UserError(
            f"{run.folder}: expected {path.relative_to(run.folder)}, got none: an older onelook made this run; "
            "name network, data and settings as it had them"
        )
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return Origin(**{each.name: values[each.name] for each in fields(Origin)})
    except (ValueError, KeyError, TypeError) as error:
        raise FormatError(f"{path}: expected what a run was made from, got {error!r}") from None


def make_again(
    folder: Path,
    network: str | None,
    data: Path | None,
    weights: Path | None,
    overrides: Mapping[str, Any],
    format: str | None,
    say: Callable[[str], None],
) -> Asked:
    """Return how to make the run in `folder` again; what is not None takes the place of what it had, and what changed is told.

    Without `overrides` all settings are those that were in force, derived ones too; with some, what the user gave then and now
    holds, and the rest is derived anew. Raises UserError where the run does not say what it was made from, and for weights that
    are gone or are others now.
    """
    run = Run(folder)
    origin = read_origin(run)
    kept = run.origin / f"{origin.network}.cfg"
    given = _given(origin, overrides)
    asked = Asked(
        network or (str(kept) if kept.is_file() else origin.network),
        data or Path(origin.data),
        weights or _same_weights(origin, folder),
        given if overrides else read_toml(run.settings),
        given,
        format or origin.format,
    )
    _tell_data(asked, origin, folder, say)
    return asked


def data_facts(dataset: Dataset) -> dict[str, Any]:
    """Return a data set in a few numbers."""
    splits = {name: len(rows) for name, rows in dataset.splits.items()}
    return {"classes": list(dataset.names), "images": len(dataset), **splits, "boxes": len(dataset.boxes)}


def changes_told(then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return in words how data, told in a few numbers, differs from what it was."""
    names = [name for name in now if now[name] != then.get(name)]
    changes = [f"{name} {_words(then.get(name, 'none'))} -> {_words(now[name])}" for name in names]
    return "; ".join(changes) if changes else "as many images and boxes, but not the same ones"


def weights_digest(weights: Path) -> str:
    """Return the sha256, in hex, of a file of weights, or of those of a run or a bundle. Raises UserError where there are none."""
    folder = bundle_folder(weights)
    path = folder / "weights.safetensors" if folder else weights
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: expected weights, got {error.strerror}") from None


def _given(origin: Origin, overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    replaced = LENGTHS if any(name in overrides for name in LENGTHS) else ()
    return {key: value for key, value in origin.given.items() if key not in replaced} | dict(overrides)


def _same_weights(origin: Origin, folder: Path) -> Path | None:
    if origin.weights is None:
        return None
    path = Path(origin.weights)
    if not path.exists():
        raise UserError(f"{path}: expected the weights that {folder} began with, got none; --weights names others")
    if weights_digest(path) != origin.weights_sha256:
        raise UserError(
            f"{path}: expected the weights that {folder} began with, got a file that has changed since; --weights names others"
        )
    return path


def _tell_data(asked: Asked, origin: Origin, folder: Path, say: Callable[[str], None]) -> None:
    dataset = read(asked.data, asked.format)
    if dataset.digest() != origin.digest:
        what = changes_told(origin.facts, data_facts(dataset))
        say(f"{asked.data}: no longer the data that {folder} was trained on ({what}), so the numbers may differ")


def _plain(value: Any) -> Any:
    """Return a setting as JSON has it."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, int | float | str | None) else str(value)


def _words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
