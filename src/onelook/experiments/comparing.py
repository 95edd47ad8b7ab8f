"""Runs side by side: the settings in which they differ, and their figures."""

from collections.abc import Sequence
from typing import Any

from onelook.experiments.outcome import Outcome
from onelook.experiments.report.figures import FIGURES
from onelook.experiments.report.rows import as_key
from onelook.experiments.report.run_tables import in_state
from onelook.experiments.report.tables import Column, Table


def differing_settings(outcomes: Sequence[Outcome], names: Sequence[str]) -> Table:
    """Return a row a setting that is not the same in all runs: network, data and seed, and what is set; a column a run."""
    told = [_told(outcome) for outcome in outcomes]
    keys = list(dict.fromkeys(key for values in told for key in values))
    differing = [key for key in keys if len({as_key(values.get(key)) for values in told}) > 1]
    lines = tuple((key, *(values.get(key) for values in told)) for key in differing)
    return Table("settings", "Settings that differ", _columns("setting", names), lines)


def figures_side_by_side(outcomes: Sequence[Outcome], names: Sequence[str]) -> Table:
    """Return a row a figure that any run tells, as a reader wants it; a column a run. What is not done says so, and why."""
    states, causes = [outcome.state for outcome in outcomes], [outcome.cause for outcome in outcomes]
    ends: list[tuple[Any, ...]] = [("state", *map(in_state, states))] if set(states) != {"done"} else []
    ends += [("cause", *causes)] if any(causes) else []
    known = [(figure, [figure.of(outcome) for outcome in outcomes]) for figure in FIGURES]
    lines = tuple(
        (figure.name, *(figure.told(value) for value in values))
        for figure, values in known
        if any(value is not None for value in values)
    )
    return Table("figures", "Figures", _columns("figure", names), (*ends, *lines))


def _told(outcome: Outcome) -> dict[str, Any]:
    return {"network": outcome.network, "data": outcome.data, "seed": outcome.seed, **outcome.settings}


def _columns(first: str, names: Sequence[str]) -> tuple[Column, ...]:
    return (Column(first, number=False), *(Column(name) for name in names))
