"""`onelook train`: a network and a data set become a run."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from onelook.cli.output import print_json
from onelook.structures.errors import UserError
from onelook.structures.settings import parse_overrides
from onelook.training.run import new_run_folder
from onelook.training.survival.interrupt import Stopped
from onelook.training.survival.supervisor import supervise

if TYPE_CHECKING:  # the command line's help needs no data set
    from onelook.training.origin import Asked

SUPERVISED = "supervised"
"""What main() hands on: this process is the command's own, and may wait for a child that trains."""

STOPPED = 130
"""Exit code of a training that a signal stopped: it is saved and can be resumed."""


def train(
    context: typer.Context,
    network: Annotated[
        str | None, typer.Argument(help="A Darknet .cfg, or yolov3-tiny, yolov3, yolov4, yolov4-tiny.")
    ] = None,
    data: Annotated[Path | None, typer.Argument(help="The labelled images; the format is found by looking.")] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Start from these: a run, a bundle or .weights, of any classes.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder; by default a new one under runs/.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting as key=value; may be given many times.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    again: Annotated[
        Path | None,
        typer.Option(
            "--from", help="Make this run again: same network, data, weights, settings and seed, unless told."
        ),
    ] = None,
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

    def say(line: str) -> None:
        typer.echo(line, err=as_json)

    asked = _asked(again, network, data, weights, chosen, format, resume, say)
    folder = out or (None if resume else new_run_folder(asked.network, asked.data))
    if context.obj == SUPERVISED and folder is not None:
        supervise(folder)
    from onelook.training.forecast.process_memory import process_began
    from onelook.training.train import train as run_training

    with told_stop():
        result = run_training(
            asked.network,
            asked.data,
            asked.weights,
            folder,
            asked.settings,
            resume,
            asked.format,
            time_budget,
            process_began(),
            say,
            asked.given,
        )
    if result.evaluation is None:
        raise typer.Exit(STOPPED)
    if as_json and os.environ.get("RANK", "0") == "0":  # torchrun's number of this process
        print_json({"run": str(result.run), "seconds": result.seconds, **result.evaluation.as_json()})


def _asked(
    again: Path | None,
    network: str | None,
    data: Path | None,
    weights: Path | None,
    chosen: Mapping[str, Any],
    format: str | None,
    resume: bool,
    say: Callable[[str], None],
) -> "Asked":
    """Return what to train, by the user's words alone or by those of the run `again`. Raises UserError for what is half said."""
    from onelook.training.origin import Asked, make_again

    if again is None:
        if network is None or data is None:
            raise UserError(f"train: expected NETWORK and DATA, or --from RUN, got {network or 'neither'}")
        return Asked(network, data, weights, chosen, chosen, format)
    if resume:
        raise UserError("--from and --resume: expected one of the two; --resume --out RUN goes on with a run")
    if (network is None) != (data is None):
        raise UserError(f"--from: expected both NETWORK and DATA to put in place of the run's, or none, got {network}")
    return make_again(again, network, data, weights, chosen, format, say)


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
