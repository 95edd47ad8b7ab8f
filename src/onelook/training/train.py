"""One training from beginning to end, or from where it was stopped."""

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from onelook.datasets.loader import lost_workers_told
from onelook.datasets.reading import read
from onelook.evaluation.classification import ClassEvaluation
from onelook.evaluation.evaluation import Evaluation
from onelook.structures.errors import UserError
from onelook.structures.files import write_text
from onelook.training.forecast.budget import parse_duration
from onelook.training.guard.diagnosis import write_diagnosis
from onelook.training.memory import keep_memory
from onelook.training.origin import keep_origin
from onelook.training.outset import checked, last_seconds, set_out
from onelook.training.ranks import Ranks, joined
from onelook.training.run import Run, describe_environment, new_run_folder, refuse_used
from onelook.training.session import Session
from onelook.training.settings import settings_toml
from onelook.training.survival.checkpoint import load_state, read_facts, refuse_full_disk
from onelook.training.survival.ending import told_ending
from onelook.training.survival.interrupt import StopFlag, Stopped
from onelook.training.survival.resume import begin_again, kept_settings, refuse_other_data
from onelook.training.tasks.choosing import choose, prepare_again
from onelook.training.tasks.task import Say, Task


@dataclass(frozen=True)
class TrainResult:
    """A run that ended, or was stopped.

    `seconds` were spent on training and its evaluations; a run that was stopped has no final `evaluation` and can be resumed.
    """

    run: Path
    seconds: float
    evaluation: Evaluation | ClassEvaluation | None

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
    given: Mapping[str, Any] | None = None,
) -> TrainResult:
    """Train `network` (a cfg or a known name) on `data` and return the run.

    `weights` is a run, a bundle or a `.weights` file to start from; `settings` as `make_train_settings` takes them. With
    `resume`, `out` is a run that was stopped, and it goes on exactly where it was. `time_budget`, such as 2h, counts from
    `began` (time.time), by default from now: a new run's schedule is fitted to it, and any run ends well when it is up. Every
    mistake of the user's raises UserError before anything is written. SIGINT, SIGTERM and SIGHUP end the run in good order;
    before it has begun they raise Stopped, a KeyboardInterrupt. `given` is what of the settings the run is to remember as the
    user's own, by default all of them.
    """
    keep_memory()
    began = began or time.time()
    budget = parse_duration(time_budget, "--time-budget") if time_budget else None
    data, out = Path(data), Path(out) if out else None
    with StopFlag() as stop, joined() as ranks, _home(ranks, out or new_run_folder(str(network), data)) as folder:
        say = say if ranks.first else _nothing
        session = (
            _go_on(data, out, folder, settings, format, say, stop, ranks)
            if resume
            else _begin(
                str(network),
                data,
                Path(weights) if weights else None,
                folder,
                settings or {},
                (settings or {}) if given is None else given,
                format,
                say,
                began,
                budget,
                stop,
                ranks,
            )
        )
        if budget is not None:
            session.ends_at = time.monotonic() + budget - (time.time() - began)
        about = {"network": str(network), "data": str(data), "weights": str(weights) if weights else None}
        with told_ending(session.run), lost_workers_told(session.settings.workers or 0):
            return _run(session, stop, about, say)


def _run(session: Session, stop: StopFlag, about: dict[str, Any], say: Say) -> TrainResult:
    """Train to the end and prove the best model, or stop when a signal asks to; either way the diagnosis says so.

    Of several ranks only the first proves, and tells the others what came of it.
    """
    run, evaluation = session.run, None
    finished = session.train(stop)
    steps = session.settings.max_batches
    write_diagnosis(run, f"{'finished' if finished else 'stopped'} after step {session.state.step} of {steps}")
    if finished and session.ranks.first:
        with suppress(Stopped), stop.at_once():
            evaluation = session.task.prove(run, {**about, "seconds": session.state.seconds}, session.device, say)
    evaluation = session.ranks.of_first(evaluation)
    if evaluation is None:
        again = f"onelook train {about['network']} {about['data']} --out {run.folder} --resume"
        say(f"stopped after step {session.state.step}; go on with: {again}")
    return TrainResult(run.folder, session.state.seconds, evaluation)


@contextmanager
def _home(ranks: Ranks, wanted: Path) -> Iterator[Path]:
    """Yield the run's folder on the first rank; the others write what they must, to go back to it, where nobody looks."""
    if ranks.first:
        yield wanted
        return
    with TemporaryDirectory(prefix="onelook-rank-") as folder:
        yield Path(folder)


def _nothing(_: str) -> None:
    """Say nothing: one rank speaks for all."""


def _begin(
    network: str,
    data: Path,
    weights: Path | None,
    folder: Path,
    settings: Mapping[str, Any],
    given: Mapping[str, Any],
    format: str | None,
    say: Say,
    began: float,
    budget: float | None,
    stop: StopFlag,
    ranks: Ranks,
) -> Session:
    refuse_used(folder)
    choice = choose(network, settings, processes=ranks.size)
    with stop.at_once():  # there is nothing to finish or to save yet
        dataset = checked(choice, data, format, say)
        outset = set_out(choice, dataset, weights, say, began, budget, ranks=ranks)
    task = outset.task
    run = Run(folder)
    session = Session(run, task, _facts(task), say, ranks)
    refuse_full_disk(folder, session.state)
    run.begin(settings_toml(task.settings), describe_environment())
    if ranks.first:
        keep_origin(run, network, data, format, weights, given, dataset)
    if outset.measured is not None:
        session.reserve = last_seconds(outset.measured, task)
    with session.watch.pace.beside("save"):
        session.begin()
    say(f"run: {folder}")
    return session


def _go_on(
    data: Path,
    out: Path | None,
    folder: Path,
    settings: Mapping[str, Any] | None,
    format: str | None,
    say: Say,
    stop: StopFlag,
    ranks: Ranks,
) -> Session:
    if out is None:
        raise UserError("--resume: expected --out RUN, the run to go on with")
    source, run = Run(out), Run(folder)
    checkpoint, memory = ranks.of_first(begin_again(source, say) if ranks.first else (out, False))
    if not ranks.first:
        shutil.copytree(source.last, run.last)
    facts = read_facts(checkpoint)
    chosen = kept_settings(source, settings, say)
    with stop.at_once():
        task = prepare_again(facts, read(data, format), chosen, str(checkpoint))
    refuse_other_data(task, facts, data, source)
    session = Session(run, task, facts, say, ranks)
    load_state(checkpoint, session.state)
    ranks.gather(None)  # until here nothing in the run's folder may change
    if settings and ranks.first:
        write_text(run.settings, settings_toml(chosen))
    run.rewind(session.state.step, session.state.guard.events)
    if memory:
        session.recovery.cut_batch("the kernel killed the run")
    say(f"{out}: going on after step {session.state.step} of {task.settings.max_batches}")
    return session


def _facts(task: Task) -> dict[str, Any]:
    """Return what a resuming run needs beside the state: the network in words, and the data's digests to compare."""
    return {**task.facts(), "digest": task.digests(), "data": task.data_facts()}
