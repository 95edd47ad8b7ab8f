"""What the folder of a run tells of it afterwards: final figures, what it took, how it ended. No torch."""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from onelook.experiments.outcome import Measured, Outcome
from onelook.structures.errors import FormatError, UserError
from onelook.structures.settings import read_toml
from onelook.training.report.facts import read_environment
from onelook.training.report.predictions_file import read_envelope
from onelook.training.report.resource_plots import read_resources, seconds_between
from onelook.training.run import Run
from onelook.training.survival.heartbeat import death, read_heartbeat, trains

SCORES = ("ap50", "ap", "ap75", "precision", "recall", "f1", "top1", "top5", "mean_accuracy")
"""Of an evaluation's line, what goes into a result."""

NUMBERS = ("epoch", "loss", "images_per_second", "waiting", "time", *SCORES)
"""What a line of metrics may have, each a number or none."""

LAST = 0.1
"""Share of a run's steps, at its end, over which its losses are averaged."""

Line = Mapping[str, Any]


def outcome_of_run(folder: Path) -> Outcome:
    """Return what a folder that `onelook train` made tells; one that is no run, or broken, is a row of state `failed`."""
    name = folder.resolve().name
    try:
        with as_training_wrote(folder):
            return _outcome(Run(folder), name)
    except UserError as error:
        return Outcome(name, "", "", 0, state="failed", cause=str(error), run=str(folder))


@contextmanager
def as_training_wrote(folder: Path) -> Iterator[None]:
    """Raise FormatError where the block stumbles over a file of the run that training did not write so."""
    try:
        yield
    except UserError:
        raise
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError) as error:
        what = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise FormatError(
            f"{folder}: expected files as training writes them, got some that were changed ({what})"
        ) from None


def _outcome(run: Run, name: str) -> Outcome:
    if not run.settings.is_file():
        raise UserError(f"{run.folder}: expected a run's folder, with its settings.toml, got none")
    settings, lines = flat(read_toml(run.settings)), read_lines(run)
    about = read_envelope(run.predictions).about if run.predictions.is_file() else {}
    state, cause = ending(run)
    return Outcome(
        name,
        Path(str(about.get("network") or "")).stem,
        Path(str(about.get("data") or "")).stem,
        int(settings.get("seed", 0)),
        settings=settings,
        state=state,
        cause=cause,
        attempts=1,
        run=str(run.folder),
        measured=_sampled(run, lines, about.get("seconds")),
        result=result_of(lines),
        environment=read_environment(run.environment),
    )


def read_lines(run: Run) -> list[dict[str, Any]]:
    """Return the lines of the run's metrics. Raises FormatError for one that is none, or has words where numbers belong."""
    lines: list[Any] = run.read_metrics()
    for number, line in enumerate(lines, start=1):
        if not isinstance(line, dict) or not isinstance(line.get("step"), int):
            raise FormatError(f"{run.metrics}:{number}: expected an object with its step, got {str(line)[:60]}")
        wrong = _no_number(line)
        if wrong:
            raise FormatError(f"{run.metrics}:{number}: {wrong}: expected a number, got {str(line[wrong])[:60]!r}")
    return lines


def _no_number(line: Line) -> str:
    """Return the name of what should be a number, or of losses that should be numbers by name, and is not; else nothing."""
    losses = line.get("losses") or {}
    if not isinstance(losses, Mapping) or not all(map(_is_number, losses.values())):
        return "losses"
    return next((name for name in NUMBERS if not _is_number(line.get(name))), "")


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, int | float)


