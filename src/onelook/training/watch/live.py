"""The table under the bar: what each head says of the truth, and the run's pace, renewed every few steps."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

Row = Mapping[str, Any]


def figures_table(rows: Sequence[Row], step: int) -> "Table":
    """Return the heads' figures as they were at `step`, a head a column, as such tables are read; no rows give an empty table."""
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, title=f"heads at step {step}", title_justify="left", title_style="dim")
    if not rows:
        return table
    table.add_column("", style="dim")
    for row in rows:
        table.add_column(str(row["grid"]), justify="right")
    for name in list(rows[0])[1:]:
        table.add_row(name, *(_shown(row[name]) for row in rows))
    return table


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if abs(value) < 100 else f"{value:.3g}"
