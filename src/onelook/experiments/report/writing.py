"""A report on many runs: one page that stands alone, and the same tables as csv and Markdown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelook.experiments.report.drawings import curve_plots, front_plot
from onelook.experiments.report.effects import METHOD, Effect, effect_tables, effects_csv, effects_of
from onelook.experiments.report.figures import ACCURACY, CPU, CPU_COST, MEMORY, WALL, Figure
from onelook.experiments.report.front import pareto_front
from onelook.experiments.report.rows import Row, axes_of, read_curves
from onelook.experiments.report.run_tables import best_settings, costs, every_run, front_table, in_state
from onelook.experiments.report.side_by_side import explain_machines, machine_tables, machines_of, told_facts
from onelook.experiments.report.statements import check_statements, statement_table
from onelook.experiments.report.tables import Table, as_markdown, in_words
from onelook.structures.errors import UserError
from onelook.structures.files import write_text
from onelook.training.report.chart import duration
from onelook.training.report.page import render_page

PAGE, MARKDOWN = "report.html", "report.md"
TEMPLATE = "grid.html.jinja"


@dataclass(frozen=True)
class Tables:
    """Everything that a report tells in rows, in the order of the page."""

    best: Table
    statements: Table
    front: Table
    effects: list[Table]
    costs: Table
    machines: list[Table]
    runs: Table

    def all(self) -> list[Table]:
        """Return those that have rows."""
        single = (self.best, self.statements, self.front, *self.effects, self.costs, *self.machines, self.runs)
        return [table for table in single if table.rows]


def write_grid_report(rows: Sequence[Row], title: str, out: Path) -> list[Path]:
    """Write report.html, report.md and a csv file a table into `out`, in place of an older report; return their paths.

    Raises UserError without a run, and where `out` is no folder or holds something that is no report.
    """
    if not rows:
        raise UserError(f"{title}: expected runs, got none")
    _refuse_foreign(out)
    effects = effects_of(rows)
    tables = _tables(rows, effects)
    files = {
        PAGE: _page(rows, title, tables),
        MARKDOWN: as_markdown(title, tables.all()),
        **{f"{table.name}.csv": table.as_csv() for table in tables.all() if table not in tables.effects},
        **({"effects.csv": effects_csv(effects).as_csv()} if effects else {}),
    }
    for name, text in files.items():
        write_text(out / name, text)
    return [out / name for name in files]


def grid_page(rows: Sequence[Row], title: str) -> str:
    """Return report.html alone, as HTML, without writing anything. Raises UserError without a run."""
    if not rows:
        raise UserError(f"{title}: expected runs, got none")
    return _page(rows, title, _tables(rows, effects_of(rows)))


def _page(rows: Sequence[Row], title: str, tables: Tables) -> str:
    return render_page(TEMPLATE, _context(rows, title, tables), Path(__file__).parent)


def _refuse_foreign(out: Path) -> None:
    """Raise UserError when `out` is a file, or a folder that holds something but no report."""
    if out.exists() and not (out.is_dir() and ((out / MARKDOWN).is_file() or not any(out.iterdir()))):
        raise UserError(
            f"{out}: expected a new or empty folder, or an older report, got something else; choose another --out"
        )


def _tables(rows: Sequence[Row], effects: Sequence[Effect]) -> Tables:
    return Tables(
        best_settings(rows),
        statement_table(check_statements(rows)),
        front_table(rows, pareto_front(rows)),
        effect_tables(effects),
        costs(rows),
        machine_tables(rows),
        every_run(rows),
    )


def _context(rows: Sequence[Row], title: str, tables: Tables) -> dict[str, Any]:
    """Return what the template names."""
    curves = {row.name: read_curves(row) for row in rows}
    return {
        "run": title,
        "subtitle": _subtitle(rows),
        "cards": _cards(rows),
        "tables": tables,
        "front_plot": front_plot(rows),
        "curves": curve_plots(rows, curves),
        "explained": explain_machines(rows),
        "method": METHOD,
        "machines": [told_facts(facts) for facts in machines_of(rows).values()],
    }


def _subtitle(rows: Sequence[Row]) -> list[str]:
    """Return how many runs there are in which state, what varies, and the time of all together."""
    counted = Counter(row.outcome.state for row in rows)
    states = ", ".join(f"{count} {in_state(state)}" for state, count in counted.most_common())
    spent = sum(WALL.of(row.outcome) or 0.0 for row in rows)
    axes = axes_of(rows)
    varied = [f"varied: {', '.join(axes)}"] if axes else []
    return [f"{len(rows)} runs: {states}", *varied, *([f"{duration(spent)} of training"] if spent else [])]


def _cards(rows: Sequence[Row]) -> list[dict[str, str]]:
    """Return the runs that stand out: each with its figure and what it was told to be."""
    wanted = (("Most accurate", ACCURACY), ("Quickest", WALL), ("Least memory", MEMORY), ("Cheapest point", CPU_COST))
    return [card for name, figure in wanted for card in _card(rows, name, figure)]


def _card(rows: Sequence[Row], name: str, figure: Figure) -> list[dict[str, str]]:
    known = [(value, row) for row in rows if row.done and (value := figure.of(row.outcome)) is not None]
    if not known:
        return []
    value, row = (max if figure.better == "more" else min)(known, key=lambda pair: pair[0])
    levels = ", ".join(f"{axis} {in_words(level)}" for axis, level in row.levels.items()) or row.name
    beside = [f"{other.name} {other.told(other.of(row.outcome))}" for other in (ACCURACY, CPU) if other is not figure]
    unit = " CPU s" if figure is CPU_COST else ""
    return [{"name": name, "value": figure.told(value) + unit, "run": levels, "beside": ", ".join(beside)}]
