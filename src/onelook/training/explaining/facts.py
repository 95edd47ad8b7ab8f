"""Tests that look at weights, labels, pictures and the run's own log: what they find is a fact, not a guess."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from onelook.structures.errors import UserError
from onelook.structures.images import read_image
from onelook.training.explaining.case import Case
from onelook.training.explaining.causes import CERTAIN, Cause, Test

BLANK = 3.0
"""Standard deviation of the pixels, of 255, under which a picture shows nothing."""

GOOD = 0.5
"""AP50 from which nobody asks how the training went."""

PICTURES = 12
"""Pictures whose pixels are looked at."""

_STATISTICS = ("rolling_mean", "rolling_variance", "mean", "variance")

Finding = tuple[Test, Cause | None]


def weights(case: Case) -> Iterator[Finding]:
    """Look for numbers that are not finite, for dead layers, and for weights that training never changed."""
    arrays = case.bundle.arrays
    broken = {name: int((~np.isfinite(array)).sum()) for name, array in arrays.items() if not np.isfinite(array).all()}
    words = f"{sum(broken.values()):,} numbers in {len(broken)} arrays are not finite, the first in {next(iter(broken), '')}"
    yield _finding("weights are finite", not broken, words, "all are", "weights-nan")
    if broken:
        return
    dead = [name for name, array in arrays.items() if name.endswith(".weights") and array.size and not array.any()]
    words = f"all weights are 0 in layer {', '.join(name.partition('.')[0] for name in dead[:6])}"
    yield _finding("no layer is dead", not dead, words, "none is", "weights-zero", 0.05)
    yield from _learnt(case)


def _learnt(case: Case) -> Iterator[Finding]:
    steps = case.past.steps
    if not steps or case.base_ap50 >= GOOD:  # what went well needs no excuse
        return
    rates = [float(line.get("learning_rate") or 0) for line in steps]
    words = f"it was 0 in all of the {steps[-1]['step']} steps"
    yield _finding(
        "the learning rate was not 0", any(rates), words, f"up to {max(rates):.3g}", "learning-rate-zero", 0.1
    )
    first, last = _loss(steps[: max(1, len(steps) // 10)]), _loss(steps[-max(1, len(steps) // 10) :])
    fell = math.isfinite(last) and (len(steps) < 2 or last < 1.5 * first)
    told = f"the loss went from {first:.3g} to {last:.3g}"
    yield _finding("the loss did not explode", fell, told, told, "diverged")
    before = case.beginning()
    if before is None or not any(rates):
        return
    own = [name for name in before if name.partition(".")[2] not in _STATISTICS]
    same = [name for name in own if np.allclose(before[name], case.bundle.arrays[name], rtol=1e-5, atol=1e-7)]
    words = f"{len(same)} of {len(own)} arrays are what they were before the first step"
    yield _finding("training changed the weights", len(same) < 0.9 * len(own), words, words, "frozen")


def _loss(lines: Sequence[Mapping[str, Any]]) -> float:
    """Return the mean loss of the lines, nan where one was none."""
    return float(np.mean([math.nan if line.get("loss") is None else float(line["loss"]) for line in lines]))


def labels(case: Case) -> Iterator[Finding]:
    """Look for truth, and for classes that the model does not know."""
    images = case.images
    negatives = int((np.diff(images.offsets) == 0).sum())
    words = f"{negatives} of {len(images)} images have no box"
    if case.train is not None and len(case.train.boxes):
        words += f", while the {len(case.train)} training images have {len(case.train.boxes):,}"
    yield _finding("the images have labelled objects", bool(len(images.boxes)), words, words, "no-truth")
    if not len(images.boxes):
        return
    known = {place for place in case.places if place is not None}
    counts = np.bincount(images.classes, minlength=len(images.names))
    lacking = {name: int(counts[k]) for k, name in enumerate(images.names) if k not in known and counts[k]}
    share = sum(lacking.values()) / len(images.boxes)
    told = ", ".join(f"{name} ({count})" for name, count in list(lacking.items())[:6])
    own = ", ".join(case.bundle.names[:6])
    words = f"{100 * share:.0f} % of the boxes are of classes that the model does not know: {told}; it knows {own}"
    cause = "classes-unknown" if share > 0.2 else None
    yield _finding("the model knows the data's classes", not lacking, words, "all of them", cause, share - 1.0)


def pictures(case: Case) -> Iterator[Finding]:
    """Look at the pixels of some pictures."""
    spread = []
    for index in np.unique(np.linspace(0, len(case.images) - 1, PICTURES).round().astype(int)).tolist():
        try:
            spread.append(float(read_image(case.images.paths[index]).std()))
        except UserError:
            continue
    blank = sum(value < BLANK for value in spread)
    words = f"{blank} of {len(spread)} pictures are of one colour all over"
    yield _finding("the pictures show something", blank <= len(spread) / 2, words, words, "pictures-blank")


def _finding(name: str, passed: bool, wrong: str, right: str, code: str | None, more: float = 0.0) -> Finding:
    """Return the test, and the cause that its failure is; `more` is added to a fact's strength."""
    cause = None if passed or code is None else Cause(code, CERTAIN + more, wrong)
    return Test(name, passed, right if passed else wrong), cause
