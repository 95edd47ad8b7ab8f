"""One training from beginning to end, or from where it was stopped."""

import dataclasses
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelook.datasets.reading import read
from onelook.evaluation.evaluation import Evaluation
from onelook.models.known import find_network
from onelook.structures.errors import UserError
from onelook.structures.network.cfg import parse_cfg
from onelook.training.budget import parse_duration
from onelook.training.checkpoint import load_state, read_facts
from onelook.training.memory import keep_memory
from onelook.training.outset import checked, last_seconds, set_out
from onelook.training.preparation import prepare
from onelook.training.run import Run, describe_environment, new_run_folder, refuse_used
from onelook.training.session import Session
from onelook.training.settings import make_train_settings, read_train_settings, settings_toml
from onelook.training.task import Say, Task


@dataclass(frozen=True)
class TrainResult:
    """A run that ended, or was stopped.

    `seconds` were spent on training and its evaluations; a run that was stopped has no final `evaluation` and can be resumed.
    """

    run: Path
    seconds: float
    evaluation: Evaluation | None

    @property
    def finished(self) -> bool:
        """Whether the last step was reached."""
        return self.evaluation is not None


def train(
    network: str | Path,
    data: str | Path,
    weights: str | Path | None = None,
    out: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    resume: bool = False,
    format: str | None = None,
    time_budget: str | None = None,
    began: float | None = None,
    say: Say = print,
) -> TrainResult:
    """Train `network` (a cfg or a known name) on `data` and return the run.

    `weights` is a run, a bundle or a `.weights` file to start from; `settings` as `make_train_settings` takes them. With
    `resume`, `out` is a run that was stopped, and it goes on exactly where it was. `time_budget`, such as 2h, counts from
    `began` (time.time), by default from now: a new run's schedule is fitted to it, and any run ends well when it is up. Every
    mistake of the user's raises UserError before anything is written.
    """
    keep_memory()
    began = began or time.time()
    budget = parse_duration(time_budget, "--time-budget") if time_budget else None
    data, out = Path(data), Path(out) if out else None
    session = (
        _go_on(data, out, settings, format, say)
        if resume
        else _begin(str(network), data, Path(weights) if weights else None, out, settings, format, say, began, budget)
    )
    if budget is not None:
        session.ends_at = time.monotonic() + budget - (time.time() - began)
    run = session.run
    if not session.train():
        say(
            f"stopped after step {session.state.step}; go on with: onelook train {network} {data} --out {run.folder} --resume"
        )
        return TrainResult(run.folder, session.state.seconds, None)
    about = {
        "network": str(network),
        "data": str(data),
        "weights": str(weights) if weights else None,
        "seconds": session.state.seconds,
    }
    evaluation = session.task.prove(run, about, session.device, say)
    return TrainResult(run.folder, session.state.seconds, evaluation)


def _begin(
    network: str,
    data: Path,
    weights: Path | None,
    out: Path | None,
    settings: Mapping[str, Any] | None,
    format: str | None,
    say: Say,
    began: float,
    budget: float | None,
) -> Session:
    chosen = make_train_settings(settings or {}, "--set")
    folder = out or new_run_folder(network, data)
    refuse_used(folder)
    cfg = find_network(network)
    outset = set_out(cfg, checked(data, format, cfg, chosen, say), weights, chosen, say, began, budget)
    task = outset.task
    run = Run(folder)
    session = Session(run, task, _facts(task), say)
    run.begin(settings_toml(task.settings), describe_environment())
    if outset.measured is not None:
        session.reserve = last_seconds(outset.measured, task)
    with session.watch.pace.beside("save"):
        session.save()
    say(f"run: {folder}")
    return session


def _go_on(data: Path, out: Path | None, settings: Mapping[str, Any] | None, format: str | None, say: Say) -> Session:
    if out is None:
        raise UserError("--resume: expected --out RUN, the run to go on with")
    if settings:
        raise UserError(
            f"--resume: expected no --set: {out} goes on with the settings it has; for others begin a new run"
        )
    run = Run(out)
    if not run.settings.is_file() or not run.state.is_file():
        raise UserError(f"{out}: expected a run to resume, with settings.toml and last/state.safetensors, got none")
    facts = read_facts(run.state)
    kept = dataclasses.replace(read_train_settings(run.settings), anchors="keep")  # they are in the run's cfg already
    task = prepare(parse_cfg(facts["cfg"], str(run.state)), read(data, format), None, kept)
    if task.digests() != facts["digest"]:
        raise UserError(f"{data}: expected the data that {out} was trained on, got other images, boxes or classes")
    session = Session(run, task, facts, say)
    load_state(run.state, session.state)
    run.rewind(session.state.step)
    say(f"{out}: going on after step {session.state.step} of {task.settings.max_batches}")
    return session


def _facts(task: Task) -> dict[str, Any]:
    """Return what a resuming run needs beside the state: the network in words, and the data's digests to compare."""
    return {**task.facts(), "digest": task.digests()}
