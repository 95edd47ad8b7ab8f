"""Going on with a run: what died is told, what is torn is passed over, and what has changed is refused in words, or adapted to."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onelook.structures.errors import UserError
from onelook.training.guard.diagnosis import record_death
from onelook.training.origin import changes_told
from onelook.training.run import Run
from onelook.training.settings import TrainSettings, make_train_settings, read_train_settings
from onelook.training.survival.checkpoint import NEWEST, newest_whole, sweep, take_as_newest
from onelook.training.survival.heartbeat import death, read_heartbeat, refuse_trained
from onelook.training.tasks.task import Say, Task

ADAPTED = ("workers", "threads", "guard", "chance_steps", "patience")
"""Settings that may change while a run goes on: none of them is part of what is learnt."""


def begin_again(run: Run, say: Say) -> tuple[Path, bool]:
    """Return the checkpoint to go on from, and whether the kernel killed the run for lack of memory; a death is told.

    Raises UserError when the folder is no run or somebody trains it, FormatError when no checkpoint in it is whole.
    """
    if not run.settings.is_file() or not run.last.is_dir():
        raise UserError(f"{run.folder}: expected a run to resume, with settings.toml and last/{NEWEST}, got none")
    refuse_trained(run.alive)
    path, torn = newest_whole(run.last)
    beat, memory = read_heartbeat(run.alive), False
    if beat is not None:
        event = death(beat)
        record_death(run, event)
        run.alive.unlink(missing_ok=True)
        say(f"{run.folder}: {event['what']}")
    deaths = [event for event in run.read_events() if event["kind"] == "death"]
    memory = bool(deaths) and deaths[-1]["cause"] == "out of memory"
    for line in torn:
        say(f"{line}; going on from {path.name}")
    take_as_newest(path)
    sweep(run.last)
    return path.with_name(NEWEST), memory


def kept_settings(run: Run, asked: Mapping[str, Any] | None, say: Say) -> TrainSettings:
    """Return the run's settings, with what of `asked` may change; UserError names what may not, and the way out."""
    kept = read_train_settings(run.settings)
    if not asked:
        return kept
    wanted = make_train_settings(asked, "--set")
    changed = {name: getattr(wanted, name) for name in asked if name in ADAPTED}
    others = [name for name in asked if name not in ADAPTED and not _same(wanted, kept, name)]
    if others:
        raise UserError(
            f"--resume: expected no other {', '.join(others)} than {run.folder} has: the result would be neither's; only "
            f"{', '.join(ADAPTED)} may change; for others begin a new run with --weights {run.folder}"
        )
    for name, value in changed.items():
        say(f"{name}: {getattr(kept, name)} -> {value}")
    return dataclasses.replace(kept, **changed)


def refuse_other_data(task: Task, facts: Mapping[str, Any], data: Path, run: Run) -> None:
    """Raise UserError, saying what is different, when the data is not what the run was trained on."""
    if task.digests() == facts["digest"]:
        return
    what = changes_told(facts["data"], task.data_facts())
    raise UserError(
        f"{data}: expected the data that {run.folder} was trained on, got other images, boxes or classes ({what}); "
        f"for this data begin a new run with --weights {run.folder}"
    )


def _same(wanted: TrainSettings, kept: TrainSettings, name: str) -> bool:
    plain = name.rpartition(".")[2]
    homes = [
        home
        for home in ((wanted, kept), (wanted.augment, kept.augment), (wanted.loss, kept.loss))
        if hasattr(home[0], plain)
    ]
    return bool(homes) and getattr(homes[0][0], plain) == getattr(homes[0][1], plain)
