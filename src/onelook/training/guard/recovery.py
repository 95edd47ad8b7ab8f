"""What a session does about what the guard finds: notes it, goes back to the last good state, sets pictures aside, cuts batches."""

import time
from collections.abc import Sequence

from onelook.datasets.dataset import Dataset
from onelook.datasets.loader import PictureError
from onelook.structures.errors import UserError
from onelook.training.guard.guard import Verdict
from onelook.training.guard.symptoms import Finding
from onelook.training.loop import DivergenceError, State, StepResult
from onelook.training.run import Run
from onelook.training.settings import TrainSettings, divisor
from onelook.training.survival.checkpoint import GOOD, load_state
from onelook.training.tasks.task import Say

_MOST_PICTURES = 16
"""Pictures that an event names."""

_MOST_SET_ASIDE = 0.1
"""Share of the training pictures that may be set aside before the run ends."""


class Recovery:
    """Acts on the state of a run; every act is told in a line, and is an event in `guard.jsonl`."""

    def __init__(
        self, run: Run, state: State, dataset: Dataset, settings: TrainSettings, say: Say, processes: int = 1
    ) -> None:
        self.run, self.state, self.dataset, self.settings, self.say = run, state, dataset, settings, say
        self.processes = processes

    def after(self, result: StepResult) -> bool:
        """Note what the guard found at a step and act on it; return whether the run went back. Raises DivergenceError."""
        verdict, blame = result.verdict, result.blame
        if verdict.finding is None:
            return False
        photographs = blame.photographs if blame else ()
        if blame and blame.certain:
            self._set_aside(verdict.finding, photographs, blame.why)
            return False
        why = f"; {blame.why}" if blame and blame.why else ""
        if verdict.action in ("back", "end"):
            self.turn(verdict.finding, verdict.action, photographs, why)
            return verdict.action == "back"
        self._note(verdict.finding, verdict.action, photographs, why)
        return False

    def tell(self, verdict: Verdict) -> None:
        """Note what was found beside a step, if anything was."""
        if verdict.finding is not None:
            self._note(verdict.finding, verdict.action)

    def turn(self, finding: Finding, action: str, photographs: Sequence[int] = (), why: str = "") -> None:
        """Go back to the last good state with a changed policy, or end by raising DivergenceError."""
        if action == "end":
            self._note(finding, "ended", photographs, why)
            tried = self.state.guard.policy.told()
            already = f" (already tried: {tried})" if tried else ""
            where = f"{self.run.folder}: step {self.state.step}"
            raise DivergenceError(f"{where}: {finding.what}{already}; see {self.run.diagnosis}", finding.cause)
        step = self.state.step
        load_state(self.run.last / GOOD, self.state, guard=False)
        policy = self.state.guard.go_back()
        self._note(finding, f"back to step {self.state.step}", photographs, why, step, policy.told())

    def unreadable(self, error: PictureError) -> None:
        """Set aside a picture that cannot be decoded."""
        self._set_aside(Finding("picture unreadable", str(error)), (error.photograph,), "")

    def cut_batch(self, message: str) -> None:
        """Cut the batch into at least twice as many parts. Raises UserError when a part is one picture already."""
        batch = self.settings.batch or 1
        parts = self.state.guard.policy.parts or self.settings.subdivisions or 1
        finding = Finding("out of memory", f"memory ran out with {batch // parts} pictures at once: {message}")
        if parts >= batch:
            self._note(finding, "ended")
            raise UserError(
                f"{self.run.folder}: step {self.state.step + 1}: expected memory for one picture at "
                f"{self.settings.width} x {self.settings.height}, got none; take a smaller width and height"
            )
        self.state.guard.cut(divisor(batch, 2 * parts, self.processes))
        self._note(finding, f"goes on with {self.state.guard.policy.parts} subdivisions")

    def _set_aside(self, finding: Finding, photographs: Sequence[int], why: str) -> None:
        guard = self.state.guard
        guard.bad_steps = [step for step in guard.bad_steps if step != self.state.step]  # not the weights' fault
        guard.set_aside(photographs)
        self._note(finding, "set aside", photographs, f"; {why}" if why else "")
        if len(guard.policy.quarantine) > max(1, round(_MOST_SET_ASIDE * len(self.dataset))):
            raise DivergenceError(
                f"{self.run.folder}: expected sound pictures, got {len(guard.policy.quarantine)} of {len(self.dataset)} that had "
                f"to be set aside, the last for this: {finding.what}; see {self.run.diagnosis}",
                finding.cause,
            )

    def _note(
        self,
        finding: Finding,
        action: str,
        photographs: Sequence[int] = (),
        why: str = "",
        step: int | None = None,
        policy: str = "",
    ) -> None:
        self.state.guard.events += 1
        step, what = self.state.step if step is None else step, finding.what + why
        self.run.note(
            {
                "kind": "guard",
                "number": self.state.guard.events,
                "step": step,
                "cause": finding.cause,
                "action": action,
                "what": what,
                "layers": finding.layers,
                "losses": finding.losses,
                "pictures": [str(self.dataset.paths[index]) for index in photographs[:_MOST_PICTURES]],
                "policy": policy,
                "time": time.time(),
            }
        )
        changed = f" ({policy})" if policy else ""
        self.say(f"guard: step {step}: {what}: {action}{changed}")
