"""Settings that do not go together, named before the first step: one line each with the way out."""

import math
import os
from collections.abc import Callable

from onelook.structures.network.cfg import Section
from onelook.training.settings import TrainSettings

FAR = 10.0
"""Factor by which a learning rate differs from the recipe's before it is called far."""

SGD_RATE = 0.01
"""Of SGD at a batch of 64, for detectors."""

LONG_BURN_IN = 0.5
"""Share of the run from which a burn-in is told."""


def contradictions(
    given: TrainSettings, used: TrainSettings, net: Section, images: int, sgd_rate: float = SGD_RATE
) -> list[str]:
    """Return a line for everything in the settings that cannot be meant; none gives none.

    `given` is what the user said, `used` what follows for `images` training images, `net` the cfg's [net] as the user gave it,
    `sgd_rate` what is usual for SGD at a batch of 64. Numbers that no run can have (a batch that its subdivisions do not divide, an
    input that is no multiple of the stride) are refused where they are read.
    """
    found = [check(given, used, net, images) for check in CHECKS]
    return [line for line in [*found, _rate(given, used, net, sgd_rate)] if line]


def _steps(given: TrainSettings, used: TrainSettings, _net: Section, _images: int) -> str:
    total, steps = used.max_batches or 0, given.steps or ()
    if not steps:
        return ""
    if used.policy != "steps":
        return f"steps={_listed(steps)}: expected policy=steps, got policy={used.policy}, which knows none; set policy=steps"
    late = [step for step in steps if step >= total]
    if not late:
        return ""
    way = f"{_listed((total * 8 // 10, total * 9 // 10))}, or max_batches={math.ceil(max(steps) / 0.9)}"
    return f"steps={_listed(late)}: expected steps before the end, got a run of {total}: they are never reached; set steps={way}"


def _burn_in(_given: TrainSettings, used: TrainSettings, _net: Section, _images: int) -> str:
    burn_in, total = used.burn_in or 0, used.max_batches or 0
    if burn_in >= total > 1:
        return (
            f"burn_in={burn_in}: expected less than the run's {total} steps, got a rate that never reaches its height; "
            f"set burn_in={total // 10}"
        )
    if burn_in > LONG_BURN_IN * total:
        return f"burn_in={burn_in}: expected a small part of the run, got {100 * burn_in / total:.0f} %; set burn_in={total // 10}"
    return ""


def _batch(_given: TrainSettings, used: TrainSettings, _net: Section, images: int) -> str:
    if (used.batch or 0) <= images:
        return ""
    return f"batch={used.batch}: expected at most the {images} training images, got a step that sees some twice; set batch={images}"


def _length(_given: TrainSettings, used: TrainSettings, _net: Section, images: int) -> str:
    seen = (used.max_batches or 0) * (used.batch or 0)
    if seen >= images:
        return ""
    least = math.ceil(images / (used.batch or 1))
    return (
        f"max_batches={used.max_batches}: expected every image to be seen, got a run that sees {seen} of {images}; "
        f"set max_batches={least} or more"
    )


def _evaluations(given: TrainSettings, used: TrainSettings, _net: Section, images: int) -> str:
    epochs = (used.max_batches or 0) * (used.batch or 0) / images
    if given.eval_every is None or given.eval_every <= epochs:
        return ""
    return (
        f"eval_every={given.eval_every:g}: expected at most the run's {epochs:.3g} epochs, got a run that is evaluated only at its "
        f"end, so that no step before it can be the best; set eval_every={max(epochs / 5, 0.001):.2g}"
    )


def _rate(given: TrainSettings, used: TrainSettings, net: Section, sgd_rate: float) -> str:
    if given.learning_rate is None:
        return ""
    usual = _usual_rate(used, net, sgd_rate)
    if usual / FAR <= given.learning_rate <= usual * FAR:
        return ""
    return (
        f"learning_rate={given.learning_rate:g}: expected about {usual:.2g} for {used.optimizer} at batch={used.batch}, got "
        f"{'a tenth or less' if given.learning_rate < usual else 'ten times as much or more'}; leave it out, or set {usual:.2g}"
    )


def _usual_rate(used: TrainSettings, net: Section, sgd_rate: float) -> float:
    """Return the rate that the recipe has, brought to this batch: in proportion for SGD, by the root for AdamW."""
    batch = used.batch or 1
    if used.recipe == "darknet":
        return net.number("learning_rate", 0.001) * batch / max(1, net.integer("batch", 64))
    return sgd_rate * batch / 64 if used.optimizer in ("sgd", "asgd") else 1e-3 * math.sqrt(batch / 8)


def _mosaic(given: TrainSettings, used: TrainSettings, _net: Section, _images: int) -> str:
    if used.augment.mosaic == 0 or given.close_mosaic < 1:
        return ""
    return "close_mosaic=1: expected less, got a run without mosaics although mosaic is not 0; set mosaic=0 to say so"


def _workers(given: TrainSettings, _used: TrainSettings, _net: Section, _images: int) -> str:
    cores = os.cpu_count() or 1
    if (given.workers or 0) <= 2 * cores:
        return ""
    return (
        f"workers={given.workers}: expected about as many as the {cores} cores, got more than help; set workers={cores}"
    )


CHECKS: tuple[Callable[[TrainSettings, TrainSettings, Section, int], str], ...] = (
    _steps,
    _burn_in,
    _batch,
    _length,
    _evaluations,
    _mosaic,
    _workers,
)
"""Each returns one line, or an empty one."""


def _listed(values: tuple[int, ...] | list[int]) -> str:
    return ",".join(map(str, values))
