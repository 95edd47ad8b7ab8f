"""`onelook report`: a run's page written again, or one page for many runs and grids."""

from pathlib import Path
from typing import Annotated

import typer

from onelook.cli.output import print_json


def report(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN...", help="Folders of `onelook train` and `onelook grid`.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for the page and tables of all RUNs; by default report/, of one grid GRID/report/."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with the paths of the pages.")] = False,
) -> None:
    """Write RUN/report.html of one run; of several runs, or of grids, one page that compares them, with csv and Markdown tables."""
    from onelook.experiments.report.rows import is_grid, read_rows
    from onelook.experiments.report.writing import write_grid_report

    if len(runs) == 1 and out is None and not is_grid(runs[0]):
        from onelook.training.report.report import rebuild_report

        written = [rebuild_report(runs[0])]
    else:
        rows = read_rows(runs)
        title = runs[0].resolve().name if len(runs) == 1 else f"{len(rows)} runs"
        written = write_grid_report(rows, title, out or (runs[0] / "report" if len(runs) == 1 else Path("report")))
    if as_json:
        print_json({"reports": [str(path) for path in written]})
    else:
        typer.echo("\n".join(map(str, written)))
