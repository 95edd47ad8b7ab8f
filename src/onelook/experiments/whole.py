"""A plan from its file to the last row: checked and forecast first, then run on an engine, every end told in a line."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelook.experiments.checking import Checked, check, in_a_process
from onelook.experiments.grid import GRIDS, Grid, PlanQueue, Queue, is_tried_again, open_grid
from onelook.experiments.live import counted, running_table
from onelook.experiments.local import run_locally
from onelook.experiments.on_ray import run_on_ray
from onelook.experiments.outcome import Outcome
from onelook.experiments.plan import Plan, dimensions, expand, merged, request
from onelook.experiments.plan_file import read_plan
from onelook.experiments.proof import trained_alike
from onelook.experiments.request import Request
from onelook.experiments.running import Running
from onelook.experiments.search import SearchQueue, best, load_optuna, refuse_repeats
from onelook.structures.errors import UserError, nearest
from onelook.structures.progress import track
from onelook.training.report.chart import duration
from onelook.training.survival.interrupt import StopFlag
from onelook.training.tasks.task import Say

ENGINES = ("local", "ray")


@dataclass(frozen=True)
class GridResult:
    """A grid's folder and all its rows; `stopped` when a signal ended it before the last one."""

    folder: Path
    rows: tuple[Outcome, ...]
    stopped: bool

    @property
    def good(self) -> bool:
        """Whether every run came to a good end."""
        return all(row.state in ("done", "pruned") for row in self.rows)


def foresee(plan_file: Path, forecast: bool, say: Say) -> list[Request]:
    """Return the runs of a plan, checked and, with `forecast`, told how long they will take; nothing is kept.

    Raises UserError for everything that would be refused.
    """
    plan = read_plan(plan_file)
    requests = _runs_of(plan)
    _tell_ahead(plan, requests, [], in_a_process(check, requests, str(plan.path), forecast), say)
    return requests


def run_grid(
    plan_file: Path,
    out: Path | None = None,
    engine: str = "local",
    parallel: int | None = None,
    forecast: bool = True,
    say: Say = print,
) -> GridResult:
    """Run all of a plan that is not done yet and return its rows; `out` is the grid's folder, by default `grids/NAME`.

    Raises UserError, before the first run, for what is wrong with the plan, and for a folder of another plan. SIGINT and SIGTERM
    let the runs under way save and stop; the same call goes on with them.
    """
    if engine not in ENGINES:
        raise UserError(f"--engine: expected {' or '.join(ENGINES)}, got {engine!r}{nearest(engine, ENGINES)}")
    plan = read_plan(plan_file)
    requests = _runs_of(plan)
    folder = out or GRIDS / plan.name
    with StopFlag() as stop, open_grid(plan, folder, [] if plan.search else requests) as grid:
        queue = _queue(grid, requests)
        over = {name for name, row in queue.rows.items() if _is_over(plan, row)}
        todo = [each for each in requests if each.name not in over]
        with stop.at_once():
            found = in_a_process(check, todo, str(plan.path), forecast) if todo else Checked((), {})
            _tell_ahead(plan, requests, list(queue.rows.values()), found, say)
        _run(grid, queue, engine, parallel, stop, say)
    rows = tuple(queue.rows.values())
    _tell_end(plan, folder, rows, stop.wished, say)
    return GridResult(folder, rows, stop.wished)


def _is_over(plan: Plan, row: Outcome) -> bool:
    """Return whether nothing more will come of a row: a run that failed may be tried again."""
    return row.ended and not is_tried_again(plan, row)


def _runs_of(plan: Plan) -> list[Request]:
    """Return the plan's runs; of a search one for each point of each axis, which is enough to check them all."""
    if plan.search is None:
        return expand(plan)
    refuse_repeats(plan)
    load_optuna()
    axes = dimensions(plan)
    low, high = ({key: getattr(span, end) for key, span in plan.ranges.items()} for end in ("low", "high"))
    whole = [
        {key: int(value) if plan.ranges[key].whole else value for key, value in end.items()} for end in (low, high)
    ]
    firsts = tuple(axis[0] for axis in axes)
    points = [(*firsts[:n], point, *firsts[n + 1 :], whole[0]) for n, axis in enumerate(axes) for point in axis]
    found = [request(plan, merged(plan, point), plan.seeds[0]) for point in (*points, (*firsts, whole[1]))]
    return list({each.name: each for each in found}.values())


def _queue(grid: Grid, requests: Sequence[Request]) -> "PlanQueue | SearchQueue":
    return SearchQueue(grid) if grid.plan.search else PlanQueue(grid, requests)


def _run(grid: Grid, queue: Queue, engine: str, parallel: int | None, stop: StopFlag, say: Say) -> None:
    """Run what the queue gives, telling each end; at a terminal with a bar, and a table of what is under way."""
    running: list[Running] = []
    rows: dict[str, Outcome] = queue.rows
    if engine == "ray":
        ends = run_on_ray(grid, queue, parallel, stop)
    else:
        ends = run_locally(grid, queue, parallel or grid.plan.parallel, running, stop)

    def drawn() -> Any:
        under_way = ((each.request.name, each.folder, each.seconds, each.memory) for each in list(running))
        return running_table(list(under_way), queue.rows.values())

    total = grid.plan.search.trials if grid.plan.search else len(rows)
    done = sum(_is_over(grid.plan, row) for row in rows.values())
    for row in track(_told(ends, say), total, grid.plan.name, "runs", done, below=drawn):
        del row  # told already


def _told(ends: Iterator[Outcome], say: Say) -> Iterator[Outcome]:
    for row in ends:
        say(told(row))
        yield row


def told(row: Outcome) -> str:
    """Return one line on a row."""
    score = next(
        (f"{name} {row.result[name]:.3f}" for name in ("ap50", "top1") if row.result.get(name) is not None), ""
    )
    took = duration(row.measured.wall_seconds) if row.measured else ""
    words = [f"{row.id}: {row.state.replace('_', ' ')}", score if row.state == "done" else "", took, row.cause or ""]
    return "  ".join(word for word in words if word)


def _tell_ahead(plan: Plan, requests: Sequence[Request], rows: Sequence[Outcome], found: Checked, say: Say) -> None:
    """Tell what the check found, and how much there is to do."""
    for line in found.told:
        say(line)
    ended = sum(_is_over(plan, row) for row in rows)
    if plan.search:
        each = f", about {duration(sum(found.seconds.values()) / len(found.seconds))} each" if found.seconds else ""
        say(f"{plan.name}: a search of {plan.search.trials} trials, {ended} done{each}")
        return
    left = f", {ended} done: {len(requests) - ended} to do" if ended else ""
    time = f", about {duration(sum(found.seconds.values()))} on this machine" if found.seconds else ""
    several = f", {plan.parallel} at a time" if plan.parallel > 1 else ""
    say(f"{plan.name}: {len(requests)} runs{left}{time}{several}")
    late = [name for name, seconds in found.seconds.items() if seconds > plan.limits.seconds]
    if late:
        say(
            f"limits.time={plan.limits.time}: {len(late)} runs are expected to take longer and to be ended, {late[0]} the first"
        )


def _tell_end(plan: Plan, folder: Path, rows: Sequence[Outcome], stopped: bool, say: Say) -> None:
    say(f"{folder}: {counted(rows)}")
    for line in trained_alike(rows):
        say(line)
    winner = best(rows, plan.search.metric) if plan.search else None
    if plan.search and winner:
        say(f"best: {winner.id}, {plan.search.metric} {winner.result[plan.search.metric]:.3f}")
    if stopped:
        say("stopped; run the same command again to go on")
