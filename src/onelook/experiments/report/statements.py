"""What is commonly said of such grids, each checked by one paired comparison: it holds, it does not, or it cannot be told."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from onelook.experiments.report.contrasts import Contrast, contrast, varied_with
from onelook.experiments.report.figures import (
    ACCURACY,
    CLASS,
    CPU_COST,
    MEMORY,
    OBJECTNESS,
    PRECISION,
    RECALL,
    SPEED,
    Figure,
)
from onelook.experiments.report.rows import Row, as_key, is_number, levels_of
from onelook.experiments.report.tables import Column, Table, in_words

Verdict = Literal["holds", "does not hold", "cannot be told"]

METHOD = (
    "Each statement is one comparison of the two outermost levels of an axis, paired as the main effects are. It holds when the "
    "whole 95 % interval lies on its side, it does not hold when it lies on the other, and otherwise it cannot be told from these "
    "runs. “In every setting” asks for that side in each setting on each machine, too. The lighter network is the one with fewer "
    "bytes of weights."
)


@dataclass(frozen=True)
class Statement:
    """A claim: from the lowest to the highest level of `axis` (from the heavier network to the lighter) a figure rises or falls."""

    text: str
    axis: str
    figure: Figure
    rises: bool
    everywhere: bool = False
    """Whether it must be so in every single setting, not only on average."""


STATEMENTS = (
    Statement("The lighter network trains faster in every setting", "network", SPEED, rises=True, everywhere=True),
    Statement("The lighter network needs less memory", "network", MEMORY, rises=False),
    Statement("The lighter network is less accurate", "network", ACCURACY, rises=False),
    Statement("A larger batch raises the objectness loss", "batch", OBJECTNESS, rises=True),
    Statement("A larger batch raises the class loss", "batch", CLASS, rises=True),
    Statement("A larger batch lowers accuracy", "batch", ACCURACY, rises=False),
    Statement("A larger batch needs more memory", "batch", MEMORY, rises=True),
    Statement("A larger batch trains faster", "batch", SPEED, rises=True),
    Statement("More epochs raise accuracy", "epochs", ACCURACY, rises=True),
    Statement("More epochs raise precision", "epochs", PRECISION, rises=True),
    Statement("More epochs raise recall", "epochs", RECALL, rises=True),
    Statement("More epochs lower the objectness loss", "epochs", OBJECTNESS, rises=False),
    Statement("More epochs make a point of accuracy dearer", "epochs", CPU_COST, rises=True),
)
"""A new statement is one line here."""


@dataclass(frozen=True)
class Checked:
    """A statement with what became of it."""

    statement: Statement
    verdict: Verdict
    numbers: str
    """What decides, in a sentence."""


def check_statements(rows: Sequence[Row], statements: Sequence[Statement] = STATEMENTS) -> list[Checked]:
    """Return what becomes of the statements of whose axis there are two levels, and whose figure any run tells."""
    checked = []
    for statement in statements:
        ends = _ends(rows, statement.axis)
        if ends and any(statement.figure.of(row.outcome) is not None for row in rows if row.done):
            checked.append(check(rows, statement, *ends))
    return checked


def check(rows: Sequence[Row], statement: Statement, first: Any, second: Any) -> Checked:
    """Return what becomes of a statement on the way from the level `first` to `second`."""
    found = contrast(rows, statement.axis, first, second, statement.figure)
    wanted = 1 if statement.rises else -1
    against = sum((pair - found.none) * wanted <= 0 for pair in found.everywhere)
    verdict: Verdict = "cannot be told"
    if found.side == -wanted or (found.side == wanted and statement.everywhere and against):
        verdict = "does not hold"
    elif found.side == wanted:
        verdict = "holds"
    elif len(found.pairs) > 1 and all(pair == found.none for pair in found.pairs):
        verdict = "does not hold"
    numbers = _numbers(statement, found, first, second, against)
    others = varied_with(rows, statement.axis)
    return Checked(statement, verdict, f"{numbers}; varied together with {', '.join(others)}" if others else numbers)


def statement_table(checked: Sequence[Checked]) -> Table:
    """Return the statements with their verdicts and the numbers that decide."""
    columns = tuple(Column(name, number=False) for name in ("statement", "verdict", "numbers"))
    rows = tuple((each.statement.text, each.verdict, each.numbers) for each in checked)
    return Table("statements", "Statements, checked", columns, rows, METHOD)


def _numbers(statement: Statement, found: Contrast, first: Any, second: Any, against: int) -> str:
    words = f"{statement.figure.name}, {in_words(second)} against {in_words(first)}: {found.told()}"
    if statement.everywhere and against:
        words += f"; the other way in {against} of {len(found.everywhere)}"
    return words


def _ends(rows: Sequence[Row], axis: str) -> tuple[Any, Any] | None:
    """Return the levels that a statement goes from and to; None where the axis has no two, or no order."""
    levels = levels_of(rows, axis)
    if axis == "network":
        weights = {as_key(level): _weights(rows, level) for level in levels}
        levels = sorted(
            (level for level in levels if weights[as_key(level)]), key=lambda level: -weights[as_key(level)]
        )
    elif not all(map(is_number, levels)):
        return None
    return (levels[0], levels[-1]) if len(levels) > 1 else None


def _weights(rows: Sequence[Row], network: Any) -> int:
    """Return the bytes of a network's weights, as its runs' models have them; 0 when no run has left one."""
    models = [row.folder / "model" / "weights.safetensors" for row in rows if row.levels.get("network") == network]
    return max((_size(path) for path in models), default=0)


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0
