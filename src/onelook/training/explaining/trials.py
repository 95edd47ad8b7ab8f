"""Tests that try it otherwise: other colours, another fit, other statistics, other labels; a leap in AP50 is the evidence."""

import copy
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from onelook.datasets.anchors import anchor_iou, box_shapes
from onelook.evaluation.curves import best_score, confidence_curve, counts
from onelook.evaluation.matching import match
from onelook.evaluation.rules import RULES
from onelook.evaluation.suspicions import ap50, mean_ap, suspicions
from onelook.models.network import Network
from onelook.structures.errors import UserError
from onelook.structures.network.layers import describe
from onelook.training.explaining.case import Case
from onelook.training.explaining.causes import Cause, Test
from onelook.training.explaining.facts import GOOD, Finding
from onelook.training.explaining.overfit import learn_one_batch
from onelook.training.explaining.round_trip import round_trip
from onelook.training.tasks.validation import View

GOOD_ANCHORS = 0.45
"""Mean IoU of the boxes' shapes with the nearest anchor under which anchors are a cause."""

FULL_SCORE, MANY = 0.9, 60
"""More than MANY detections an image with at least FULL_SCORE is everything everywhere."""

FEW = 8
"""Images on which scores are looked at."""

NMS = 0.45


def leaps(before: float, after: float) -> bool:
    """Return whether AP50 rose by more than chance and taste explain."""
    gain = after - before
    return gain >= 0.05 and (gain >= 0.2 * (1 - before) or after >= 3 * before + 0.1)


def usual_nms(case: Case) -> Network:
    """Return the network with NMS as it usually is: the very network where the bundle's is near that."""
    if abs(case.bundle.settings.nms - NMS) <= 0.1:
        return case.network
    network = copy.deepcopy(case.network)
    network.nms = NMS
    return network


def scores(case: Case) -> Iterator[Finding]:
    """Look at how many detections there are on a few images and how sure they are."""
    few = case.images.select(np.arange(min(FEW, len(case.images))))
    found = case.problem(case.seen(case.view, few, usual_nms(case)), few)
    best, sure = found.score.max(initial=0.0), float((found.score >= FULL_SCORE).sum() / max(1, found.images))
    words = f"the best score is {best:.4f}; {sure:.1f} detections an image have at least {FULL_SCORE}"
    if best < 0.01:
        yield Test("scores are not all 0", False, words), Cause("scores-zero", 1.0, words)
    elif sure > MANY:
        yield Test("scores are not all 1", False, words), Cause("scores-one", 1.95, words)
    else:
        yield Test("scores are neither all 0 nor all 1", True, words), None


def readings(case: Case) -> Iterator[Finding]:
    """Try the labels read otherwise: other classes, images, units, sides."""
    sizes = [(int(width), int(height)) for width, height in case.images.sizes]
    tried = suspicions(case.base, sizes, [path.name for path in case.images.paths])
    anchors = _anchors_suit(case) if tried else None
    for suspicion in tried:
        if not leaps(case.base_ap50, suspicion.ap50) or (
            suspicion.code == "labels-shuffled" and suspicion.ap50 < max(0.25, 2 * case.base_ap50)
        ):
            continue
        words = f"{suspicion.words}; read so, AP50 is {suspicion.ap50:.3f} instead of {case.base_ap50:.3f}"
        code, edge = suspicion.code, -0.02 if suspicion.code == "labels-shuffled" else 0.0
        if code == "wrong-sides":
            code = "anchors"
            words += f"; the anchors' mean IoU with the boxes' shapes is {anchors:.2f}"
        yield (
            Test("the labels are read as they are meant", False, words),
            Cause(code, 1 + suspicion.ap50 + edge, words, ap50=suspicion.ap50),
        )
        return
    best = max([suspicion.ap50 for suspicion in tried], default=0.0)
    words = f"{len(tried)} other readings were tried; the best gives AP50 {best:.3f}, as it is {case.base_ap50:.3f}"
    yield Test("the labels are read as they are meant", True if tried else None, words), None


def views(case: Case) -> Iterator[Finding]:
    """Try the network with other pixels: colours, fit, size."""
    view, (width, height) = case.view, case.bundle.cfg.input_size
    yield _tried(case, "colours are in order", "colours", replace(view, change=_swapped), "with red and blue exchanged")
    other = replace(view, letterbox=not view.letterbox)
    word = "letterbox" if other.letterbox else "stretch"
    yield _tried(case, "pictures are fitted as in training", "resize", other, f"with {word}")
    if (width, height) != view.size:
        words = f"at the cfg's {width} x {height} instead of {view.size[0]} x {view.size[1]}"
        yield _tried(
            case, "the input has the size of the training", "input-size", View((width, height), view.letterbox), words
        )


def statistics(case: Case) -> Iterator[Finding]:
    """Try the batches' own statistics in place of those that were kept."""
    network = copy.deepcopy(case.network)
    norms = [module for module in network.modules() if isinstance(module, _BatchNorm)]
    for module in norms:
        module.train()
        module.momentum = 0.0
    if norms:
        words = "with the statistics of the images at hand"
        yield _tried(case, "batch normalisation knows its statistics", "batch-norm", case.view, words, network)


