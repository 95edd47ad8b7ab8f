"""The figures of a run that reports compare: what each is called, in which unit, how it is written, which way is better."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from onelook.experiments.outcome import Measured, Outcome
from onelook.training.report.chart import duration
from onelook.training.report.page import share

Value = float | None


@dataclass(frozen=True)
class Figure:
    """One number of a run: how to get it (None where nobody told), and how it is written and compared."""

    key: str
    """In csv files, in JSON and in the code."""
    name: str
    of: Callable[[Outcome], Value]
    form: Callable[[float], str]
    better: Literal["more", "less", ""] = ""
    ratio: bool = False
    """Whether two of them are compared by how many times one is the other, instead of by their difference."""

    def told(self, value: Value) -> str:
        """Return a value as a reader wants it, a dash for none."""
        return "-" if value is None else self.form(value)


def memory(size: float) -> str:
    """Return bytes in the unit that fits: 512 KiB, 1.5 GiB."""
    for unit in ("B", "KiB", "MiB"):
        if abs(size) < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.2f} GiB"


def accuracy(outcome: Outcome) -> Value:
    """Return AP50, of a classifier the share whose first guess is right."""
    scores = [outcome.result.get(name) for name in ("ap50", "top1")]
    return next((float(score) for score in scores if score is not None), None)


def wall_seconds(outcome: Outcome) -> Value:
    """Return how long the run took."""
    return outcome.measured.wall_seconds if outcome.measured else None


def cpu_seconds(outcome: Outcome) -> Value:
    """Return processor seconds, user and system; where only the percentage was sampled, those that follow from it."""
    measured = outcome.measured
    if measured is None:
        return None
    if measured.user_seconds is not None and measured.system_seconds is not None:
        return measured.user_seconds + measured.system_seconds
    return None if measured.cpu_percent is None else measured.wall_seconds * measured.cpu_percent / 100


def _measured(value: Callable[[Measured], Value]) -> Callable[[Outcome], Value]:
    return lambda outcome: None if outcome.measured is None else value(outcome.measured)


def _result(name: str) -> Callable[[Outcome], Value]:
    return lambda outcome: outcome.result.get(name)


def _loss(name: str) -> Callable[[Outcome], Value]:
    return lambda outcome: (outcome.result.get("losses") or {}).get(name)


def _per_point(seconds: Callable[[Outcome], Value]) -> Callable[[Outcome], Value]:
    """Return what a hundredth of accuracy cost; a run that has none cost infinitely much, which is none here."""

    def cost(outcome: Outcome) -> Value:
        spent, score = seconds(outcome), accuracy(outcome)
        return spent / (100 * score) if spent is not None and score else None

    return cost


def _waiting_share(measured: Measured) -> Value:
    waited, wall = measured.waiting_seconds, measured.wall_seconds
    return waited / wall if waited is not None and wall else None


def _busy_cores(outcome: Outcome) -> Value:
    spent, wall = cpu_seconds(outcome), wall_seconds(outcome)
    return spent / wall if spent is not None and wall else None


def _three(value: float) -> str:
    return f"{value:.3g}"


def _percentage(value: float) -> str:
    return f"{value:.0f} %"


ACCURACY = Figure("accuracy", "accuracy", accuracy, share, "more")
WALL = Figure("wall_seconds", "time", wall_seconds, duration, "less", ratio=True)
CPU = Figure("cpu_seconds", "CPU time", cpu_seconds, duration, "less", ratio=True)
SPEED = Figure("images_per_second", "images/s", _measured(lambda m: m.images_per_second), _three, "more", ratio=True)
MEMORY = Figure("peak_memory_bytes", "memory", _measured(lambda m: m.peak_memory_bytes), memory, "less", ratio=True)
CPU_PERCENT = Figure("cpu_percent", "CPU", _measured(lambda m: m.cpu_percent), _percentage)
BUSY = Figure("busy_cores", "busy cores", _busy_cores, _three, ratio=True)
WAITING = Figure("waiting_share", "waiting", _measured(_waiting_share), lambda value: f"{100 * value:.0f} %", "less")
PRECISION = Figure("precision", "precision", _result("precision"), share, "more")
RECALL = Figure("recall", "recall", _result("recall"), share, "more")
LOSS = Figure("loss", "loss", _result("loss"), _three, "less")
BOX = Figure("box_loss", "box loss", _loss("box"), _three, "less")
OBJECTNESS = Figure("objectness_loss", "objectness loss", _loss("objectness"), _three, "less")
CLASS = Figure("class_loss", "class loss", _loss("class"), _three, "less")
CPU_COST = Figure("cpu_seconds_per_point", "CPU s/point", _per_point(cpu_seconds), _three, "less", ratio=True)
WALL_COST = Figure("wall_seconds_per_point", "s/point", _per_point(wall_seconds), _three, "less", ratio=True)

FIGURES = (
    ACCURACY,
    Figure("ap", "AP", _result("ap"), share, "more"),
    PRECISION,
    RECALL,
    LOSS,
    BOX,
    OBJECTNESS,
    CLASS,
    WALL,
    CPU,
    Figure("user_seconds", "user", _measured(lambda m: m.user_seconds), duration, "less", ratio=True),
    Figure("system_seconds", "system", _measured(lambda m: m.system_seconds), duration, "less", ratio=True),
    CPU_PERCENT,
    SPEED,
    WAITING,
    MEMORY,
    Figure("disk_read_bytes", "read", _measured(lambda m: m.disk_read_bytes), memory, "less"),
    Figure("disk_written_bytes", "written", _measured(lambda m: m.disk_written_bytes), memory, "less"),
    WALL_COST,
    CPU_COST,
    Figure("gpu_utilisation", "GPU", _measured(lambda m: m.gpu_utilisation), _percentage),
    Figure("gpu_memory_bytes", "GPU memory", _measured(lambda m: m.gpu_memory_bytes), memory, "less", ratio=True),
    Figure("gpu_power_watts", "GPU power (W)", _measured(lambda m: m.gpu_power_watts), _three, "less", ratio=True),
    Figure("gpu_energy_joules", "GPU energy (J)", _measured(lambda m: m.gpu_energy_joules), _three, "less", ratio=True),
    Figure("gpu_kernel_mean_seconds", "largest kernel (s)", _measured(lambda m: m.gpu_kernel_mean_seconds), _three),
    Figure("gpu_kernel_share", "largest kernel's share", _measured(lambda m: m.gpu_kernel_share), share),
)
"""All of them, in the order in which tables show those that any run tells."""
