"""Runs handed to MLflow, an extra: their settings, every logged figure with its step and time, tags and final figures."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

from onelook.experiments.past_run import read_lines
from onelook.experiments.report.figures import FIGURES
from onelook.experiments.report.rows import Place
from onelook.experiments.tagging import read_tags
from onelook.structures.errors import UserError
from onelook.training.run import Run
from onelook.training.watch.tensorboard import numbers_of

if TYPE_CHECKING:
    from mlflow.entities import Metric
    from mlflow.tracking import MlflowClient

IDENTITY = "onelook.id"
"""Tag by which a run that was handed over before is found again."""

MOST_METRICS, MOST_PARAMS, MOST_TEXT = 1000, 100, 500
"""What MLflow takes at once, and the longest text that every version of it takes for a setting."""

STATES = {"done": "FINISHED", "running": "RUNNING", "waiting": "SCHEDULED", "pruned": "KILLED", "out_of_time": "KILLED"}
"""What MLflow calls a run's state; all others are FAILED."""


def export_runs(places: Sequence[Place], store: str, experiment: str) -> dict[str, str]:
    """Return MLflow's id of every run that was handed over, by the run's name; an older copy of a run is deleted behind it.

    `store` is a tracking address as MLflow takes it. Raises UserError where MLflow is missing, and for what it refuses.
    """
    _need_mlflow()
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    try:
        client = MlflowClient(tracking_uri=store)
        known = client.get_experiment_by_name(experiment)
        number = known.experiment_id if known else client.create_experiment(experiment)
        return {place.name: _export(client, number, place) for place in places}
    except MlflowException as error:
        raise UserError(f"{store}: MLflow refused: {str(error).splitlines()[0]}") from None


def _need_mlflow() -> None:
    try:
        import mlflow  # noqa: F401 - only to say how to get it
    except ImportError:
        raise UserError(
            "--to mlflow: expected MLflow, got none; install it by: pip install 'onelook[mlflow]'"
        ) from None


def _export(client: "MlflowClient", experiment: str, place: Place) -> str:
    """Return the id of the run's new copy; the older ones are deleted when it is whole."""
    outcome, identity = place.outcome, _identity(place)
    older = client.search_runs([experiment], f"tags.`{IDENTITY}` = '{identity}'")
    lines = read_lines(Run(place.folder))
    began = _milliseconds(str(outcome.environment.get("started", "")), lines)
    tags = {IDENTITY: identity, "onelook.run": str(place.folder.resolve()), "onelook.state": outcome.state}
    made = client.create_run(experiment, began, {**tags, **dict.fromkeys(read_tags(place.folder), "yes")}, place.name)
    number = str(made.info.run_id)
    _log(client, number, place, lines, began)
    last = max((int(1000 * line["time"]) for line in lines if line.get("time")), default=began)
    client.set_terminated(number, STATES.get(outcome.state, "FAILED"), last)
    for run in older:
        client.delete_run(run.info.run_id)
    return number


def _log(client: "MlflowClient", number: str, place: Place, lines: Sequence[Mapping[str, Any]], began: int) -> None:
    from mlflow.entities import Param

    told = {"network": place.outcome.network, "data": place.outcome.data, **place.outcome.settings}
    params = iter([Param(key, str(value)[:MOST_TEXT]) for key, value in told.items()])
    while some_params := list(islice(params, MOST_PARAMS)):
        client.log_batch(number, params=some_params)
    metrics = _metrics(place, lines, began)
    while some_metrics := list(islice(metrics, MOST_METRICS)):
        client.log_batch(number, metrics=some_metrics)


def _metrics(place: Place, lines: Sequence[Mapping[str, Any]], began: int) -> Iterator["Metric"]:
    """Yield the figures of every line, with its step, and the final ones; a line without a time has that of the one before."""
    from mlflow.entities import Metric

    when, step = began, 0
    for line in lines:
        when, step = int(1000 * line["time"]) if line.get("time") else when, line["step"]
        for name, value in numbers_of(line):
            yield Metric(f"{line.get('kind', 'step')}/{name}", value, when, step)
    for figure in FIGURES:
        final = figure.of(place.outcome)
        if final is not None:
            yield Metric(figure.key, float(final), when, step)


def _identity(place: Place) -> str:
    """Return what is the same for the same run: its folder and when it began."""
    started = place.outcome.environment.get("started", "")
    return hashlib.sha256(f"{place.folder.resolve()}\n{started}".encode()).hexdigest()[:32]


def _milliseconds(started: str, lines: Sequence[Mapping[str, Any]]) -> int:
    """Return when the run began, since 1970: as it says itself, or else when its first line was logged."""
    try:
        return int(1000 * datetime.fromisoformat(started).timestamp())
    except ValueError:
        return int(1000 * next((line["time"] for line in lines if line.get("time")), 0))