def suppression(case: Case) -> Iterator[Finding]:
    """Try the usual threshold of NMS where the bundle has another."""
    network = usual_nms(case)
    if network is not case.network:
        words = f"with NMS at {NMS} instead of {case.bundle.settings.nms:g}"
        yield _tried(case, "NMS takes what is double, and no more", "nms", case.view, words, network)


def encoding(case: Case) -> Iterator[Finding]:
    """Send the truth through encoding, decoding and NMS, and judge it."""
    name = "truth through encoding, decoding and NMS scores 1"
    layers = [layer for layer in describe(case.bundle.cfg, case.view.size) if layer.is_head]
    grids = [(layer.in_shapes[0][1], layer.in_shapes[0][2]) for layer in layers]
    heads = case.network.heads
    if any(head.classes != len(case.images.names) for head in heads):
        yield Test(name, None, "the model has another number of classes"), None
        return
    found = round_trip(case.images, heads, grids, case.view.size, case.view.letterbox, case.network.nms)
    if found is None:
        yield Test(name, None, "only made for [yolo] heads"), None
        return
    matches = match(case.problem(found), RULES["coco"])
    lost = len(matches.truth_class) - int(matches.hit.sum())
    share = lost / max(1, len(matches.truth_class))
    words = f"{lost} of {len(matches.truth_class)} objects are lost on the way"
    yield Test(name, share < 0.02, words), Cause("grid", 0.3 + share, words) if share > 0.2 else None


def anchors(case: Case) -> Iterator[Finding]:
    """Compare the anchors with the shapes of the boxes."""
    suits = _anchors_suit(case)
    if suits is None:
        return
    words = f"the mean IoU of the boxes' shapes with the nearest anchor is {suits:.3f}"
    bad = suits < GOOD_ANCHORS and case.base_ap50 < GOOD
    yield (
        Test("the anchors suit the boxes", suits >= GOOD_ANCHORS, words),
        Cause("anchors", 1.05, words) if bad else None,
    )


def training_images(case: Case) -> Iterator[Finding]:
    """Compare with images that the model was trained on."""
    name, known = "these images go as well as those of the training", case.train_ap50
    if known is None:
        yield Test(name, None, "no training images are at hand"), None
        return
    words = f"AP50 is {known:.3f} on training images and {case.base_ap50:.3f} on these"
    differs = known >= 0.3 and case.base_ap50 < 0.5 * known
    yield Test(name, not differs, words), Cause("validation-differs", 0.9, words) if differs else None


def threshold(case: Case) -> Iterator[Finding]:
    """Compare F1 at the threshold in force with the best one."""
    matches = match(case.base, RULES["coco"])
    best = best_score(confidence_curve(matches))
    if best is None:
        return
    score = case.bundle.settings.score if case.score is None else case.score
    here, there = (np.nan_to_num(counts(matches, value).f1) for value in (score, best))
    words = f"F1 is {here:.3f} at the threshold {score:.2f}, and {there:.3f} at {best:.2f}"
    hides = there >= 0.3 and here < 0.5 * there
    yield Test("the score threshold suits", not hides, words), Cause("threshold", 0.8, words) if hides else None


def heart(case: Case) -> Iterator[Finding]:
    """Let a copy learn one batch by heart."""
    name = "a batch can be learnt by heart"
    source = case.train if case.train is not None and len(case.train.boxes) else case.images
    if source.names != case.bundle.names:
        yield Test(name, None, "the data's classes are not the model's"), None
        return
    try:
        learnt = learn_one_batch(case.network, source, case.view.size, case.view.letterbox)
    except UserError as error:
        yield Test(name, None, str(error)), None
        return
    words = f"the loss went from {learnt.before:.3g} to {learnt.after:.3g}"
    stuck = not learnt.passed and case.base_ap50 < GOOD
    yield Test(name, learnt.passed, words), Cause("cannot-learn", 0.5, words) if stuck else None
    seen = case.past.steps[-1].get("epoch", 0.0) if case.past.steps else None
    if learnt.passed and seen is not None and max(case.base_ap50, case.train_ap50 or 0.0) < 0.3:
        words += f"; the run saw every image {seen:.1f} times in {case.past.steps[-1]['step']} steps"
        yield Test("the training was long enough", False, words), Cause("undertrained", 0.6, words)


def _anchors_suit(case: Case) -> float | None:
    parts = [head.anchors for head in case.network.heads if len(head.anchors)]
    if not parts or not len(case.images.boxes):
        return None
    shapes = box_shapes(case.images, case.view.size, case.view.letterbox)
    return anchor_iou(shapes, np.concatenate(parts))


def _tried(case: Case, name: str, code: str, view: View, words: str, network: Network | None = None) -> Finding:
    tried = case.problem(case.seen(view, network=network))
    value, fine, fine_before = ap50(tried), mean_ap(tried), case.base_ap
    told = f"{words} AP50 is {value:.3f} instead of {case.base_ap50:.3f}, AP {fine:.3f} instead of {fine_before:.3f}"
    closer = value >= case.base_ap50 and fine >= fine_before + 0.04 and fine >= 1.2 * fine_before
    better = leaps(case.base_ap50, value) or closer
    return Test(name, not better, told), Cause(code, 1 + value, told, ap50=value) if better else None


def _swapped(images: Tensor) -> Tensor:
    return torch.flip(images, dims=[1])
