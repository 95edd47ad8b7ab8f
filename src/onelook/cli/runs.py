"""`onelook runs`: what was trained, listed, compared, tagged, deleted and handed on."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from onelook.cli.output import print_json
from onelook.structures.errors import UserError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Runs = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders of runs, alone or in a grid.")]


def build_app() -> typer.Typer:
    """Return the commands for runs."""
    app = typer.Typer(no_args_is_help=True, help="List, compare, tag, delete and export runs.")
    app.command("list")(list_)
    app.command("compare")(compare)
    app.command("tag")(tag)
    app.command("delete")(delete)
    app.command("export")(export)
    return app


def list_(
    places: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[PLACE...]", help="Runs, grids, or folders of them; by default runs/ and grids/."),
    ] = None,
    tag: Annotated[str | None, typer.Option(help="Only runs with this tag.")] = None,
    sort: Annotated[
        str, typer.Option(help="run, network, data, state, started, or a figure such as accuracy or wall_seconds.")
    ] = "run",
    as_json: AsJson = False,
) -> None:
    """List runs with state, accuracy, time and tags; sorted by a figure, the best come first."""
    from onelook.experiments.listing import list_runs, listing_table

    found = list_runs(places or (), tag, sort)
    if as_json:
        print_json({"runs": [run.as_json() for run in found]})
    else:
        typer.echo(listing_table(found).as_text() or "no runs")


def compare(runs: Runs, as_json: AsJson = False) -> None:
    """Print the settings in which RUNs differ, and their figures side by side."""
    from onelook.experiments.comparing import differing_settings, figures_side_by_side
    from onelook.experiments.report.rows import read_rows

    rows = read_rows(runs)
    if len(rows) < 2:
        raise UserError(f"runs compare: expected two runs or more, got {len(rows)}")
    outcomes, names = [row.outcome for row in rows], [row.name for row in rows]
    tables = [differing_settings(outcomes, names), figures_side_by_side(outcomes, names)]
    if as_json:
        print_json({"runs": names, **{table.name: table.as_mapping() for table in tables}})
    else:
        typer.echo("\n\n".join(f"{table.title}\n{table.as_text() or 'none'}" for table in tables))


def tag(
    runs: Runs,
    add: Annotated[list[str] | None, typer.Option(help="A tag to give; may be given many times.")] = None,
    remove: Annotated[list[str] | None, typer.Option(help="A tag to take away; may be given many times.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give tags to RUNs and take them away; without either, print those that they have."""
    from onelook.experiments.deleting import refuse_no_run
    from onelook.experiments.tagging import change_tags, read_tags

    for run in runs:
        refuse_no_run(run)
    tags = {str(run): change_tags(run, add or [], remove or []) if add or remove else read_tags(run) for run in runs}
    if as_json:
        print_json({"tags": tags})
    else:
        typer.echo("\n".join(f"{run}: {' '.join(each) or 'no tags'}" for run, each in tags.items()))


def delete(
    runs: Runs,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Delete RUNs after asking; what is no run, or is being trained, is refused before anything is deleted."""
    from onelook.experiments.deleting import delete_run, refuse_undeletable

    for run in runs:
        refuse_undeletable(run)
    if not yes:
        if not sys.stdin.isatty():
            raise UserError("runs delete: expected somebody to ask, got no terminal; --yes deletes without asking")
        typer.confirm(f"Delete {', '.join(map(str, runs))}?", abort=True, err=True)
    for run in runs:
        delete_run(run)
    if as_json:
        print_json({"deleted": [str(run) for run in runs]})
    else:
        typer.echo("\n".join(f"{run}: deleted" for run in runs))


def export(
    runs: Runs,
    to: Annotated[str, typer.Option(help="mlflow.")],
    store: Annotated[
        str, typer.Option(help="Where MLflow keeps runs: a database or server's address, such as sqlite:///mlflow.db.")
    ] = "sqlite:///mlflow.db",
    experiment: Annotated[str, typer.Option(help="MLflow's experiment that they become part of.")] = "onelook",
    as_json: AsJson = False,
) -> None:
    """Hand RUNs, or all runs of grids, to MLflow: settings, every logged figure, tags. A run that is there is replaced."""
    from onelook.experiments.mlflow_store import export_runs
    from onelook.experiments.report.rows import places_in

    if to != "mlflow":
        raise UserError(f"--to: expected mlflow, got {to!r}")
    made = export_runs([place for run in runs for place in places_in(run)], store, experiment)
    if as_json:
        print_json({"store": store, "experiment": experiment, "runs": made})
    else:
        typer.echo("\n".join(f"{run}: {number}" for run, number in made.items()))
