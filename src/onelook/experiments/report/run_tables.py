"""Tables of runs: every one with its cause, the settings from best to worst, and what a point of accuracy cost."""

import re
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onelook.experiments.report.contrasts import setting_of
from onelook.experiments.report.figures import ACCURACY, CPU, CPU_COST, FIGURES, MEMORY, WALL, WALL_COST, Figure, Value
from onelook.experiments.report.machines import MACHINE
from onelook.experiments.report.rows import Row, axes_of
from onelook.experiments.report.student import mean_interval
from onelook.experiments.report.tables import Column, Table
from onelook.training.report.page import share

MOST_SETTINGS = 10
"""Settings that the table of the best shows; the csv file of all runs has the others."""


@dataclass(frozen=True)
class Setting:
    """Runs that differ in nothing but the seed, and are done."""

    runs: tuple[Row, ...]

    def mean(self, figure: Figure) -> Value:
        """Return the mean over the runs that tell the figure."""
        values = self.values(figure)
        return statistics.fmean(values) if values else None

    def values(self, figure: Figure) -> list[float]:
        """Return the figure of every run that tells it."""
        return [value for row in self.runs if (value := figure.of(row.outcome)) is not None]


def settings_of(rows: Sequence[Row]) -> list[Setting]:
    """Return the settings that have a run that is done, in the order of the rows."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        if row.done:
            found.setdefault(setting_of(row), []).append(row)
    return [Setting(tuple(runs)) for runs in found.values()]


def every_run(rows: Sequence[Row]) -> Table:
    """Return a row a run: what it was told to be, every figure that any run tells, its state, and its cause where it has one."""
    axes = axes_of(rows)
    figures = [figure for figure in FIGURES if any(figure.of(row.outcome) is not None for row in rows)]
    kernels = [_kernel(row) for row in rows]
    columns = (
        Column("run", number=False),
        *(Column(axis, number=False) for axis in axes),
        Column("seed"),
        Column("state", number=False, form=in_state),
        Column("cause", number=False),
        *_columns(figures),
        *([Column("largest kernel", _short, number=False, key="gpu_kernel")] if any(kernels) else []),
        Column("attempts"),
    )
    lines = tuple(
        (*_run_line(row, axes, figures), *([kernel] if any(kernels) else []), row.outcome.attempts)
        for row, kernel in zip(rows, kernels, strict=True)
    )
    note = (
        "Losses are means over the logged steps of a run's last tenth; accuracy is AP50, of classifiers top-1, on val."
    )
    return Table("runs", "Every run", columns, lines, note)


def best_settings(rows: Sequence[Row]) -> Table:
    """Return the settings with the highest mean accuracy, best first, each with the ends of the interval over its seeds."""
    ranked = sorted(_scored(rows), key=lambda setting: -(setting.mean(ACCURACY) or 0.0))
    figures = (WALL, CPU, MEMORY)
    scored = (
        *_columns((ACCURACY,)),
        Column("from", share, key="accuracy_low"),
        Column("to", share, key="accuracy_high"),
    )
    columns = (*_setting_columns(rows), *scored, *_columns(figures))
    lines = tuple(
        (
            *_levels(setting, rows),
            setting.mean(ACCURACY),
            *_over_seeds(setting),
            *(setting.mean(figure) for figure in figures),
        )
        for setting in ranked[:MOST_SETTINGS]
    )
    return Table("best", "Best settings", columns, lines, _best_note(ranked))


def costs(rows: Sequence[Row]) -> Table:
    """Return what a hundredth of accuracy cost in processor and in wall seconds, the cheapest setting first."""
    figures = (ACCURACY, CPU_COST, WALL_COST, CPU, WALL)
    known = [setting for setting in _scored(rows) if setting.mean(WALL_COST) is not None]
    ranked = sorted(known, key=lambda setting: setting.mean(CPU_COST) or setting.mean(WALL_COST) or 0.0)
    columns = (*_setting_columns(rows), *_columns(figures))
    lines = tuple((*_levels(setting, rows), *(setting.mean(figure) for figure in figures)) for setting in ranked)
    note = "A point is a hundredth of accuracy; seconds are those of the whole run, with its evaluations and its start."
    return Table("costs", "What a point of accuracy cost", columns, lines, note)


def front_table(rows: Sequence[Row], front: Sequence[Row]) -> Table:
    """Return the runs of the Pareto front, the quickest first."""
    axes, figures = axes_of(rows), (WALL, ACCURACY, CPU, MEMORY)
    columns = (Column("run", number=False), *(Column(axis, number=False) for axis in axes), *_columns(figures))
    lines = tuple(
        (row.name, *(row.levels.get(axis) for axis in axes), *(figure.of(row.outcome) for figure in figures))
        for row in front
    )
    return Table("front", "The front: what no other run beats in time and accuracy", columns, lines)


def in_state(state: Any) -> str:
    """Return a state as words."""
    return str(state).replace("_", " ")


def _run_line(row: Row, axes: Sequence[str], figures: Sequence[Figure]) -> tuple[Any, ...]:
    outcome = row.outcome
    told = (figure.of(outcome) for figure in figures)
    levels = (row.levels.get(axis) for axis in axes)
    return (row.name, *levels, outcome.seed, outcome.state, outcome.cause, *told)


def _kernel(row: Row) -> str | None:
    """Return the name of the GPU kernel that took most time."""
    return row.outcome.measured.gpu_kernel if row.outcome.measured else None


def _short(kernel: Any) -> str:
    """Return a kernel's name without what stands in its brackets, which fills lines; the csv file has all of it."""
    plain = str(kernel or "-").replace("(anonymous namespace)::", "").removeprefix("void ")
    return re.split(r"[<(]", plain, maxsplit=1)[0] or plain[:40]


