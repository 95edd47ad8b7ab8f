"""Darknet's learning rate at a step, for every policy that its cfg files name.

Source: AlexeyAB/darknet at commit 59596d7, observed behaviour.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from onelook.structures.errors import nearest
from onelook.structures.network.cfg import Section


@dataclass(frozen=True)
class Rates:
    """What a cfg's [net] says of the learning rate, with Darknet's defaults."""

    policy: str
    learning_rate: float
    learning_rate_min: float
    burn_in: int
    power: float
    max_batches: int
    steps: tuple[int, ...]
    scales: tuple[float, ...]
    step: int
    scale: float
    gamma: float
    cycle: int
    cycle_factor: int

    def at(self, batches: int) -> float:
        """Return the rate after so many batches; the first update of a training is at 1."""
        if batches < self.burn_in:
            return float(self.learning_rate * (batches / self.burn_in) ** self.power)
        return POLICIES[self.policy](self, batches)


def read_rates(net: Section) -> Rates:
    """Return the rates that a [net] section asks for.

    Raises FormatError for an unknown policy, which Darknet silently takes for `constant`, and numbers that cannot be.
    """
    policy, batches = net.word("policy", "constant"), net.integer("max_batches", 0)
    if policy not in POLICIES:
        raise net.error("policy", f"policy: expected {', '.join(POLICIES)}, got {policy!r}{nearest(policy, POLICIES)}")
    steps, scales = net.integers("steps"), net.numbers("scales")
    if policy == "steps" and len(steps) != len(scales):
        raise net.error("scales", f"steps and scales: expected as many, got {len(steps)} and {len(scales)}")
    rates = Rates(
        policy,
        net.number("learning_rate", 0.001),
        net.number("learning_rate_min", 0.00001),
        net.integer("burn_in", 0),
        net.number("power", 4),
        batches,
        steps,
        scales,
        net.integer("step", 1),
        net.number("scale", 1),
        net.number("gamma", 1),
        net.integer("sgdr_cycle", batches),
        net.integer("sgdr_mult", 2),
    )
    for name, key in _ABOVE_ZERO.get(policy, {}).items():
        if getattr(rates, name) < 1:
            raise net.error(key, f"policy={policy}: expected {key} of at least 1, got {getattr(rates, name)}")
    return rates


_ABOVE_ZERO = {
    "step": {"step": "step"},
    "poly": {"max_batches": "max_batches"},
    "sgdr": {"cycle": "sgdr_cycle", "cycle_factor": "sgdr_mult"},
}
"""By policy, numbers by which it divides, and their keys."""


def _constant(rates: Rates, _: int) -> float:
    return rates.learning_rate


def _step(rates: Rates, batches: int) -> float:
    return rates.learning_rate * _power(rates.scale, batches // rates.step)


def _steps(rates: Rates, batches: int) -> float:
    rate = rates.learning_rate
    for at, scale in zip(rates.steps, rates.scales, strict=True):
        if at > batches:
            break
        rate *= scale
    return rate


def _exponential(rates: Rates, batches: int) -> float:
    return rates.learning_rate * _power(rates.gamma, batches)


def _power(base: float, exponent: int) -> float:
    try:
        return float(base**exponent)
    except OverflowError:
        return math.inf


def _polynomial(rates: Rates, batches: int) -> float:
    left = max(0.0, 1 - batches / rates.max_batches)
    return float(rates.learning_rate * left**rates.power)


def _sigmoid(rates: Rates, batches: int) -> float:
    beyond = min(700.0, max(-700.0, rates.gamma * (batches - rates.step)))
    return rates.learning_rate / (1 + math.exp(beyond))


def _sgdr(rates: Rates, batches: int) -> float:
    start, cycle = 0, rates.cycle
    while start + cycle < batches:
        start, cycle = start + cycle, cycle * rates.cycle_factor
    turn = math.cos((batches - start) * math.pi / cycle)
    return rates.learning_rate_min + 0.5 * (rates.learning_rate - rates.learning_rate_min) * (1 + turn)


POLICIES: dict[str, Callable[[Rates, int], float]] = {
    "constant": _constant,
    "step": _step,
    "steps": _steps,
    "exp": _exponential,
    "poly": _polynomial,
    "sigmoid": _sigmoid,
    "sgdr": _sgdr,
}
"""From the word in the cfg to the rate behind burn_in. `random` is left out: a run could not be repeated."""
