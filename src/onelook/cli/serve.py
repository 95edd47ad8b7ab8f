"""`onelook serve`: the whole service by one command."""

from pathlib import Path
from typing import Annotated

import typer


def serve(
    config: Annotated[
        Path | None, typer.Option(help="A TOML file with tables [service], [http], [fetching], [decoding].")
    ] = None,
    host: Annotated[
        str | None, typer.Option(help="Address to listen on; 0.0.0.0 is every one of this machine.")
    ] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 0 takes a free one.")] = None,
    workers: Annotated[int | None, typer.Option(help="Worker processes beside the API; 0 starts none.")] = None,
    database: Annotated[
        str | None, typer.Option(help="sqlite:///FILE, or postgresql://USER@HOST/NAME for many machines.")
    ] = None,
    models: Annotated[str | None, typer.Option(help="A folder or s3://bucket/prefix for the models.")] = None,
    show: Annotated[
        Path | None,
        typer.Option(
            help="A run to begin with: its best model serves everyone and is chosen on the page; the run is listed."
        ),
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting as table.key=value; may be given many times.")
    ] = None,
) -> None:
    """Serve the pages and the HTTP API with its workers, until SIGTERM or Ctrl-C.

    The first start prints an administrator's key. On 127.0.0.1 the first address printed signs a browser in, once.
    """
    from onelook.service.api.logs import log_as_json
    from onelook.service.configuration import read_settings
    from onelook.service.serving import serve as run

    options = {
        "http.host": host,
        "http.port": port,
        "http.workers": workers,
        "service.database": database,
        "service.models": models,
    }
    chosen = read_settings(config, settings or [], options)
    log_as_json()
    run(chosen, typer.echo, show)
