"""Why a loss stays at chance: dead units, a signal that fades or is the same for every picture, the rate, or the labels.

Asked only when a loss does; costs a pass over a copy of the network, and where that shows nothing, a few steps of it.
"""

import copy
import dataclasses
import math
import statistics
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from onelook.datasets.loader import Batch
from onelook.models.sections.convolution import Convolution
from onelook.training.explaining.overfit import Learnt, learn_by_heart
from onelook.training.guard.gradients import Gradients, layer_label
from onelook.training.guard.guard import Guard, Verdict
from onelook.training.guard.symptoms import CHANCE_OVER, Finding, StepFacts
from onelook.training.ranks import ALONE, Ranks
from onelook.training.settings import TrainSettings

DEAD_PART = 0.9
"""Part of a layer's units that answer 0 to every picture from which the layer is dead."""

FADED = 1 / 50
"""Part of the first layer's answers that those of a later layer are at most when the signal fades."""

ALIKE = 0.02
"""Part of an answer that differs from picture to picture, below which the pictures look alike to the network."""

STANDS = 1e-6
"""Largest part of its weights by which a step of a layer changes them, below which the rate is too low."""

SURE = 1.05
"""Mean loss of late, in parts of that of an answer that knows nothing, above which the answers are sure and wrong."""

BY_HEART = 8
"""Pictures that a copy tries to learn by heart."""


@dataclass(frozen=True)
class Answers:
    """What a layer answers to a batch.

    `size` is the root of its mean square, `spread` how far pictures differ, in parts of the mean, `dead` the part of the units
    that answer 0 to every picture.
    """

    layer: str
    size: float
    spread: float
    dead: float


def look_into(
    guard: Guard,
    verdict: Verdict,
    facts: StepFacts,
    network: nn.Module,
    batch: Batch,
    settings: TrainSettings,
    ranks: Ranks = ALONE,
) -> Verdict:
    """Return the verdict on a step that was taken, with the cause named when the loss has been at chance for long.

    `batch` is one that the step saw; of several ranks the first one's counts.
    """
    suspected = guard.suspicion(facts, verdict)
    if suspected is None:
        return verdict
    late = statistics.fmean(guard.known[-CHANCE_OVER:])
    steps = _steps(network, facts, settings)
    found = ranks.of_first(why_at_chance(suspected, network, batch, steps, late, thorough=verdict.finding is suspected))
    return verdict if found is None else guard.explained(found)


def _steps(network: nn.Module, facts: StepFacts, settings: TrainSettings) -> list[float]:
    """Return by how much of its weights a step like this one changes every layer, about, once its momentum is full."""
    gradients = Gradients(network)
    weights = gradients.by_layer([weight.norm().item() for weight in gradients.parameters])
    if settings.optimizer == "sgd":
        moves = [norm / (1 - (settings.momentum or 0.0)) for norm in facts.layers]
    elif settings.optimizer == "adamw":
        moves = gradients.by_layer([math.sqrt(weight.numel()) for weight in gradients.parameters])
    else:
        moves = list(facts.layers)
    return [facts.rate * move / max(weight, 1e-12) for move, weight in zip(moves, weights, strict=True)]


def why_at_chance(
    finding: Finding, network: nn.Module, batch: Batch, steps: Sequence[float], late: float, thorough: bool
) -> Finding | None:
    """Return the finding with its cause named and a way out, None when none is seen.

    `steps` are by how much of their weights the layers were changed by the last step, `late` is the mean loss of late in parts of
    chance. `thorough` tries whether a copy can learn by heart, too, and always gives a finding. The network stays as it is.
    """
    pupil = copy.deepcopy(network)
    device = next(pupil.parameters()).device
    images, targets = batch.images.to(device), batch.targets.to(device)
    with torch.random.fork_rng():
        seen = _answers(pupil, images, targets)
        found = _of_layers(seen) or _of_steps(steps)
        if found is None and thorough:
            found = _of_loss(late)
        if found is None and thorough:
            few = targets[:, 0] < BY_HEART
            found = _of_trial(learn_by_heart(copy.deepcopy(network), images[:BY_HEART], targets[few]))
    if found is None:
        return None
    cause, words, layers = found
    return dataclasses.replace(finding, cause=cause, what=f"{finding.what}; {words}", layers=layers, fatal=True)


Found = tuple[str, str, tuple[str, ...]]
"""The cause as a key of `diagnosis.WAYS_OUT`, what was seen and the way out in words, and the layers that show it."""


