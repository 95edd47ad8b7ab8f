"""The guard: looks at every step's losses and gradient norms, and says whether the step may be taken.

A bad step is skipped: a loss or gradient that is no finite number, a loss or gradient far above anything of late. Bad steps that
come again and again, layers without any gradient and a loss that stays at chance lead back to the last good state, with a
changed policy. All of it hangs on the numbers of the steps alone and is part of the checkpoint, so a resumed run decides alike.
"""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from onelook.training.guard.symptoms import (
    AT_CHANCE,
    CHANCE_OVER,
    REMEMBERED,
    SUSPECTED_FOR,
    Finding,
    StepFacts,
    at_chance,
    dead_network,
    mute_layers,
    not_fallen,
    not_finite,
    sudden,
)

REPEATED, AMONG = 5, 20
"""Bad steps, among how many steps, that lead back to the last good state."""

MOST_ROLLBACKS = 3
"""Times a run goes back to the same good state before it ends."""

LOWER_RATE = 0.2
"""What the rate is multiplied by each time a run goes back."""

LOWEST_RATE = 1e-4
"""A factor below which the rate is not lowered any more."""

CLIPS = (10.0, 1.0, 0.1)
"""Largest norm of the gradient after the first, second, third time."""


@dataclass(frozen=True)
class Policy:
    """What the guard changed in how a run trains; a checkpoint keeps it."""

    rate: float = 1.0
    """The learning rate is multiplied by this."""
    clip: float = math.inf
    """Largest norm of the gradient, beside the settings' own."""
    quarantine: tuple[int, ...] = ()
    """Photographs of the training split, by number, that are no longer shown."""
    parts: int | None = None
    """Into how many micro-batches a batch is cut, where memory was too small for the settings'."""

    def told(self) -> str:
        """Return the policy in words, empty when nothing was changed."""
        words = [
            f"learning rate x {self.rate:.2g}" if self.rate != 1 else "",
            f"gradient clipped at {self.clip:g}" if self.clip < math.inf else "",
            f"{len(self.quarantine)} pictures in quarantine" if self.quarantine else "",
            f"{self.parts} subdivisions" if self.parts else "",
        ]
        return ", ".join(word for word in words if word)


@dataclass(frozen=True)
class Verdict:
    """`taken` is whether the step was; `action` is `none`, `told`, `skipped`, `back` or `end`."""

    taken: bool
    action: str = "none"
    finding: Finding | None = None


