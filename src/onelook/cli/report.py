"""`onelook report`: a run's page written again from what its folder stores."""

from pathlib import Path
from typing import Annotated

import typer

from onelook.cli.output import print_json


def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="Folders that `onelook train` made.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object with the paths of the pages.")] = False,
) -> None:
    """Write RUN/report.html: settings, data, curves, numbers by class and pictures, in one file that stands alone."""
    from onelook.training.report.report import rebuild_report

    pages = [str(rebuild_report(run)) for run in runs]
    if as_json:
        print_json({"reports": pages})
    else:
        typer.echo("\n".join(pages))
