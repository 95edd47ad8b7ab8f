"""From what the user named to a forecast, before anything starts."""

import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onelook.datasets.reading import read
from onelook.models.known import find_network
from onelook.training.forecast import Forecast, forecast
from onelook.training.memory import keep_memory
from onelook.training.preparation import prepare
from onelook.training.probe import measure, workload
from onelook.training.settings import make_train_settings
from onelook.training.task import Say


def forecast_training(
    network: str | Path,
    data: str | Path,
    weights: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    format: str | None = None,
    began: float | None = None,
    say: Say = print,
) -> Forecast:
    """Return what training `network` on `data` will take; the arguments are those of `train`, and nothing is kept.

    `began` is when the process was started (time.time), if getting ready is to be counted from there. Raises UserError for
    every mistake that `train` would refuse.
    """
    began = began or time.time()
    keep_memory()
    chosen = make_train_settings(settings or {}, "--set")
    task = prepare(find_network(str(network)), read(Path(data), format), Path(weights) if weights else None, chosen)
    for line in task.told:
        say(line)
    with tempfile.TemporaryDirectory(prefix="onelook-forecast-") as folder:
        measured = measure(task, Path(folder), began, say)
    return forecast(workload(task), measured)
