"""What can be wrong with a step, each rule a function of plain numbers: the measures that the guard goes by."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

REMEMBERED = 50
"""Steps of whose losses and gradients the greatest is remembered."""

FAR, FAR_EARLY, EARLY = 4.0, 10.0, 20
"""How many times the greatest loss of late a loss must be to be a spike; the second among the first EARLY steps."""

EXPLODED = 100.0
"""How many times the greatest gradient of late a gradient must be to be an explosion."""

DEAD_FOR = 10
"""Steps in a row in which at least half the layers had no gradient, after which a network is dead."""

MUTE_LAYER_FOR = 30
"""The same for a single layer, which is told and no more."""

AT_CHANCE, CHANCE_OVER = 0.97, 20
"""Part of chance's loss from which the mean of that many losses is at chance."""

SUSPECTED_FOR = 100
"""Steps at chance after which its cause is looked for; one that can be seen ends the wait for better ones."""

NO_FALL_FOR = 300
"""Steps after which a loss that is not below its first ones is told."""


@dataclass(frozen=True)
class StepFacts:
    """What is known of a step before its weights change. `loss` and `losses` are means over the micro-batches."""

    step: int
    """Counted from 1."""
    rate: float
    losses: Mapping[str, float]
    gradient: float
    """Norm over all layers, before clipping."""
    layers: Sequence[float]
    """Norm of every layer."""
    boxes: bool = True
    """Whether the batch had anything to find."""

    @property
    def loss(self) -> float:
        """Their sum."""
        return sum(self.losses.values())


@dataclass(frozen=True)
class Finding:
    """Something wrong: `cause` is one of a few words, `what` says it in a line, `layers` and `losses` name the parts."""

    cause: str
    what: str
    layers: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    fatal: bool = False
    """Whether it does not pass by itself."""

    @property
    def key(self) -> str:
        """What makes two findings the same."""
        return f"{self.cause} {' '.join(self.layers)}"


def not_finite(facts: StepFacts, layers: Sequence[str]) -> Finding | None:
    """Return a finding when a loss or a gradient is no finite number."""
    bad = tuple(name for name, value in facts.losses.items() if not math.isfinite(value))
    if bad:
        words = ", ".join(f"{name} {value:g}" for name, value in facts.losses.items())
        return Finding("loss not finite", f"the loss is not finite ({words})", losses=bad)
    if math.isfinite(facts.gradient):
        return None
    spoilt = [name for name, value in zip(layers, facts.layers, strict=False) if not math.isfinite(value)]
    # A gradient flows from the last layer to the first, so the last spoilt one spoilt the others.
    where = f" from layer {spoilt[-1]} downwards" if spoilt else ", though that of every layer is"
    return Finding("gradient not finite", f"the gradient is not finite{where}", tuple(spoilt[-1:]))


def sudden(facts: StepFacts, losses: Sequence[float], gradients: Sequence[float], grown: str) -> Finding | None:
    """Return a finding when the loss, or the gradient, is far above the greatest of late.

    `grown` is the layer whose gradient grew most. Nothing to compare with gives None.
    """
    names = tuple(name for name, _ in sorted(facts.losses.items(), key=lambda item: -item[1])[:1])
    factor = FAR if len(losses) >= EARLY else FAR_EARLY
    if losses and facts.loss > factor * max(losses) > 0:
        what = f"the loss jumped to {facts.loss:.4g}, {facts.loss / max(losses):.3g} times the greatest of late"
        return Finding("loss spike", what, losses=names)
    if len(gradients) >= EARLY and facts.gradient > EXPLODED * max(gradients) > 0:
        times = f"{facts.gradient / max(gradients):.3g} times the greatest of late, most in layer {grown}"
        return Finding("exploding gradient", f"the gradient jumped to {facts.gradient:.3g}, {times}", (grown,))
    return None


def dead_network(silent: Sequence[int], facts: StepFacts, layers: Sequence[str]) -> Finding | None:
    """Return a finding when at least half the layers had no gradient for long, or no step can change anything."""
    dead = [name for name, count in zip(layers, silent, strict=False) if count >= DEAD_FOR]
    if not dead or 2 * len(dead) < len(silent):
        return None
    if facts.gradient == 0:
        return Finding("frozen loss", f"no layer had any gradient for {DEAD_FOR} steps: nothing is learnt", fatal=True)
    what = f"{len(dead)} of {len(silent)} layers had no gradient for {DEAD_FOR} steps, as when every unit of a layer is dead"
    return Finding("dead layers", f"{what}: {_some(dead)}", tuple(dead[:5]), fatal=True)


def mute_layers(silent: Sequence[int], layers: Sequence[str]) -> Finding | None:
    """Return a finding for the layers that had no gradient for long."""
    mute = [name for name, count in zip(layers, silent, strict=False) if count >= MUTE_LAYER_FOR]
    if not mute:
        return None
    return Finding("dead layers", f"no gradient for {MUTE_LAYER_FOR} steps: {_some(mute)}", tuple(mute))


def at_chance(facts: StepFacts, flat: int, chance: Mapping[str, float], patience: int) -> Finding | None:
    """Return a finding when a loss was at chance for more than `patience` steps."""
    if flat < patience or not chance:
        return None
    words = ", ".join(f"{name} {facts.losses.get(name, math.nan):.4g}" for name in chance)
    levels = ", ".join(f"{level:.4g}" for level in chance.values())
    what = f"the loss was at chance for {patience} steps ({words}; an answer that knows nothing gives {levels})"
    return Finding("loss at chance", what, losses=tuple(chance), fatal=True)


def not_fallen(taken: int, first: Sequence[float], losses: Sequence[float]) -> Finding | None:
    """Return a finding when a loss never fell below its first values."""
    if taken < NO_FALL_FOR or len(first) < EARLY or statistics.fmean(losses) < 0.995 * statistics.fmean(first):
        return None
    what = f"the loss has not fallen: {statistics.fmean(losses):.4g} after {taken} steps, {statistics.fmean(first):.4g} at first"
    return Finding("loss flat", what)


def _some(names: Sequence[str], most: int = 5) -> str:
    """Return up to `most` names in words."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