@dataclass
class Guard:
    """The guard's memory. `chance` gives, by the name of a loss, its value for an answer that knows nothing."""

    layers: Sequence[str]
    chance: Mapping[str, float] = field(default_factory=dict)
    patience: int = 150
    """Steps for which a loss may stay at chance."""
    recovers: bool = True
    """Whether to go back and change the policy; else what repeats ends the run."""
    policy: Policy = Policy()
    events: int = 0
    """How many there were: each has a number, so that a resumed run neither loses nor repeats one."""
    rollbacks: int = 0
    """Since the last good state."""
    taken: int = 0
    """Steps taken since the start, or since the run went back."""
    bad_steps: list[int] = field(default_factory=list)
    losses: dict[str, list[float]] = field(default_factory=dict)
    """The last losses of steps with and without boxes, which are not compared with each other."""
    gradients: list[float] = field(default_factory=list)
    first: list[float] = field(default_factory=list)
    typical: list[float] = field(default_factory=list)
    """Each layer's gradient norm, slowly averaged."""
    silent: list[int] = field(default_factory=list)
    """For how many steps in a row each layer had no gradient."""
    known: list[float] = field(default_factory=list)
    """The last losses as parts of their chance, 1 for an answer that knows nothing."""
    flat: int = 0
    """For how many steps in a row they were at chance."""
    told: list[str] = field(default_factory=list)
    """What was told once and is not told again."""

    def judge(self, facts: StepFacts) -> Verdict:
        """Return what to do with a step whose losses and gradients are known and whose weights are not changed yet."""
        bad = not_finite(facts, self.layers) or sudden(facts, self._losses(facts), self.gradients, self._grown(facts))
        if bad is not None:
            self.bad_steps = [step for step in self.bad_steps if facts.step - step < AMONG] + [facts.step]
            return Verdict(False, self._repeated() if len(self.bad_steps) >= REPEATED else "skipped", bad)
        self.bad_steps = [step for step in self.bad_steps if facts.step - step < AMONG]
        self._remember(facts)
        lasting = (
            dead_network(self.silent, facts, self.layers)
            or at_chance(facts, self.flat, self.chance, self.patience)
            or not_fallen(self.taken, self.first, self._losses(facts))
        )
        if lasting is not None and lasting.fatal:
            return Verdict(True, self._repeated(), lasting)
        return self._told_once(lasting or mute_layers(self.silent, self.layers))

    def suspicion(self, facts: StepFacts, verdict: Verdict) -> Finding | None:
        """Return the finding of a loss at chance whose cause is to be looked for, after the step that `verdict` is on."""
        if verdict.finding is not None and verdict.finding.cause == "loss at chance":
            return verdict.finding
        return at_chance(facts, self.flat, self.chance, SUSPECTED_FOR) if self.flat == SUSPECTED_FOR else None

    def explained(self, finding: Finding) -> Verdict:
        """Return what to do when the cause of a loss at chance was found."""
        return Verdict(True, self._repeated(), finding)

    def good(self) -> None:
        """Take note that the run would go back to here."""
        self.rollbacks = 0

    def go_back(self) -> Policy:
        """Change the policy for the way from the last good state on, and forget the steps that led astray."""
        self.rollbacks += 1
        clip = min(self.policy.clip, CLIPS[min(self.rollbacks, len(CLIPS)) - 1])
        self.policy = dataclasses.replace(self.policy, rate=self.policy.rate * LOWER_RATE, clip=clip)
        self.taken = self.flat = 0
        self.bad_steps, self.losses, self.gradients, self.first, self.known = [], {}, [], [], []
        self.typical, self.silent, self.told = [], [], []
        return self.policy

    def set_aside(self, photographs: Sequence[int]) -> Policy:
        """Show these photographs no more."""
        together = sorted({*self.policy.quarantine, *photographs})
        self.policy = dataclasses.replace(self.policy, quarantine=tuple(together))
        return self.policy

    def cut(self, parts: int) -> Policy:
        """Cut every batch into `parts`."""
        self.policy = dataclasses.replace(self.policy, parts=parts)
        return self.policy

    def as_json(self) -> dict[str, Any]:
        """Return what a checkpoint keeps, as JSON values."""
        kept = {each.name: getattr(self, each.name) for each in dataclasses.fields(self) if each.name not in _GIVEN}
        clip = None if self.policy.clip == math.inf else self.policy.clip
        return {**kept, "policy": {**dataclasses.asdict(self.policy), "clip": clip}}

    def bring_back(self, kept: Mapping[str, Any]) -> None:
        """Become what `as_json` was of."""
        for name, value in kept.items():
            setattr(self, name, _policy(value) if name == "policy" else value)

    def judge_answers(self, collapsed: str) -> Verdict:
        """Return what to do when the answers to all pictures are `collapsed`; an empty string is well."""
        what = f"{collapsed} in any picture of the validation split"
        return self._told_once(Finding(collapsed, what) if collapsed else None)

    def spoilt(self, names: Sequence[str]) -> Verdict:
        """Return what to do when weights, by name, or the optimizer's numbers, are not finite any more."""
        return Verdict(
            True, self._repeated(), Finding("weights not finite", f"no finite numbers any more in {names[0]}")
        )

    def well(self) -> bool:
        """Return whether nothing was wrong of late, so that the state is worth going back to."""
        dead = sum(count > 0 for count in self.silent)
        return not self.bad_steps and 2 * dead <= len(self.silent) and self.flat < AMONG

    def _repeated(self) -> str:
        tries = self.rollbacks < MOST_ROLLBACKS and self.policy.rate > LOWEST_RATE
        return "back" if self.recovers and tries else "end"

    def _losses(self, facts: StepFacts) -> list[float]:
        return self.losses.setdefault("boxes" if facts.boxes else "empty", [])

    def _remember(self, facts: StepFacts) -> None:
        """Take a step that is taken into the memory."""
        self.taken += 1
        _push(self._losses(facts), facts.loss)
        _push(self.gradients, facts.gradient)
        if len(self.first) < AMONG and facts.boxes:
            self.first.append(facts.loss)
        if len(self.typical) != len(facts.layers):
            self.typical, self.silent = list(facts.layers), [0] * len(facts.layers)
        self.typical = [old + 0.05 * (new - old) for old, new in zip(self.typical, facts.layers, strict=True)]
        if facts.boxes:
            quiet = 1e-12 * max(facts.layers, default=0.0)
            self.silent = [n + 1 if v <= quiet else 0 for n, v in zip(self.silent, facts.layers, strict=True)]
            for name, level in self.chance.items():
                _push(self.known, facts.losses.get(name, 0.0) / level)
            recent = self.known[-CHANCE_OVER:]
            self.flat = self.flat + 1 if recent and statistics.fmean(recent) > AT_CHANCE else 0

    def _grown(self, facts: StepFacts) -> str:
        """Return the name of the layer whose gradient exceeds most what it usually is."""
        usual = self.typical if len(self.typical) == len(facts.layers) else [1.0] * len(facts.layers)
        ratios = [now / max(before, 1e-30) for now, before in zip(facts.layers, usual, strict=True)]
        return self.layers[ratios.index(max(ratios))] if ratios and self.layers else ""

    def _told_once(self, finding: Finding | None) -> Verdict:
        if finding is None or finding.key in self.told:
            return Verdict(True)
        self.told.append(finding.key)
        return Verdict(True, "told", finding)


_GIVEN = ("layers", "chance", "patience", "recovers")
"""What a guard is made with, and a checkpoint need not keep."""


def _policy(kept: Mapping[str, Any]) -> Policy:
    clip = math.inf if kept["clip"] is None else kept["clip"]
    return Policy(kept["rate"], clip, tuple(kept["quarantine"]), kept["parts"])


def _push(values: list[float], value: float) -> None:
    values.append(value)
    del values[:-REMEMBERED]
