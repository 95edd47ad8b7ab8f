"""The proof that what a plan set is what the trainer used: the run's settings.toml against the request, after the event.

A framework's bug of 2026 trained all trials of a search alike, and nobody saw. So every setting of every run is looked up in what
the trainer wrote that it has in force, and what it ran is counted: steps made, and the last one's epoch.
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from onelook.experiments.outcome import Outcome
from onelook.experiments.past_run import flat, read_lines
from onelook.experiments.request import Request
from onelook.structures.errors import UserError
from onelook.structures.settings import read_toml
from onelook.training.run import Run
from onelook.training.settings import make_train_settings, settings_toml
from onelook.training.survival.resume import ADAPTED as MAY_CHANGE

ADAPTED = ("subdivisions",)
"""What the trainer may raise, and tells, so that a step fits into memory."""


AS_ASKED = (-0.51, 1.01)
"""Steps by which a run may differ from its epochs: it makes the last step whole. Runs begun before 2026-11-23 took the nearest one,
and go on with what they have."""


def differences(request: Request, folder: Path) -> list[str]:
    """Return a line for each setting of the request that the run in `folder` did not have; no settings.toml gives none yet.

    Raises FormatError for a settings.toml that is none.
    """
    run = Run(folder)
    if not run.settings.is_file():
        return []
    used = flat(read_toml(run.settings))
    asked = _asked(request.settings)
    found = [
        f"{key}: expected {value!r} as the plan has it, got {used.get(key)!r} in {run.settings}"
        for key, value in asked.items()
        if not _same(key, value, used.get(key))
    ]
    return found + _length(request.settings, used, run)


def finished_as_asked(request: Request, folder: Path) -> list[str]:
    """Return the differences of a run that says it is done, and whether it made its steps (fewer only by `patience`)."""
    run = Run(folder)
    if not run.settings.is_file():
        return [f"{run.settings}: expected the run's settings, got none"]
    used = flat(read_toml(run.settings))
    steps = max((line["step"] for line in read_lines(run) if line.get("kind") == "step"), default=0)
    wanted = used.get("max_batches")
    early = request.settings.get("patience") is not None
    short = [] if steps == wanted or early else [f"max_batches: expected {wanted} steps in {run.metrics}, got {steps}"]
    return differences(request, folder) + short


def weights_digest(run: Run) -> str | None:
    """Return the digest of the weights of a run's model; None where it has none yet."""
    bundle = run.model / "bundle.toml"
    return str(read_toml(bundle).get("weights_sha256", "")) or None if bundle.is_file() else None


def trained_alike(rows: Sequence[Outcome]) -> list[str]:
    """Return a line for every run whose weights are those of an earlier one although its settings are others.

    Settings that change nothing of what is learnt may differ (such as `workers`), and so may how often was evaluated.
    """
    first: dict[str, Outcome] = {}
    found = []
    for row in rows:
        digest = row.result.get("weights_sha256")
        other = first.setdefault(digest, row) if digest and row.state == "done" else row
        differing = [key for key in _learnt(row) if _learnt(row).get(key) != _learnt(other).get(key)]
        if differing:
            found.append(
                f"{row.id} ended with the very weights of {other.id} although they differ in {', '.join(differing)}: "
                "look whether those settings do anything here"
            )
    return found


def _learnt(row: Outcome) -> dict[str, Any]:
    return {key: value for key, value in row.settings.items() if key not in (*MAY_CHANGE, "eval_every", "tensorboard")}


def _asked(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings as the trainer writes them, typed and under their tables."""
    made = flat(tomllib.loads(settings_toml(make_train_settings(settings, "plan"))))
    plain = {key.rpartition(".")[2]: key for key in made}
    named = {key if key in made else plain.get(key, key) for key in settings}
    return {key: made[key] for key in named if key in made and key != "epochs"}


def _same(key: str, asked: Any, used: Any) -> bool:
    if asked == "auto" and used is not None:
        return True  # the trainer decides, and writes what it decided
    if key in ADAPTED and isinstance(used, int):
        return used >= int(asked)
    return bool(asked == used)


def _length(settings: Mapping[str, Any], used: Mapping[str, Any], run: Run) -> list[str]:
    """Return a line where the steps of a run are not what its epochs come to, by the epoch that its last line says."""
    if settings.get("epochs") is None:
        return []
    try:
        steps = [line for line in read_lines(run) if line.get("kind") == "step" and line.get("epoch")]
    except UserError:
        return []  # its own row tells of a broken file
    if not steps:
        return []
    an_epoch = steps[-1]["step"] / steps[-1]["epoch"]
    epochs = float(settings["epochs"])
    more = used.get("max_batches", 0) - epochs * an_epoch
    if AS_ASKED[0] <= more <= AS_ASKED[1]:
        return []
    return [
        f"epochs: expected {epochs:g} as the plan has it, got {used.get('max_batches', 0) / an_epoch:g} by {run.metrics}"
    ]