def _of_layers(seen: Sequence[Answers]) -> Found | None:
    """Return what the answers of the layers say, first to last; nothing was seen of a network without rectified layers."""
    if not seen:
        return None
    dead = [each for each in seen if each.dead >= DEAD_PART]
    if dead:
        words = (
            f"in {len(dead)} of {len(seen)} layers at least {100 * DEAD_PART:.0f} % of the ReLUs answer 0 to every picture, "
            f"first in {dead[0].layer}: the rate is too high or nothing normalises; take a tenth of `learning_rate`, and batch "
            "normalisation"
        )
        return "dead layers", words, tuple(each.layer for each in dead[:5])
    faint = min(seen, key=lambda each: each.size)
    if faint.size < FADED * seen[0].size:
        words = (
            f"the signal fades: the answers of {faint.layer} are {seen[0].size / max(faint.size, 1e-30):.3g} times smaller than "
            f"those of {seen[0].layer}, and gradients on their way back shrink alike; take the network with batch normalisation, "
            "or other initial weights"
        )
        return "signal fades", words, (faint.layer,)
    alike = [each for each in seen if each.spread < ALIKE]
    if alike:
        words = (
            f"from {alike[0].layer} on all pictures give the same answers, to {100 * max(each.spread for each in alike):.2g} %: "
            "the rate was too high, or nothing normalises; take a tenth of `learning_rate` and a longer `burn_in`"
        )
        return "answers alike", words, tuple(each.layer for each in alike[:5])
    return None


def _of_steps(steps: Sequence[float]) -> Found | None:
    known = [step for step in steps if math.isfinite(step)]
    if not known or max(known) >= STANDS:
        return None
    words = f"no layer's weights change by more than {max(known):.1g} of themselves a step: `learning_rate` is too low"
    return "rate too low", f"{words}; take a hundred times as much", ()


def _of_loss(late: float) -> Found | None:
    if late < SURE:
        return None
    words = f"the loss is {late:.3g} times that of an answer that knows nothing, as of answers that are sure and wrong"
    return "rate too high", f"{words}: take a tenth of `learning_rate`, a larger `batch` or a longer `burn_in`", ()


def _of_trial(learnt: Learnt) -> Found:
    told = f"{learnt.before:.3g} -> {learnt.after:.3g} in a few steps of Adam on {BY_HEART} pictures alone"
    if learnt.passed:
        words = f"the network learns pictures by heart ({told}): look whether the labels belong to the pictures"
        return "labels do not fit", f"{words} with `onelook data show`, or take another `learning_rate`", ()
    words = f"a copy does not even learn pictures by heart ({told}): begin again with a tenth of `learning_rate`"
    return "loss at chance", f"{words} and a longer `burn_in`", ()


@torch.no_grad()
def _answers(network: nn.Module, images: Tensor, targets: Tensor) -> list[Answers]:
    """Return the answers of the layers that a ReLU follows, or another activation of Darknet's, in the order of the pass."""
    found: list[Answers] = []
    last: list[weakref.ref[Tensor]] = []
    handles = [
        module.register_forward_hook(_looker(layer_label(network, f"{name}.x"), found, last))
        for name, module in network.named_modules()
    ]
    try:
        network(images, targets)
    finally:
        for handle in handles:
            handle.remove()
    return found


def _looker(
    label: str, found: list[Answers], last: list[weakref.ref[Tensor]]
) -> Callable[[nn.Module, object, object], None]:
    def look(module: nn.Module, _inputs: object, output: object) -> None:
        if not isinstance(output, Tensor) or output.ndim != 4 or not output.is_floating_point():
            return
        if last and last[0]() is output:  # of the last layer of a group, and now of the group
            return
        rectified = bool((output >= 0).all()) and bool((output == 0).any())
        if rectified or (isinstance(module, Convolution) and not bool((output == 0).all())):
            found.append(_answer(label, output))
            last[:] = [weakref.ref(output)]

    return look


def _answer(label: str, output: Tensor) -> Answers:
    means = output.flatten(2).mean(2)  # (n, c)
    dead = (output.transpose(0, 1).flatten(1) == 0).all(1).float().mean()
    spread = means.std(0, correction=0).mean() / means.abs().mean().clamp_min(1e-30)
    return Answers(label, output.square().mean().sqrt().item(), spread.item() if len(output) > 1 else 1.0, dead.item())