def flat(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with those of tables under `augment.flip` and the like."""
    plain = {key: value for key, value in settings.items() if not isinstance(value, Mapping)}
    tables = {name: table for name, table in settings.items() if isinstance(table, Mapping)}
    return plain | {f"{name}.{key}": value for name, table in tables.items() for key, value in table.items()}


def ending(run: Run) -> tuple[str, str | None]:
    """Return the state of a run's folder, and in a line why it is not `done`."""
    beat = read_heartbeat(run.alive)
    if beat is not None:
        return ("running", None) if trains(beat) else ("failed", str(death(beat)["what"]))
    if run.predictions.is_file():
        return "done", None
    deaths = [event for event in run.read_events() if event.get("kind") == "death"]
    if deaths:
        short = deaths[-1].get("cause") == "out of memory"
        return "out_of_memory" if short else "failed", str(deaths[-1].get("what", "died"))
    steps = [line["step"] for line in run.read_metrics()]
    return (
        "failed",
        f"stopped after step {max(steps, default=0)}; go on with onelook train ... --out {run.folder} --resume",
    )


def result_of(lines: Sequence[Line]) -> dict[str, Any]:
    """Return the figures of the evaluation by which the run's model was chosen, the last losses, steps and epochs.

    Losses are means over the logged steps of the run's last tenth. Lines without an evaluation give no scores, none nothing.
    """
    judged = [line for line in lines if line.get("kind") == "eval"]
    steps = [line for line in lines if line.get("kind") == "step"]
    result: dict[str, Any] = {}
    if judged:
        best = max(judged, key=lambda line: (_score(line), line["step"]))
        result |= {name: best[name] for name in SCORES if best.get(name) is not None}
        result["best_step"] = best["step"]
    if steps:
        last = steps[-1]
        shown = [line for line in steps if line["step"] > (1 - LAST) * last["step"]]
        losses = [line["loss"] for line in shown if line.get("loss") is not None]
        result |= {"loss": statistics.fmean(losses) if losses else None, "losses": _mean_losses(shown)}
        result |= {"steps": last["step"], "epochs": last.get("epoch")}
    return result


def _score(line: Line) -> float:
    return float(line.get("ap") or line.get("top1") or 0.0)


def _mean_losses(steps: Sequence[Line]) -> dict[str, float]:
    """Return the mean of each loss by its name; one that was never finite is left out."""
    found: dict[str, list[float]] = {}
    for line in steps:
        for name, value in (line.get("losses") or {}).items():
            if value is not None:
                found.setdefault(name, []).append(value)
    return {name: statistics.fmean(values) for name, values in found.items()}


def pace_of(lines: Sequence[Line], batch: int) -> tuple[float | None, float | None]:
    """Return images a second while training, and the seconds spent waiting for data; None where no line says a speed."""
    before, images, seconds, waited = 0, 0, 0.0, 0.0
    for line in lines:
        if line.get("kind") != "step":
            continue  # an evaluation between two of them ends no stretch of steps
        if line.get("images_per_second"):
            seen = batch * (line["step"] - before)
            took = seen / line["images_per_second"]
            images, seconds, waited = images + seen, seconds + took, waited + took * (line.get("waiting") or 0.0)
        before = line["step"]
    return (images / seconds, waited) if seconds else (None, None)


def _sampled(run: Run, lines: Sequence[Line], seconds: Any) -> Measured | None:
    """Return what the training's own samples tell of what it took; none give None."""
    samples = read_resources(run.resources)
    batch = int(flat(read_toml(run.settings)).get("batch", 1))
    speed, waited = pace_of(lines, batch)
    if not samples:
        return None
    spans = seconds_between(samples)
    wall = float(seconds or sum(spans))

    def total(name: str) -> int:
        values = [float(sample.get(name) or 0) for sample in samples[1:]]
        return round(sum(span * value for span, value in zip(spans, values, strict=True)))

    return Measured(
        wall,
        cpu_percent=total("cpu_run") / sum(spans) if sum(spans) else None,
        peak_memory_bytes=max(int(sample.get("memory") or 0) for sample in samples),
        disk_read_bytes=total("read"),
        disk_written_bytes=total("written"),
        images_per_second=speed,
        waiting_seconds=waited,
        measuring_seconds=samples[-1].get("sampling"),
        **cards(samples),
        **kernels(run),
    )


def cards(samples: Sequence[Line]) -> dict[str, Any]:
    """Return the fields of Measured that the samples tell of the machine's GPUs; none where there is none.

    Power and memory are those of all cards together, utilisation their mean; what no card tells is None. Energy is the power
    over the time between samples (trapezoids); a pause in which nothing ran counts as a second, a single sample gives none.
    """
    told = [sample for sample in samples if sample.get("gpu")]
    if not told:
        return {}
    watts, memory = ([_together(sample["gpu"], name) for sample in told] for name in ("power", "memory"))
    used = [card["utilisation"] for sample in told for card in sample["gpu"] if card.get("utilisation") is not None]
    known = [watt for watt in watts if watt is not None]
    spans = zip(seconds_between(told), pairwise(watts), strict=True)
    joules = [span * (a + b) / 2 for span, (a, b) in spans if a is not None and b is not None]
    return {
        "gpu_memory_bytes": max((int(each) for each in memory if each is not None), default=None),
        "gpu_utilisation": statistics.fmean(used) if used else None,
        "gpu_power_watts": statistics.fmean(known) if known else None,
        "gpu_energy_joules": sum(joules) if joules else None,
    }


def _together(gpus: Sequence[Line], name: str) -> float | None:
    """Return the sum over the cards that tell it; None where none does."""
    values = [float(card[name]) for card in gpus if card.get(name) is not None]
    return sum(values) if values else None


def kernels(run: Run) -> dict[str, Any]:
    """Return the fields of Measured on the GPU kernel that took most time; none where nobody looked."""
    if not run.kernels.is_file():
        return {}
    try:
        told = json.loads(run.kernels.read_text(encoding="utf-8"))
        return {
            "gpu_kernel": str(told["kernel"]),
            "gpu_kernel_mean_seconds": float(told["mean_seconds"]),
            "gpu_kernel_share": float(told["share"]),
        }
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise FormatError(f"{run.kernels}: expected kernel, mean_seconds and share, got {error!r}") from None
