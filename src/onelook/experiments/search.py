"""A search among the points of a plan's axes: Optuna proposes, and the grid's rows are all that it knows.

When a grid is opened again, a study is made in memory and told every row in the order of the trials; the sampler is seeded by the
plan's seed and the trial's number. So a search that was killed goes on like any grid, and needs no database.
TPE: J. Bergstra and others, "Algorithms for Hyper-Parameter Optimization", NIPS 2011. Successive halving as runs come: L. Li and
others, "A System for Massively Parallel Hyperparameter Tuning", MLSys 2020.
"""

import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from onelook.experiments.grid import Grid, is_tried_again, refuse_full_disk, settled
from onelook.experiments.outcome import Outcome, read_outcomes
from onelook.experiments.past_run import read_lines
from onelook.experiments.plan import Plan, Point, Range, dimensions, excludes, merged, request
from onelook.experiments.request import Request, as_row_has_it
from onelook.experiments.search_settings import SearchSettings
from onelook.structures.errors import UserError
from onelook.training.run import Run

TICKS = 100
"""Optuna counts in whole numbers: hundredths of an epoch."""

MOST_ASKED = 200
"""Proposals in a row that are known already, after which nothing new is expected."""


@dataclass
class Trial:
    """A run of the search, and Optuna's side of it."""

    request: Request
    row: Outcome
    asked: Any
    size: int = -1
    """Of the metrics when they were last looked at."""
    ticks: set[int] = field(default_factory=set)
    """When the study was told the metric."""


class SearchQueue:
    """Proposes runs until the plan's trials are spent, and says of one under way whether halving leaves it behind."""

    def __init__(self, grid: Grid) -> None:
        assert grid.plan.search is not None
        self.grid, self.search = grid, grid.plan.search
        self.optuna = load_optuna()
        self.study = self.optuna.create_study(direction="maximize", pruner=_pruner(self.optuna, self.search))
        self.trials: dict[str, Trial] = {}
        self._waiting: list[Trial] = []
        for row in read_outcomes(grid.folder):  # by the numbers of the trials
            if row.network:
                self._replay(row)

    @property
    def rows(self) -> dict[str, Outcome]:
        """The rows of all trials that were begun, by name."""
        return {name: trial.row for name, trial in self.trials.items()}

    def next(self) -> tuple[Request, Outcome] | None:
        """Return a run that was stopped before, or else a new one; None when all trials are spent or nothing new is proposed."""
        refuse_full_disk(self.grid)
        if not self._waiting and len(self.trials) < self.search.trials:
            self._propose()
        if not self._waiting:
            return None
        trial = self._waiting.pop(0)
        return trial.request, trial.row

    def ended(self, request: Request, row: Outcome) -> None:
        """Keep the row, and tell the study when it is one of an end; a run that failed goes back in line as the plan says."""
        trial = self.trials[request.name]
        trial.row = row
        self.grid.keep(row)
        if is_tried_again(self.grid.plan, row):
            self._waiting.append(trial)
        elif row.ended:
            self._tell(trial.asked, row)

    def is_hopeless(self, request: Request) -> bool:
        """Return whether successive halving leaves the run behind, by what its metrics say until now."""
        return self.search.min_epochs is not None and self._report(self.trials[request.name])

    def _propose(self) -> None:
        """Put a trial in line whose point is not excluded and was not tried; none where only known ones are proposed."""
        plan, number = self.grid.plan, len(self.trials)
        known = {_key(trial.row.axes): trial.row for trial in self.trials.values()}
        for attempt in range(MOST_ASKED):
            self.study.sampler = _sampler(self.optuna, self.search, f"{plan.seeds[0]} {number} {attempt}")
            asked = self.study.ask()
            point = suggested(plan, asked)
            if excludes(plan, point):
                self.study.tell(asked, state=self.optuna.trial.TrialState.FAIL)
                continue
            found = request(plan, point, plan.seeds[0])
            if _key(found.axes) in known:
                self._tell(asked, known[_key(found.axes)])
                continue
            found = replace(found, name=f"t{number:04}-{found.name}")
            self.trials[found.name] = Trial(found, found.row(), asked)
            self._waiting.append(self.trials[found.name])
            return

    def _replay(self, row: Outcome) -> None:
        """Tell the study of a trial that a row tells of; one that is not at its end waits to go on."""
        plan = self.grid.plan
        self.study.enqueue_trial(_parameters(plan, row.axes))
        asked = self.study.ask()
        found = replace(request(plan, suggested(plan, asked), plan.seeds[0]), name=row.id)
        same = as_row_has_it(found, row)
        if row.attempts and not same:
            raise UserError(
                f"{self.grid.folder}: expected the plan that it was begun with, got one that runs {row.id} with other settings; "
                "choose another --out"
            )
        trial = self.trials[row.id] = Trial(found, settled(self.grid, found, row if same else None), asked)
        self._report(trial)
        if not trial.row.ended or is_tried_again(plan, trial.row):
            self._waiting.append(trial)
        else:
            self._tell(asked, trial.row)

    def _report(self, trial: Trial) -> bool:
        """Tell the study what the run's evaluations say that it does not know; return whether the run is to be given up."""
        run = Run(self.grid.place.run(trial.request.name))
        size = run.metrics.stat().st_size if run.metrics.is_file() else -1
        if size == trial.size:
            return False
        trial.size, hopeless = size, False
        for tick, value in _evaluations(run, self.search.metric):
            if tick not in trial.ticks:
                trial.ticks.add(tick)
                trial.asked.report(value, tick)
                hopeless = trial.asked.should_prune()
        return hopeless

    def _tell(self, asked: Any, row: Outcome) -> None:
        """Tell the study what came of a point."""
        states = self.optuna.trial.TrialState
        value = row.result.get(self.search.metric)
        if row.state == "done" and value is not None:
            self.study.tell(asked, float(value))
        else:
            self.study.tell(asked, state=states.PRUNED if row.state == "pruned" else states.FAIL)


