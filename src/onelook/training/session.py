"""A run at work: the loop's steps logged, drawn, evaluated and saved as they come."""

import math
import time
from collections.abc import Generator, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any

import torch

from onelook.datasets.loader import Batch, PictureError
from onelook.structures.errors import UserError
from onelook.structures.files import append_json, write_json
from onelook.structures.progress import track
from onelook.training.forecast.early import early_forecast, is_time
from onelook.training.forecast.forecast import told
from onelook.training.forecast.pace import StepPace
from onelook.training.forecast.workload import cache_growth, piece, workload
from onelook.training.guard.gradients import Gradients
from onelook.training.guard.guard import Guard
from onelook.training.guard.recovery import Recovery
from onelook.training.loop import OutOfMemoryError, State, StepResult, training_steps
from onelook.training.ranks import ALONE, Ranks
from onelook.training.recipe.freezing import begin_training
from onelook.training.recipe.optimizer import MovingAverage, make_optimizer
from onelook.training.recipe.plateau import stops_early
from onelook.training.recipe.precision import choose_precision
from onelook.training.recipe.schedule import evaluates_after, make_rate
from onelook.training.report.chart import draw_chart
from onelook.training.run import Run
from onelook.training.survival.checkpoint import keep_state, spoilt_tensors
from onelook.training.survival.heartbeat import Heartbeat
from onelook.training.survival.interrupt import StopFlag, Stopped
from onelook.training.tasks.task import Say, StepLoad, Task, Validation
from onelook.training.watch.watch import Watch, logged_after

SAVE_EVERY, SAVE_SHARE = 120.0, 0.01
"""Seconds between checkpoints at most, beside those at every evaluation; sooner where saving takes less than this share."""

CHART_EVERY = 30.0
"""Seconds between drawings of the chart, beside those at every evaluation."""

JUDGED_FROM = 0.2
"""Share of the steps from which answers that are the same for every picture are told; before, they are usual."""


