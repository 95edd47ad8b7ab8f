"""The table under the grid's bar: the runs under way, and how many came to which end."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from onelook.experiments.outcome import Outcome
from onelook.structures.errors import UserError
from onelook.training.forecast.forecast import size
from onelook.training.report.chart import duration
from onelook.training.run import Run
from onelook.training.survival.heartbeat import read_heartbeat

if TYPE_CHECKING:
    from rich.table import Table


def counted(rows: Iterable[Outcome]) -> str:
    """Return how many rows there are of each state, as `12 done, 1 failed`; none give `no run`."""
    counts = Counter(row.state.replace("_", " ") for row in rows)
    return ", ".join(f"{count} {state}" for state, count in counts.items()) or "no run"


def running_table(runs: Sequence[tuple[str, Path, float, int]], rows: Iterable[Outcome]) -> "Table":
    """Return a line for each run under way, given as (name, folder, seconds, bytes of memory; 0 where it is not known)."""
    from rich import box
    from rich.table import Table

    names = {name for name, *_ in runs}
    now = [replace(row, state="running") if row.id in names else row for row in rows]
    table = Table(box=box.SIMPLE_HEAD, title=counted(now), title_justify="left", title_style="dim")
    for name in ("run", "step", "epoch", "loss", "score", "time", "memory"):
        table.add_column(name, justify="left" if name == "run" else "right")
    for name, folder, seconds, memory in runs:
        table.add_row(name, *_figures(Run(folder)), duration(seconds), size(memory) if memory else "-")
    return table


def _figures(run: Run) -> tuple[str, str, str, str]:
    """Return step, epoch, loss and the last evaluation's score of a run under way; what it has not written yet is a dash."""
    beat = read_heartbeat(run.alive)
    try:
        lines = run.read_metrics()
    except UserError:
        lines = []
    step: dict[str, Any] = next((line for line in reversed(lines) if line.get("kind") == "step"), {})
    judged: dict[str, Any] = next((line for line in reversed(lines) if line.get("kind") == "eval"), {})
    score = judged.get("ap50", judged.get("top1"))
    loss, epoch = step.get("loss"), step.get("epoch")
    return (
        str(beat["step"]) if beat and "step" in beat else "-",
        f"{epoch:.1f}" if epoch is not None else "-",
        f"{loss:.3f}" if loss is not None else "-",
        f"{score:.3f}" if score is not None else "-",
    )
