"""What a run is watched by while it goes: its pace, the machine's resources, a line an epoch."""

import statistics
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from onelook.training.forecast.pace import Pace, StepPace, limit_told, waiting_share
from onelook.training.loop import StepResult
from onelook.training.report.chart import duration
from onelook.training.run import Run
from onelook.training.tasks.task import Say, Task
from onelook.training.watch.kernels import KernelWatch
from onelook.training.watch.live import figures_table
from onelook.training.watch.resources import ResourceMonitor
from onelook.training.watch.tensorboard import Board, need_tensorboard

LOG_EVERY = 10
"""Steps between lines of metrics."""

EPOCH_SECONDS = 2.0
"""Least seconds between two epoch lines, as epochs of a few pictures would else fill the screen."""


class Watch:
    """As a context, watches one process's part of a run of `total` steps, `steps_an_epoch` of them an epoch.

    With `kernels`, where there is an NVIDIA GPU, what its kernels take is looked at once.
    """

    def __init__(
        self, run: Run, task: Task, total: int, steps_an_epoch: float, say: Say, kernels: bool = False
    ) -> None:
        self.run, self.task, self.total, self.steps_an_epoch, self.say = run, task, total, steps_an_epoch, say
        self.batch = task.settings.batch or 1
        if task.settings.tensorboard:
            need_tensorboard()
        self._board: Board | None = None
        self._heads: list[Mapping[str, Any]] = []
        self._heads_at = 0
        self.pace = Pace()
        self.step = 0
        self.monitor = ResourceMonitor(run.resources, lambda: self.step)
        self._kernels = KernelWatch(run.kernels, total, say) if kernels else None
        self._since_log: list[StepPace] = []
        self._epoch: list[StepPace] = []
        self._losses: list[float] = []

    def __enter__(self) -> "Watch":
        self.monitor.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.monitor.__exit__(kind, error, trace)
        if self._kernels:
            self._kernels.end()
        if self._board:
            self._board.close()

    def restart(self, step: int) -> None:
        """Begin behind `step` steps, when a loop begins to take its batches."""
        self.step = step
        if self.task.settings.tensorboard and self._board is None:
            self._board = Board(self.run.board, step)
        self.pace.restart()
        self._watch_next(step)

    def after_step(self, result: StepResult) -> StepPace:
        """Take note of a step, tell of its epoch when it was the last of one, and return its pace."""
        pace = self.pace.step(result.step)
        self.step = result.step
        self._watch_next(result.step)
        if self._kernels:
            with self.pace.beside("kernels"):
                self._kernels.after_step()
        self._since_log.append(pace)
        self._epoch.append(pace)
        self._losses.append(sum(result.losses.values()))
        if self._ends_epoch(result.step) and sum(each.seconds for each in self._epoch) >= EPOCH_SECONDS:
            self.say(self._epoch_line(result.step))
            self._epoch, self._losses = [], []
        return pace

    def facts(self) -> dict[str, Any]:
        """Return what a line of metrics says of the steps since the line before."""
        steps, self._since_log = self._since_log, []
        seconds = sum(step.seconds for step in steps)
        speed = self.batch * len(steps) / seconds if seconds else None
        self._heads, self._heads_at = self.task.figures(), self.step
        facts = {"images_per_second": speed, "waiting": round(waiting_share(steps), 4)}
        return {**facts, "heads": self._heads} if self._heads else facts

    def show(self, line: Mapping[str, Any]) -> None:
        """Show a line of metrics in TensorBoard, where that is wanted."""
        if self._board:
            self._board.add(line)

    def drawn(self) -> Any:
        """Return what rich is to draw under the bar; None before anything is known."""
        return figures_table(self._heads, self._heads_at) if self._heads else None

    def _watch_next(self, step: int) -> None:
        """Let the step behind `step` leave figures behind when a line of metrics follows it."""
        self.task.watch(logged_after(step + 1, self.total))

    def _ends_epoch(self, step: int) -> bool:
        return (
            int(step / self.steps_an_epoch + 1e-9) > int((step - 1) / self.steps_an_epoch + 1e-9) or step == self.total
        )

    def _epoch_line(self, step: int) -> str:
        seconds = sum(each.seconds for each in self._epoch)
        epochs = self.total / self.steps_an_epoch
        left = (self.total - step) * seconds / len(self._epoch)
        parts = [
            f"epoch {step / self.steps_an_epoch:.4g} of {epochs:.4g}",
            f"step {step}",
            f"loss {statistics.fmean(self._losses):.3f}",
            f"{self.batch * len(self._epoch) / seconds:.1f} images/s",
            limit_told(waiting_share(self._epoch)),
        ]
        return "  ".join(parts + ([f"{duration(left)} of steps left"] if left else []))


def logged_after(step: int, total: int) -> bool:
    """Return whether a step, counted from 1, is followed by a line of metrics."""
    return step % LOG_EVERY == 0 or step == total
