"""A run's forecast from its own first steps, told while the rest is still ahead."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from onelook.training.forecast.forecast import Forecast, Measured, Workload, forecast
from onelook.training.forecast.pace import StepPace
from onelook.training.forecast.process_memory import available_memory, children_memory, peak_to_come, tree_memory
from onelook.training.tasks.task import StepLoad

STEPS, WARM_UP = 20, 3
"""Steps after which the forecast is made, and those of them that are not counted."""

SECONDS = 120.0
"""After which it is made from fewer steps."""

PROOF_ONCE, PROOF_IMAGE = 5.0, 1.5
"""The run's end, which nothing has shown yet: seconds, and evaluations of an image on top. Measured on BCCD and the demo."""

Steps = Sequence[tuple[StepLoad, StepPace]]


def is_time(steps: Steps) -> bool:
    """Return whether a run has shown enough of itself."""
    return len(steps) >= STEPS + WARM_UP or (len(steps) >= 2 and sum(pace.seconds for _, pace in steps) > SECONDS)


def early_forecast(
    work: Workload, steps: Steps, image: float, outside: Mapping[str, Sequence[float]], folder: Path, growth: int
) -> Forecast:
    """Return what is left of a run, from the steps that it took.

    `image` are the seconds of evaluating one image, `outside` those of what was done between steps, `growth` the bytes by which
    the loader's memory still grows.
    """
    kept = steps[WARM_UP:] if len(steps) > 2 * WARM_UP else steps[-1:]
    save = min(outside.get("save", [0.5]))
    chart = min(outside.get("chart", [0.5]))
    free = _free(folder)
    disk = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    measured = Measured(
        0.0,
        tuple(kept),
        image,
        save + 2 * chart,
        save,
        chart,
        (PROOF_ONCE, PROOF_IMAGE * image),
        peak_to_come() + children_memory(psutil.Process()) + growth,
        2 * disk,
        available_memory() + tree_memory(),
        free,
    )
    return forecast(work, measured)


def _free(folder: Path) -> int:
    return int(psutil.disk_usage(str(folder)).free)
