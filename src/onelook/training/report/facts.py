"""What a run's folder tells for its report, read without torch, the model or the data set."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onelook.structures.errors import FormatError, UserError
from onelook.structures.settings import read_toml
from onelook.training.report.class_predictions import ClassPredictions, is_of_classes, read_class_predictions
from onelook.training.report.predictions import Predictions, read_predictions
from onelook.training.report.resource_plots import read_resources


@dataclass(frozen=True)
class ReportFacts:
    """Everything a report is made of."""

    settings: Mapping[str, Any]
    """As in settings.toml: values, and tables of values."""
    environment: Mapping[str, Any]
    metrics: Sequence[Mapping[str, Any]]
    """The lines of metrics.jsonl."""
    predictions: Predictions | ClassPredictions
    """No splits when the run was not evaluated yet."""
    resources: Sequence[Mapping[str, Any]] = ()
    """The samples of resources.jsonl."""


def read_report_facts(run: Path) -> ReportFacts:
    """Return what `run` stores: settings.toml, environment.json, metrics.jsonl, predictions.json.

    Only the settings must be there: a run that is under way or was stopped has a report too. Raises UserError when `run` is
    none, FormatError for a file that is broken.
    """
    settings = run / "settings.toml"
    if not settings.is_file():
        raise UserError(
            f"{run}: expected a run's folder, with its settings.toml, got {'none' if run.is_dir() else 'no folder'}"
        )
    return ReportFacts(
        settings=read_toml(settings),
        environment=read_environment(run / "environment.json"),
        metrics=_read_metrics(run / "metrics.jsonl"),
        predictions=read_record(run / "predictions.json"),
        resources=read_resources(run / "resources.jsonl"),
    )


def read_record(path: Path) -> Predictions | ClassPredictions:
    """Return what predictions.json says, a detector's or a classifier's; no file gives no splits. Raises FormatError."""
    if not path.is_file():
        return Predictions(())
    return read_class_predictions(path) if is_of_classes(path) else read_predictions(path)


def read_environment(path: Path) -> dict[str, Any]:
    """Return what an environment.json says; no file gives nothing. Raises FormatError for one that is broken."""
    if not path.is_file():
        return {}
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise FormatError(f"{path}: expected a JSON object, got {error}") from None


def _read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the lines; a last one that is cut short, as a killed run leaves it, is left out."""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    metrics = []
    for number, line in enumerate(lines, start=1):
        try:
            value = json.loads(line)
            metrics.append({"kind": str(value["kind"]), **value, "step": int(value["step"])})
        except (ValueError, TypeError, KeyError):
            if number < len(lines):
                raise FormatError(f"{path}:{number}: expected JSON with kind and step, got {line[:60]!r}") from None
    return metrics
