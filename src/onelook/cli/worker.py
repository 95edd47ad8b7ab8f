"""`onelook worker`: one process that takes jobs and looks at their pictures."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer


def worker(
    config: Annotated[
        Path | None, typer.Option(help="A TOML file with tables [service], [http], [fetching], [decoding].")
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="sqlite:///FILE or postgresql://USER@HOST/NAME, in the place of the file's.")
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Where models lie, a folder or s3://bucket/prefix, in the place of the file's.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting as table.key=value; may be given many times.")
    ] = None,
) -> None:
    """Take jobs from the database and look at their pictures, until SIGTERM; the batch at work is then ended first.

    `onelook serve` starts workers of its own; this command is for further machines. The database must be there already.
    """
    from onelook.service.api.logs import log_as_json
    from onelook.service.configuration import read_settings
    from onelook.service.worker.run import run_worker

    chosen = read_settings(config, settings or [], {"service.database": database, "service.models": models})
    log_as_json()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run_worker(chosen.service, chosen.fetching, chosen.decoding, stop)