def suggested(plan: Plan, asked: Any) -> Point:
    """Return the point that an Optuna trial proposes: of each axis one of its points, of each range a number."""
    chosen = [axis[asked.suggest_categorical(name, list(range(len(axis))))] for name, axis in _axes(plan)]
    numbers = [{key: _number(asked, key, span)} for key, span in plan.ranges.items()]
    return merged(plan, (*chosen, *numbers))


def _number(asked: Any, key: str, span: Range) -> float:
    if span.whole:
        return int(asked.suggest_int(key, int(span.low), int(span.high), step=int(span.step or 1), log=span.log))
    return float(asked.suggest_float(key, span.low, span.high, step=span.step, log=span.log))


def _axes(plan: Plan) -> Iterator[tuple[str, Sequence[Point]]]:
    """Yield each axis with the name that Optuna knows it by."""
    for number, axis in enumerate(dimensions(plan)):
        yield f"{number} {','.join(key for key in axis[0] if key != 'name')}", axis


def _parameters(plan: Plan, axes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Optuna once proposed, by a row's axes. Raises UserError where the plan no longer has that point."""
    found: dict[str, Any] = {key: axes[key] for key in plan.ranges if key in axes}
    for name, axis in _axes(plan):
        places = (i for i, point in enumerate(axis) if all(axes.get(k) == v for k, v in point.items() if k != "name"))
        found[name] = next(places, None)
    if None in found.values() or len(found) < len(plan.ranges) + len(dimensions(plan)):
        raise UserError(f"{plan.path}: expected the plan that the search was begun with, got one without {dict(axes)}")
    return found


def _evaluations(run: Run, metric: str) -> Iterator[tuple[int, float]]:
    """Yield when a run was evaluated, in ticks, and what its metric was; of a broken file nothing: its row will tell of it."""
    try:
        lines = read_lines(run)
    except UserError:
        return
    for line in lines:
        if line.get("kind") == "eval" and line.get(metric) is not None:
            yield round(TICKS * (line.get("epoch") or 0)), float(line[metric])


def best(rows: Sequence[Outcome], metric: str) -> Outcome | None:
    """Return the row with the highest metric among those that are done; None where there is none."""
    done = [row for row in rows if row.state == "done" and row.result.get(metric) is not None]
    return max(done, key=lambda row: float(row.result[metric]), default=None)


def refuse_repeats(plan: Plan) -> None:
    """Raise UserError for a search that would run each of its points with several seeds."""
    if len(plan.seeds) > 1:
        raise UserError(
            f"{plan.path}: search: expected one seed, got {len(plan.seeds)}; repeat the best in a plan of its own"
        )


def load_optuna() -> Any:
    """Return the package optuna. Raises UserError that says how to get it, where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise UserError("[search]: expected the package optuna, got none; pip install 'onelook[search]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def _pruner(optuna: Any, search: SearchSettings) -> Any:
    if search.min_epochs is None:
        return optuna.pruners.NopPruner()
    return optuna.pruners.SuccessiveHalvingPruner(max(1, round(TICKS * search.min_epochs)), search.reduction, 0)


def _sampler(optuna: Any, search: SearchSettings, seed: str) -> Any:
    kind = optuna.samplers.RandomSampler if search.sampler == "random" else optuna.samplers.TPESampler
    return kind(seed=zlib.crc32(seed.encode()))


def _key(axes: Mapping[str, Any]) -> str:
    return repr(sorted(axes.items()))
