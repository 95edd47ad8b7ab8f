"""`onelook train`: a network and a data set become a run."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from onelook.cli.output import print_json
from onelook.structures.errors import UserError
from onelook.structures.settings import parse_overrides
from onelook.training.run import new_run_folder
from onelook.training.survival.interrupt import Stopped
from onelook.training.survival.supervisor import supervise

SUPERVISED = "supervised"
"""What main() hands on: this process is the command's own, and may wait for a child that trains."""

STOPPED = 130
"""Exit code of a training that a signal stopped: it is saved and can be resumed."""


def train(
    context: typer.Context,
    network: Annotated[str, typer.Argument(help="A Darknet .cfg, or yolov3-tiny, yolov3, yolov4, yolov4-tiny.")],
    data: Annotated[Path, typer.Argument(help="The labelled images; the format is found by looking.")],
    weights: Annotated[
        Path | None, typer.Option(help="Start from these: a run, a bundle or .weights, of any classes.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder; by default a new one under runs/.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting as key=value; may be given many times.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    time_budget: Annotated[
        str | None,
        typer.Option(help="Fit the schedule to this time, such as 2h, 90m or 45s, and end well when it is up."),
    ] = None,
    format: Annotated[str | None, typer.Option(help="The data's format, if looking gets it wrong.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object: run, ap50, seconds.")] = False,
) -> None:
    """Train NETWORK on DATA; the run's folder holds the best model, the chart, the report and all to go on from."""
    chosen = parse_overrides(settings or [])
    need_torch()
    folder = out or (None if resume else new_run_folder(network, data))
    if context.obj == SUPERVISED and folder is not None:
        supervise(folder)
    from onelook.training.forecast.process_memory import process_began
    from onelook.training.train import train as run_training

    with told_stop():
        result = run_training(
            network,
            data,
            weights,
            folder,
            chosen,
            resume,
            format,
            time_budget,
            process_began(),
            say=lambda line: typer.echo(line, err=as_json),
        )
    if result.evaluation is None:
        raise typer.Exit(STOPPED)
    if as_json and os.environ.get("RANK", "0") == "0":  # torchrun's number of this process
        print_json({"run": str(result.run), "seconds": result.seconds, **result.evaluation.as_json()})


@contextmanager
def told_stop() -> Iterator[None]:
    """Turn a signal that came before the first step into a line and the exit code of a stopped training."""
    try:
        yield
    except Stopped:
        typer.echo("stopped before the first step", err=True)
        raise typer.Exit(STOPPED) from None


def need_torch() -> None:
    """Raise UserError that says how to get torch, where it is not installed."""
    if find_spec("torch") is None:  # not imported yet: a supervisor forks first
        raise UserError("training needs torch, got none; install it by: pip install 'onelook[train]'")
