"""What a run will take, from a few of its steps, evaluations and files that were measured.

Time is the sum of what a run does: getting ready, steps of every kind (mosaics or photographs, each by its input's pixels),
evaluations by the image, checkpoints and charts by the clock, and the proof at its end.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from onelook.training.forecast.pace import LOADER_BOUND, StepPace, limit_told, waiting_share
from onelook.training.report.chart import duration
from onelook.training.tasks.task import StepLoad

LEAST_DOUBT = 0.05
"""Half the interval, as a share, when nothing measured speaks against the forecast: the machine itself is no steadier."""

FEW_STEPS = 10
"""Steps below which the doubt grows with every one that is missing."""

WIDE = 2.0
"""Ratio of the largest input's pixels to the smallest's from which a step's own cost is told from a pixel's."""

MEMORY_BOUND = 0.85
"""Share of the memory at hand from which it is what limits."""


@dataclass(frozen=True)
class Workload:
    """What a run will do: its steps by kind as (steps, mean pixels), images and numbers of its evaluations."""

    kinds: dict[str, tuple[int, float]]
    batch: int
    evaluations: int
    val_images: int
    proof_images: int
    """Of all splits that are judged at the end."""
    save_every: float
    """Seconds between checkpoints, beside those at evaluations; the same of charts below."""
    chart_every: float

    @property
    def steps(self) -> int:
        """All steps."""
        return sum(count for count, _ in self.kinds.values())


@dataclass(frozen=True)
class Measured:
    """What was measured of a run; seconds, and bytes."""

    ready: float
    """From the process's start to the first step: importing, reading, building, the first batch."""
    steps: tuple[tuple[StepLoad, StepPace], ...]
    """Real steps, the first ones left out."""
    image: float
    """Evaluating one image."""
    evaluation: float
    """What comes with every evaluation: writing the model, the checkpoint and the chart."""
    save: float
    chart: float
    proof: tuple[float, float]
    """At the run's end: seconds, and seconds an image on top."""
    memory: int
    """Most bytes of the run's processes."""
    disk: int
    available: int
    """Bytes of memory that the run's processes may have, what they have already counted in."""
    disk_free: int


@dataclass(frozen=True)
class Forecast:
    """Seconds with an interval, bytes, speed, and what limits it: `network`, `loader` or `memory`."""

    seconds: float
    low: float
    high: float
    images_per_second: float
    waiting: float
    limit: str
    memory: int
    available: int
    disk: int
    disk_free: int
    steps: int
    evaluations: int
    parts: dict[str, float]
    """Seconds by what they go into: ready, steps, evaluations, saves, charts, proof."""
    measured_steps: int

    def as_json(self) -> dict[str, Any]:
        """Return every figure by its name, and `hours`."""
        return {"hours": self.seconds / 3600, **asdict(self)}


def forecast(work: Workload, measured: Measured) -> Forecast:
    """Return what the run will take. `measured.steps` must not be empty; a kind without a measured step costs what others do."""
    steps = _step_seconds(work, measured)
    once = measured.ready + steps
    evaluations = work.evaluations * (work.val_images * measured.image + measured.evaluation)
    share = measured.save / work.save_every + measured.chart / work.chart_every  # of the clock, beside evaluations
    by_clock = steps * min(share, 0.9)
    proof = measured.proof[0] + measured.proof[1] * work.proof_images
    total = once + evaluations + by_clock + proof
    doubt = _doubt(work, measured)
    waiting = waiting_share([pace for _, pace in measured.steps])
    return Forecast(
        total,
        total - doubt * (total - measured.ready),
        total + doubt * (total - measured.ready),
        work.batch * work.steps / steps,
        waiting,
        _limit(waiting, measured),
        measured.memory,
        measured.available,
        measured.disk,
        measured.disk_free,
        work.steps,
        work.evaluations,
        {
            "ready": measured.ready,
            "steps": steps,
            "evaluations": evaluations,
            "saves and charts": by_clock,
            "proof": proof,
        },
        len(measured.steps),
    )


def _step_seconds(work: Workload, measured: Measured) -> float:
    """Return the seconds of all steps: those of a kind by what that kind costs a step and a pixel."""
    everything = _costs(measured.steps)
    total = 0.0
    for kind, (count, pixels) in work.kinds.items():
        mine = [step for step in measured.steps if step[0].kind == kind]
        once, a_pixel = _costs(mine) if mine else everything
        total += count * (once + pixels * a_pixel)
    return total


