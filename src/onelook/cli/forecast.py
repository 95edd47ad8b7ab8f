"""`onelook forecast`: what a training will take, before it starts."""

from pathlib import Path
from typing import Annotated

import typer

from onelook.cli.output import print_json
from onelook.cli.train import need_torch
from onelook.structures.settings import parse_overrides


def forecast(
    network: Annotated[str, typer.Argument(help="A Darknet .cfg, or yolov3-tiny, yolov3, yolov4, yolov4-tiny.")],
    data: Annotated[Path, typer.Argument(help="The labelled images; the format is found by looking.")],
    weights: Annotated[
        Path | None, typer.Option(help="Start from these: a run, a bundle or .weights, of any classes.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting as key=value; may be given many times.")
    ] = None,
    time_budget: Annotated[
        str | None, typer.Option(help="Of a schedule fitted to this time, such as 2h, 90m or 45s.")
    ] = None,
    format: Annotated[str | None, typer.Option(help="The data's format, if looking gets it wrong.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object: hours, memory, disk...")] = False,
) -> None:
    """Tell the hours, memory and disk that `train` would take, and what will limit it, from about 20 real steps."""
    chosen = parse_overrides(settings or [])
    need_torch()
    from onelook.training.forecast.forecasting import forecast_training
    from onelook.training.forecast.process_memory import process_began

    result = forecast_training(
        network, data, weights, chosen, format, time_budget, process_began(), lambda line: typer.echo(line, err=as_json)
    )
    if as_json:
        print_json(result.as_json())
