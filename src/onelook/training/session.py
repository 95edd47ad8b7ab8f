"""A run at work: the loop's steps logged, drawn, evaluated and saved as they come."""

import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import replace
from typing import Any

import torch

from onelook.datasets.loader import Batch, lost_workers_told
from onelook.structures.files import write_json
from onelook.structures.progress import track
from onelook.training.chart import draw_chart
from onelook.training.checkpoint import save_state
from onelook.training.early import early_forecast, is_time
from onelook.training.forecast import told
from onelook.training.interrupt import StopFlag
from onelook.training.loop import State, StepResult, training_steps
from onelook.training.optimizer import MovingAverage, make_optimizer
from onelook.training.pace import StepPace
from onelook.training.run import Run
from onelook.training.schedule import evaluates_after, make_rate
from onelook.training.task import Say, StepLoad, Task
from onelook.training.watch import Watch, logged_after
from onelook.training.workload import cache_growth, piece, workload

SAVE_EVERY = 120.0
"""Seconds between checkpoints, beside those at every evaluation."""

CHART_EVERY = 30.0
"""Seconds between drawings of the chart, beside those at every evaluation."""


class Session:
    """One process's part of a run, from the state it is given to the last step or to a signal."""

    def __init__(self, run: Run, task: Task, facts: dict[str, Any], say: Say) -> None:
        settings = task.settings
        assert settings.max_batches and settings.batch and settings.eval_every and settings.threads
        torch.set_num_threads(settings.threads)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.run, self.task, self.settings, self.facts, self.say = run, task, settings, facts, say
        self.total = settings.max_batches
        self.steps_an_epoch = len(task.train) / settings.batch
        self.eval_steps = max(1, round(settings.eval_every * self.steps_an_epoch))
        network = task.network
        network.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # stub
        self.state = State(network, MovingAverage(network, settings.ema), make_optimizer(network, settings))
        self.rate_at = make_rate(settings, task.net)
        self.watch = Watch(run, task, self.total, self.steps_an_epoch, say)
        self.ends_at: float | None = None
        """When (time.monotonic) the run must have ended, its last evaluation and report counted in."""
        self.reserve = 0.0
        """Seconds that the last evaluation and the report take, as far as it is known."""
        self._paces: list[tuple[StepLoad, StepPace]] | None = []
        self.lines: list[dict[str, Any]] = []
        self._before = self._began = self._saved = self._drawn = 0.0

    def save(self) -> None:
        """Write the checkpoint."""
        save_state(self.run.state, self.state, self.facts)

    def train(self) -> bool:
        """Train on to the last step; return whether it was reached, or a signal asked to stop before. Saved either way."""
        self.lines = self.run.read_metrics()
        self._before, self._began = self.state.seconds, time.monotonic()
        self._saved = self._drawn = self._began
        self.task.count_seen(self.state.step * (self.settings.batch or 0))
        workers = self.settings.workers or 0
        with (
            StopFlag() as stop,
            lost_workers_told(workers),
            self.watch,
            closing(self.watch.pace.over(self.batches())) as batches,
        ):
            self.watch.restart(self.state.step)
            steps = training_steps(self.state, batches, self.settings, self.rate_at, self.device)
            for result in track(steps, self.total, "training", "steps", self.state.step, self._note, self.watch.drawn):
                self._after_step(result, stop.wished)
                if stop.wished or self.state.step >= self.total:
                    break
        return self.state.step >= self.total

    def _after_step(self, result: StepResult, stopping: bool) -> None:
        """Log, evaluate, save and draw, each when its time has come."""
        now = time.monotonic()
        self._count_seconds(now)
        self._foresee(result, self.watch.after_step(result))
        self._keep_to_budget(result.step)
        if logged_after(result.step, self.total):
            self._log(result)
        if self._evaluates_after(result.step):
            with self.watch.pace.beside("evaluation"):
                self._evaluate()
            self._saved = self._drawn = time.monotonic()
        elif now - self._saved > SAVE_EVERY or stopping:
            with self.watch.pace.beside("save"):
                self.save()
            self._saved = now
        if now - self._drawn > CHART_EVERY:
            with self.watch.pace.beside("chart"):
                draw_chart(self.lines, self.run.chart, self.total)
            self._drawn = now

    def _count_seconds(self, now: float) -> None:
        self.state.seconds = self._before + now - self._began

    def _evaluates_after(self, step: int) -> bool:
        return evaluates_after(step, self.total, self.eval_steps)

    def batches(self) -> Generator[Batch, None, None]:
        """Yield the micro-batches from the state's step on."""
        parts = self.settings.subdivisions or 1
        return self.task.batches(self.state.step * parts, self.total * parts)

    def _log(self, result: StepResult) -> None:
        line = {
            "kind": "step",
            "step": result.step,
            "epoch": result.step / self.steps_an_epoch,
            "loss": sum(result.losses.values()),
            "losses": result.losses,
            "learning_rate": result.rate,
            "gradient": result.gradient,
            **self.watch.facts(),
            "time": time.time(),
        }
        self._add(line)

    def _add(self, line: dict[str, Any]) -> None:
        self.lines.append(line)
        self.run.append(line)
        self.watch.show(line)

    def _foresee(self, result: StepResult, pace: StepPace) -> None:
        """After the first twenty steps or so, tell what the rest of the run takes."""
        if self._paces is None:
            return
        self._paces.append((self.task.load(result.step - 1), pace))
        if not is_time(self._paces) or result.step >= self.total:
            return
        with self.watch.pace.beside("forecast"):
            work = workload(self.task, SAVE_EVERY, CHART_EVERY, result.step)
            growth = cache_growth(self.task, len(self._paces) * work.batch)
            found = early_forecast(
                work, self._paces, self._image_seconds(), self.watch.pace.outside, self.run.folder, growth
            )
            for line in told(found):
                self.say(line)
            write_json(self.run.forecast, {"after_step": result.step, **found.as_json()})
            self.reserve = max(self.reserve, found.parts["proof"] + found.parts["evaluations"] / work.evaluations)
        self._paces = None

    def _image_seconds(self) -> float:
        """Return what evaluating an image takes: from an evaluation of this run, or else from one of a few images."""
        done = self.watch.pace.outside.get("evaluation")
        if done:
            return done[-1] / len(self.task.val)
        few = min(8, len(self.task.val))
        began = time.perf_counter()
        replace(self.task, val=piece(self.task.val, few)).validate(self.state.average.network, self.device)
        return (time.perf_counter() - began) / few

    def _keep_to_budget(self, step: int) -> None:
        """Let this step be the last where the time is up: it is evaluated, saved and reported like any last one."""
        if self.ends_at is None or step >= self.total or time.monotonic() + self.reserve < self.ends_at:
            return
        self.say(
            f"time budget: it runs out at step {step} of {self.total}; evaluated, saved, and --resume goes on from here"
        )
        self.total = step

    def _evaluate(self) -> None:
        """Evaluate the moving average; the best so far becomes the run's model; then save and draw."""
        found = self.task.validate(self.state.average.network, self.device)
        self.state.network.train()
        self._count_seconds(time.monotonic())
        epoch = self.state.step / self.steps_an_epoch
        line = {"kind": "eval", "step": self.state.step, "epoch": epoch, "split": "val", **found.words}
        self._add(line)
        if found.score >= self.state.best:
            self.state.best = found.score
            metrics = {"step": self.state.step, "split": "val", **found.metrics}
            self.task.write_model(self.run.model, self.state.average.network, metrics)
        self.save()
        draw_chart(self.lines, self.run.chart, self.total)
        self.say(f"step {self.state.step}/{self.total}  epoch {epoch:.1f}  {found.told}  {self.state.seconds:.0f} s")

    def _note(self, result: StepResult) -> str:
        return f"loss {sum(result.losses.values()):.3f}  {self.task.score_name} {max(self.state.best, 0):.3f}"