def _scored(rows: Sequence[Row]) -> list[Setting]:
    return [setting for setting in settings_of(rows) if setting.mean(ACCURACY) is not None]


def _setting_columns(rows: Sequence[Row]) -> tuple[Column, ...]:
    axes = axes_of(rows) or ["run"]
    return (*(Column(axis, number=False) for axis in axes), Column("runs"))


def _levels(setting: Setting, rows: Sequence[Row]) -> tuple[Any, ...]:
    first = setting.runs[0]
    return (
        *(first.levels.get(axis) for axis in axes_of(rows)),
        *(() if axes_of(rows) else (first.name,)),
        len(setting.runs),
    )


def _columns(figures: Sequence[Figure]) -> tuple[Column, ...]:
    return tuple(Column(figure.name, figure.told, key=figure.key) for figure in figures)


def _over_seeds(setting: Setting) -> tuple[Value, Value]:
    """Return both ends of the interval, no further than accuracy goes."""
    interval = mean_interval(setting.values(ACCURACY))
    if interval.low is None or interval.high is None:
        return None, None
    return max(0.0, interval.low), min(1.0, interval.high)


def _best_note(ranked: Sequence[Setting]) -> str:
    """Return whether the best can be told from the next, paired over the seeds that both have run.

    The same setting on another machine is not the next.
    """
    others = [setting for setting in ranked if _elsewhere(setting) != _elsewhere(ranked[0])]
    if not others:
        return ""
    best, other = (
        {row.outcome.seed: ACCURACY.of(row.outcome) for row in setting.runs} for setting in (ranked[0], others[0])
    )
    pairs = [
        ours - theirs for seed, ours in best.items() if ours is not None and (theirs := other.get(seed)) is not None
    ]
    interval = mean_interval(pairs)
    if interval.low is None or interval.high is None:
        lead = (ranked[0].mean(ACCURACY) or 0.0) - (others[0].mean(ACCURACY) or 0.0)
        return (
            f"The best leads the next by {lead:.3f}. Fewer than two seeds are shared by both, so nobody can say whether that is "
            "more than chance: repeat with other seeds."
        )
    ends = f"[{interval.low:+.3f} to {interval.high:+.3f}, paired over {len(pairs)} seeds]"
    certain = "more than chance" if interval.low > 0 else "may be chance"
    return f"The best leads the next by {statistics.fmean(pairs):.3f} {ends}: {certain}."


def _elsewhere(setting: Setting) -> str:
    """Return what is the same for the same setting on any machine."""
    return setting_of(setting.runs[0], MACHINE)
