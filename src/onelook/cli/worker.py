"""`onelook worker`: one process that takes jobs and looks at their pictures."""

import signal
import threading
from pathlib import Path
from typing import Annotated

import typer


def worker(
    config: Annotated[
        Path | None, typer.Option(help="TOML with the tables [service], [fetching] and [decoding].")
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="sqlite:///FILE or postgresql://USER@HOST/NAME, in the place of the file's.")
    ] = None,
    models: Annotated[
        str | None, typer.Option(help="Where models lie, a folder or s3://bucket/prefix, in the place of the file's.")
    ] = None,
) -> None:
    """Take jobs from the database and look at their pictures, until SIGTERM; the batch at work is then ended first.

    `onelook serve` starts workers of its own; this command is for further machines. The database must be there already.
    """
    from onelook.service.worker.run import run_worker
    from onelook.service.worker.settings import read_worker_settings

    given = {"database": database, "models": models}
    settings = read_worker_settings(config, {name: value for name, value in given.items() if value is not None})
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run_worker(settings.service, settings.fetching, settings.decoding, stop)