def _costs(steps: Sequence[tuple[StepLoad, StepPace]]) -> tuple[float, float]:
    """Return the seconds of a step whatever its input, and those of a pixel; the former are 0 where all inputs are much alike.

    At 16 x 16 ResNet18's step was half of that at 32 x 32, not a quarter: there the weights' update is what takes its time.
    """
    rate = _seconds_a_pixel(steps)
    sizes = sorted({load.pixels for load, _ in steps})
    if sizes[-1] < WIDE * sizes[0]:
        return 0.0, rate
    usual = [statistics.median(pace.seconds for load, pace in steps if load.pixels == size) for size in sizes]
    slope, once = statistics.linear_regression(sizes, usual)
    if slope <= 0:
        return statistics.fmean(usual), 0.0
    return (once, slope) if once > 0 else (0.0, rate)


def _seconds_a_pixel(steps: Sequence[tuple[StepLoad, StepPace]]) -> float:
    """Return the mean, with a step that took much longer than usual (another program's doing) counted as three times usual."""
    rates = [pace.seconds / load.pixels for load, pace in steps]
    most = 3 * statistics.median(rates)
    return statistics.fmean(min(rate, most) for rate in rates)


def _doubt(work: Workload, measured: Measured) -> float:
    """Return half the interval as a share: the machine's own unrest, drift among the steps measured, scatter, few steps."""
    by_kind = [[step for step in measured.steps if step[0].kind == kind] for kind in work.kinds]
    drift = max((_drift(_against_expected(steps)) for steps in by_kind if steps), default=0.0)
    unseen = sum(count for kind, (count, _) in work.kinds.items() if not any(s[0].kind == kind for s in measured.steps))
    few = 0.5 * max(0.0, 1 - len(measured.steps) / FEW_STEPS)
    return min(0.9, LEAST_DOUBT + drift + few + 0.3 * unseen / work.steps + _growth_doubt(work, measured))


def _growth_doubt(work: Workload, measured: Measured) -> float:
    """Return what is in doubt, as a share, where inputs come that are far larger than any measured: a step may cost no more."""
    seen = max(load.pixels for load, _ in measured.steps)
    growth = max(pixels for _, pixels in work.kinds.values()) / seen
    return 0.75 * (1 - 1 / growth) if growth > WIDE else 0.0


def _against_expected(steps: Sequence[tuple[StepLoad, StepPace]]) -> list[float]:
    """Return how long each step took, against what its input's pixels let expect."""
    once, a_pixel = _costs(steps)
    return [pace.seconds / (once + load.pixels * a_pixel) for load, pace in steps]


def _drift(rates: Sequence[float]) -> float:
    """Return by what share the later half of the rates differs from the earlier one, and twice the mean's standard error."""
    if len(rates) < 4:
        return 0.1
    middle, mean = len(rates) // 2, statistics.fmean(rates)
    change = abs(statistics.fmean(rates[middle:]) - statistics.fmean(rates[:middle])) / mean / 2
    return change + 2 * statistics.stdev(rates) / math.sqrt(len(rates)) / mean


def _limit(waiting: float, measured: Measured) -> str:
    if measured.memory > MEMORY_BOUND * measured.available:
        return "memory"
    return "loader" if waiting >= LOADER_BOUND else "network"


def told(result: Forecast) -> list[str]:
    """Return the forecast in a few lines for a person."""
    span = f"{duration(result.low)} to {duration(result.high)}"
    done = f"{result.steps:,} steps and {result.evaluations} evaluations, from {result.measured_steps} measured steps"
    memory = f"{size(result.memory)} of {size(result.available)}"
    lines = [
        f"forecast: {duration(result.seconds)} ({span}) for {done}",
        f"forecast: {result.images_per_second:.1f} images/s; {limit_told(result.waiting)}",
        f"forecast: peak memory {memory}, disk {size(result.disk)} of {size(result.disk_free)} free",
    ]
    if result.limit == "memory":
        lines.append("forecast: memory is what limits: more subdivisions need less")
    if result.disk > result.disk_free:
        lines.append("forecast: the disk is too small for this run: free some, or choose another --out")
    return lines


def size(count: float) -> str:
    """Return bytes as 350 MB or 1.4 GB (powers of ten)."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
