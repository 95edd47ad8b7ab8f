"""`onelook grid`: many trainings by one plan."""

from pathlib import Path
from typing import Annotated, Any

import typer

from onelook.cli.output import print_json
from onelook.cli.train import STOPPED, need_torch, told_stop


def grid(
    plan: Annotated[
        Path, typer.Argument(metavar="PLAN.toml", help="Networks, data, axes, limits: see docs/experiments.md.")
    ],
    out: Annotated[Path | None, typer.Option(help="The grid's folder; by default grids/NAME.")] = None,
    engine: Annotated[str, typer.Option(help="Where the runs go: local, or ray, a cluster.")] = "local",
    parallel: Annotated[int | None, typer.Option(min=1, help="Runs at a time; by default the plan's, else 1.")] = None,
    forecast: Annotated[
        bool, typer.Option("--forecast/--no-forecast", help="Measure a few steps of each kind of run first.")
    ] = True,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check and forecast the plan, list its runs, run none.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object: grid, states, runs.")] = False,
) -> None:
    """Run every training of PLAN.toml, each in a process of its own; the same command goes on where it was ended."""
    need_torch()
    from onelook.experiments.whole import foresee, run_grid

    def say(line: str) -> None:
        typer.echo(line, err=as_json)

    with told_stop():
        if dry_run:
            _list(foresee(plan, forecast, say), as_json)
            return
        result = run_grid(plan, out, engine, parallel, forecast, say)
    if as_json:
        print_json(
            {"grid": str(result.folder), "stopped": result.stopped, "runs": [_words(row) for row in result.rows]}
        )
    if result.stopped:
        raise typer.Exit(STOPPED)
    if not result.good:
        raise typer.Exit(1)


def _list(requests: list[Any], as_json: bool) -> None:
    if as_json:
        print_json({"runs": [{"id": each.name, "axes": each.axes, "settings": each.settings} for each in requests]})
        return
    for each in requests:
        typer.echo(each.name)


def _words(row: Any) -> dict[str, Any]:
    """Return what a script needs of a row; the whole is in the grid's folder."""
    seconds = row.measured.wall_seconds if row.measured else None
    kept = {"id": row.id, "state": row.state, "cause": row.cause, "run": row.run, "axes": row.axes}
    return {**kept, "result": row.result, "seconds": seconds}