class Session:
    """One process's part of a run, from the state it is given to the last step or to a signal."""

    def __init__(self, run: Run, task: Task, facts: dict[str, Any], say: Say, ranks: Ranks = ALONE) -> None:
        settings = task.settings
        assert settings.max_batches and settings.batch and settings.eval_every and settings.threads
        torch.set_num_threads(max(1, settings.threads // ranks.local_size))
        self.ranks, self.device = ranks, ranks.device()
        self.dtype = choose_precision(settings.precision, self.device)
        self.run, self.task, self.settings, self.facts, self.say = run, task, settings, facts, say
        self.total = settings.max_batches
        self.steps_an_epoch = len(task.train) / settings.batch
        self.eval_steps = max(1, round(settings.eval_every * self.steps_an_epoch))
        network = task.network
        begin_training(network)
        network.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # stub
        guard = Guard(
            Gradients(network).layers, task.chance(), settings.chance_steps or 150, settings.guard == "recover"
        )
        self.state = State(network, MovingAverage(network, settings.ema), make_optimizer(network, settings), guard)
        self.recovery = Recovery(run, self.state, task.train, settings, say, ranks.size)
        self.rate_at = make_rate(settings, task.net, lambda: self.state.scores)
        self.watch = Watch(run, task, self.total, self.steps_an_epoch, say, self.device.type == "cuda" and ranks.first)
        self.ends_at: float | None = None
        """When (time.monotonic) the run must have ended, its last evaluation and report counted in."""
        self.reserve = 0.0
        """Seconds that the last evaluation and the report take, as far as it is known."""
        self._paces: list[tuple[StepLoad, StepPace]] | None = []
        self._pictures = [str(path) for path in task.train.paths]
        self.lines: list[dict[str, Any]] = []
        self._before = self._began = self._saved = self._drawn = 0.0
        self._saved_step, self._save_seconds = -1, SAVE_EVERY

    def begin(self) -> None:
        """Write the first checkpoint, to which the run goes back until there is a better one."""
        self.save(good=True)

    def save(self, good: bool = False) -> None:
        """Write the checkpoint; `good` marks one to go back to. What is not finite is not written: the guard sees to it."""
        if spoilt_tensors(self.state) or not (self.ranks.first or good):
            return
        if good:
            self.state.guard.good()
        began = time.monotonic()
        keep_state(self.run.last, self.state, self.facts, good)
        self._saved, self._saved_step = time.monotonic(), self.state.step
        self._save_seconds = self._saved - began

    def train(self, stop: StopFlag) -> bool:
        """Train on until the run is done; return whether it is, or `stop` was wished before. Saved either way."""
        self.lines = self.run.read_metrics()
        if not self.lines:
            self._add({"kind": "layers", "step": 0, "names": list(self.state.guard.layers)})
        self._before, self._began = self.state.seconds, time.monotonic()
        self._saved = self._drawn = self._began
        heartbeat = Heartbeat(self.run.alive)
        with suppress(Stopped), self.watch:
            if self.state.evaluates:
                self._evaluate(stop, heartbeat)
            while not self.done and not self.ranks.any(stop.wished, self.device):
                self._train_on(stop, heartbeat)
        if self.ranks.any(stop.wished, self.device) and (self._saved_step != self.state.step or self.state.evaluates):
            self.save()
        if self.done:
            heartbeat.leave(self.state.step, "being proved")  # told_ending takes it away, as where something is raised
        else:
            heartbeat.end()
        return self.done

    @property
    def done(self) -> bool:
        """Whether the last step was taken, or `patience` has run out, and the evaluation after it was made."""
        early = stops_early(self.state.scores, self.settings.patience)
        return (early or self.state.step >= self.total) and not self.state.evaluates

    def _train_on(self, stop: StopFlag, heartbeat: Heartbeat) -> None:
        """Train until the end, a wish to stop, or a change of policy, from which on batches are made anew."""
        self.task.count_seen(self.state.step * (self.settings.batch or 0))
        policy = self.state.guard.policy
        try:
            with closing(self._watched(heartbeat)) as batches:
                self.watch.restart(self.state.step)
                steps = training_steps(
                    self.state, batches, self.settings, self.rate_at, self.device, self.dtype, self.ranks
                )
                for result in self._shown(steps):
                    self._after_step(result, stop, heartbeat)
                    stopping = self.ranks.any(stop.wished, self.device)
                    if stopping or self.done or self.state.guard.policy is not policy:
                        return
        except (OutOfMemoryError, MemoryError) as error:
            if self.ranks.size > 1 and isinstance(error, MemoryError):
                raise  # met beside a step, by this rank alone: the others can't cut the batch with it
            self.recovery.cut_batch(str(error))
            self.save()
        except PictureError as error:
            self.recovery.unreadable(error)
            self.save()

    def _after_step(self, result: StepResult, stop: StopFlag, heartbeat: Heartbeat) -> None:
        """Log, evaluate, save and draw, each when its time has come."""
        now = time.monotonic()
        self._count_seconds(now)
        self._foresee(result, self.watch.after_step(result))
        self._keep_to_budget(result.step)
        if logged_after(result.step, self.total) or result.verdict.finding:
            self._log(result)
        if self.recovery.after(result):
            self._went_back()
        elif self._evaluates_after(result.step):
            self.state.evaluates = True
            with self.watch.pace.beside("evaluation"):
                self._evaluate(stop, heartbeat)
            self._drawn = time.monotonic()
        elif now - self._saved > min(SAVE_EVERY, max(1.0, self._save_seconds / SAVE_SHARE)):
            with self.watch.pace.beside("save"):
                self.save()
        if now - self._drawn > CHART_EVERY:
            with self.watch.pace.beside("chart"):
                draw_chart(self.lines, self.run.chart, self.total)
            self._drawn = now

    def _went_back(self) -> None:
        """Let nothing be shown of the steps that led astray, and keep the changed policy."""
        self.run.rewind(self.state.step)
        self.lines = self.run.read_metrics()
        draw_chart(self.lines, self.run.chart, self.total)
        self.save()

    def _count_seconds(self, now: float) -> None:
        self.state.seconds = self._before + now - self._began

    def _evaluates_after(self, step: int) -> bool:
        return evaluates_after(step, self.total, self.eval_steps)

    def batches(self) -> Generator[Batch, None, None]:
        """Yield the micro-batches from the state's step on."""
        policy = self.state.guard.policy
        parts = policy.parts or self.settings.subdivisions or 1
        if parts % self.ranks.size:
            raise UserError(
                f"{self.run.folder}: expected a number of processes that divides {parts}, got {self.ranks.size}"
            )
        numbers = range(self.state.step * parts + self.ranks.rank, self.total * parts, self.ranks.size)
        return self.task.batches(numbers, parts, policy.quarantine)

    def _watched(self, heartbeat: Heartbeat) -> Generator[Batch, None, None]:
        """Yield the micro-batches that are left, giving a sign of life before each."""
        with closing(self.watch.pace.over(self.batches())) as batches:
            for batch in batches:
                shown = (self._pictures[index] for index in batch.indices.tolist())
                heartbeat.beat(self.state.step + 1, "training", list(shown))
                yield batch

    def _log(self, result: StepResult) -> None:
        line = {
            "kind": "step",
            "step": result.step,
            "epoch": result.step / self.steps_an_epoch,
            "loss": _finite(sum(result.losses.values())),
            "losses": {name: _finite(value) for name, value in result.losses.items()},
            "learning_rate": result.rate,
            "gradient": _finite(result.gradient),
            "layers": [_finite(float(f"{norm:.3g}")) for norm in result.layers],
            **self.watch.facts(),
            "time": time.time(),
            **({} if result.verdict.taken else {"skipped": True}),
        }
        self._add(line)

    def _add(self, line: dict[str, Any]) -> None:
        self.lines.append(line)
        self.run.append(line)
        self.watch.show(line)

    def _foresee(self, result: StepResult, pace: StepPace) -> None:
        """After the first twenty steps or so, tell what the rest of the run takes."""
        if self._paces is None or not self.ranks.first:
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
        if self.ends_at is None or step >= self.total:
            return
        over = self.ranks.first and time.monotonic() + self.reserve >= self.ends_at  # the first's clock is all ranks'
        if not self.ranks.any(over, self.device):
            return
        self.say(
            f"time budget: it runs out at step {step} of {self.total}; evaluated, saved, and --resume goes on from here"
        )
        self.total = step

    def _evaluate(self, stop: StopFlag, heartbeat: Heartbeat) -> None:
        """Evaluate the moving average; the best so far becomes the run's model; then save and draw.

        Raises Stopped when a signal comes meanwhile; the state then says that the evaluation is still to be made.
        """
        spoilt = spoilt_tensors(self.state)
        if spoilt:
            verdict = self.state.guard.spoilt(spoilt)
            assert verdict.finding is not None
            self.state.evaluates = False
            self.recovery.turn(verdict.finding, verdict.action)
            self._went_back()
            return
        heartbeat.beat(self.state.step, "evaluating")
        found = self._validated(stop)
        self.state.evaluates = False
        begin_training(self.state.network)
        self._count_seconds(time.monotonic())
        epoch = self.state.step / self.steps_an_epoch
        line = {"kind": "eval", "step": self.state.step, "epoch": epoch, "split": "val", **found.words}
        self._add(line)
        append_json(self.run.samples, {"step": self.state.step, "epoch": epoch, "images": found.samples})
        self.state.scores.append(found.score)
        if found.score >= self.state.best:
            self.state.best = found.score
            metrics = {"step": self.state.step, "split": "val", **found.metrics}
            if self.ranks.first:
                self.task.write_model(self.run.model, self.state.average.network, metrics)
        if self.state.step >= JUDGED_FROM * self.total:
            self.recovery.tell(self.state.guard.judge_answers(found.collapsed))
        planned = evaluates_after(
            self.state.step, self.settings.max_batches or 0, self.eval_steps
        )  # not a budget's end
        self.save(good=planned and self.state.guard.well())
        draw_chart(self.lines, self.run.chart, self.total)
        self.say(f"step {self.state.step}/{self.total}  epoch {epoch:.1f}  {found.told}  {self.state.seconds:.0f} s")
        if self.done and self.state.step < self.total:
            why = f"{self.settings.patience} evaluations without progress (patience={self.settings.patience})"
            self.say(f"ended after step {self.state.step} of {self.total}: {why}")

    def _validated(self, stop: StopFlag) -> Validation:
        """Return what the first rank finds on the validation split; Stopped, on all, when a signal comes meanwhile."""
        found: Validation | None = None
        if self.ranks.first:
            with suppress(Stopped), stop.at_once():
                found = self.task.validate(self.state.average.network, self.device)
        found = self.ranks.of_first(found)
        if found is None:
            stop.wished = True
            raise Stopped
        return found

    def _shown(self, steps: Iterator[StepResult]) -> Iterator[StepResult]:
        """Yield the steps, with a bar where this is the rank that prints."""
        if not self.ranks.first:
            return steps
        return track(steps, self.total, "training", "steps", self.state.step, self._note, self.watch.drawn)

    def _note(self, result: StepResult) -> str:
        return f"loss {sum(result.losses.values()):.3f}  {self.task.score_name} {max(self.state.best, 0):.3f}"


def _finite(value: float) -> float | None:
    """Return the number, None for one that JSON has no word for."""
    return value if math.isfinite(value) else None
