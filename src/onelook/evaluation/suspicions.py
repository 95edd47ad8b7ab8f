"""Detections that would be right if the truth were read otherwise: the sign of labels that are mixed up.

Each suspicion is tried on the arrays alone: the truth or the names are changed, AP50 is taken again, and a leap is the
evidence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from onelook.evaluation.assignment import assign
from onelook.evaluation.average_precision import class_average_precision, mean_over_classes
from onelook.evaluation.coco import coco_result
from onelook.evaluation.matching import match, overlapping
from onelook.evaluation.problem import Integers, Problem, Reals
from onelook.evaluation.rules import RULES

MOST_CLASSES = 120
"""Classes, the commonest, among which a permutation is looked for."""

MOST_IMAGES = 120
"""Images, the first, among which labels of other images are looked for."""

MOST_SHOWN = 30
"""Detections of an image, the best, that are compared with other images' labels."""

FACTORS = (0.25, 1 / 3, 0.5, 2.0, 3.0, 4.0)
"""By which truth may be too small or too large as a whole."""

WRONG_SIDES = 1.35
"""Factor between a box's sides and its object's from which the sides are thought wrong."""


@dataclass(frozen=True)
class Suspicion:
    """What was tried, the AP50 that came of it, and the words for it."""

    code: str
    ap50: float
    words: str


def ap50(problem: Problem) -> float:
    """Return AP50 under COCO's rules; 0 where it is undefined."""
    matches = match(problem, RULES["coco"])
    value = mean_over_classes(class_average_precision(matches), matches.rules)
    return 0.0 if np.isnan(value) else value


def mean_ap(problem: Problem) -> float:
    """Return AP over IoU .50 to .95 under COCO's rules; 0 where it is undefined."""
    value = coco_result(problem).numbers["ap"]
    return 0.0 if np.isnan(value) else value


def suspicions(problem: Problem, sizes: Sequence[tuple[int, int]], images: Sequence[str]) -> list[Suspicion]:
    """Return what was tried, the best first. `sizes` (width, height) and names of the images are in the problem's order."""
    if not len(problem.truth_box) or not len(problem.box):
        return []
    tried = [*_boxes_read_otherwise(problem, np.asarray(sizes, np.float64)), *_sides(problem)]
    tried += [*_other_classes(problem), *_other_images(problem, images)]
    return sorted(tried, key=lambda suspicion: -suspicion.ap50)


def _boxes_read_otherwise(problem: Problem, sizes: Reals) -> Iterator[Suspicion]:
    box, of_box = problem.truth_box, sizes[problem.truth_image]  # (m, 4), (m, 2)
    whole = np.tile(of_box, 2)
    half = np.tile((box[:, 2:] - box[:, :2]) / 2, 2)
    turned = np.stack([whole[:, 0] - box[:, 2], box[:, 1], whole[:, 0] - box[:, 0], box[:, 3]], 1)
    upside = np.stack([box[:, 0], whole[:, 1] - box[:, 3], box[:, 2], whole[:, 1] - box[:, 1]], 1)
    ways: list[tuple[str, Reals, str]] = [
        ("boxes-in-fractions", box * whole, "the boxes are fractions of the image, 0 to 1, and were taken for pixels"),
        ("boxes-transposed", box[:, [1, 0, 3, 2]], "x and y of the boxes are exchanged"),
        ("boxes-mirrored", turned, "the boxes are mirrored left to right against the pictures"),
        ("boxes-mirrored", upside, "the boxes are mirrored top to bottom against the pictures"),
        ("boxes-from-centre", box - half, "the boxes' centres were taken for their top left corners"),
        ("boxes-from-corner", box + half, "the boxes' top left corners were taken for their centres"),
    ]
    words = "the boxes are in pixels of a picture {:.3g} times as large as the one that is there"
    ways += [("boxes-scaled", box * factor, words.format(1 / factor)) for factor in FACTORS]
    for code, boxes, told in ways:
        yield Suspicion(code, ap50(replace(problem, truth_box=boxes)), told)


def _sides(problem: Problem) -> Iterator[Suspicion]:
    """Try boxes scaled about their own centres by what their nearest objects say."""
    pairs = _centred_pairs(problem)
    if len(pairs) < 5:
        return
    ratio = np.median(_size(problem.box)[pairs[:, 0]] / np.maximum(_size(problem.truth_box)[pairs[:, 1]], 1e-9), axis=0)
    if max(*ratio, *(1 / ratio)) < WRONG_SIDES:
        return
    centre, half = (problem.box[:, :2] + problem.box[:, 2:]) / 2, _size(problem.box) / 2 / ratio
    value = ap50(replace(problem, box=np.concatenate([centre - half, centre + half], 1)))
    words = f"the model's boxes are {ratio[0]:.2g} times as wide and {ratio[1]:.2g} times as high as the objects they lie on"
    yield Suspicion("wrong-sides", value, words)


def _centred_pairs(problem: Problem) -> Integers:
    """Return detection and truth (p, 2) of one class whose centres nearly meet, of the best few detections of every image."""
    found = []
    centre, true = (
        (problem.box[:, :2] + problem.box[:, 2:]) / 2,
        (problem.truth_box[:, :2] + problem.truth_box[:, 2:]) / 2,
    )
    reach = np.sqrt(np.prod(_size(problem.truth_box), axis=1)) * 0.25
    for detections, truths in _by_image(problem):
        apart = np.linalg.norm(centre[detections][:, None] - true[truths][None], axis=2)
        same = problem.label[detections][:, None] == problem.truth_class[truths][None]
        first, second = np.nonzero((apart < reach[truths][None]) & same)
        found.append(np.stack([detections[first], truths[second]], 1))
    return np.concatenate([np.zeros((0, 2), np.int64), *found])


def _other_classes(problem: Problem) -> Iterator[Suspicion]:
    """Try the permutation of the classes that explains most of what lies on what."""
    pairs = overlapping(problem, 0.5, same_class=False)
    classes = len(problem.names)
    counts = np.zeros((classes, classes))  # (said, true)
    np.add.at(
        counts, (problem.label[pairs.detection], problem.truth_class[pairs.truth]), problem.score[pairs.detection]
    )
    busy = np.sort(np.argsort(-(counts.sum(0) + counts.sum(1)), kind="stable")[:MOST_CLASSES])
    part = counts[np.ix_(busy, busy)] + 1e-9 * np.eye(len(busy))  # what nothing speaks against stays as it is
    really = np.arange(classes)
    really[busy] = busy[assign(part)]
    moved = [k for k in np.flatnonzero(really != np.arange(classes)).tolist() if counts[k].sum() > 0]
    if not moved:
        return
    told = ", ".join(f"{problem.names[k]} is {problem.names[really[k]]}" for k in moved[:6])
    words = f"the classes stand in another order: what the model calls {told} in the labels"
    yield Suspicion("classes-permuted", ap50(replace(problem, label=really[problem.label])), words)


def _other_images(problem: Problem, images: Sequence[str]) -> Iterator[Suspicion]:
    """Try the labels of other images: all shifted by some, or each exchanged for the one that fits best."""
    count = min(problem.images, MOST_IMAGES)
    if count < 4:
        return
    found = _first(problem, count)
    fits = _fits(found, count)  # (images, images)
    for shift in (1, -1, 2, -2, 3, -3):
        value = ap50(replace(found, image=(found.image + shift) % count))
        step = f"{abs(shift)} image{'s' if abs(shift) > 1 else ''} {'on' if shift > 0 else 'back'}"
        words = f"the labels are shifted: what is on {images[0]} is said {step}, and so with all"
        yield Suspicion("labels-shifted", value, words)
    column = assign(fits + 1e-9 * np.eye(count))
    moved = int((column != np.arange(count)).sum())
    words = f"the labels belong to other images: {moved} of {count} fit another's picture better"
    yield Suspicion("labels-shuffled", ap50(replace(found, image=column[found.image])), words)


def _first(problem: Problem, count: int) -> Problem:
    """Return the problem of the first `count` images."""
    truth, found = problem.truth_image < count, problem.image < count
    columns = {
        name: getattr(problem, name)[truth]
        for name in ("truth_image", "truth_class", "truth_box", "difficult", "crowd")
    }
    columns |= {name: getattr(problem, name)[found] for name in ("image", "label", "box", "score")}
    return replace(problem, images=count, **columns)


def _fits(problem: Problem, count: int) -> Reals:
    """Return how well the detections of each image (row) fit the truth of each other (column): the truths' best IoUs over .5."""
    fits = np.zeros((count, count))
    shown = [detections for detections, _ in _by_image(problem)]
    edges = np.searchsorted(problem.truth_image, np.arange(count))
    for image, detections in enumerate(shown):
        if not len(detections):
            continue
        iou = _iou(problem.box[detections], problem.truth_box)  # (d, m)
        iou[problem.label[detections][:, None] != problem.truth_class[None]] = 0
        best = iou.max(axis=0) * (iou.max(axis=0) > 0.5)
        summed = np.concatenate([[0.0], np.cumsum(best)])
        fits[image] = summed[np.append(edges[1:], len(best))] - summed[edges]
    return fits


def _by_image(problem: Problem) -> Iterator[tuple[Integers, Integers]]:
    """Yield the places of the best detections, and of the truths, of every image."""
    every = np.arange(problem.images + 1)
    order = np.lexsort((-problem.score, problem.image))
    edges, truth_edges = np.searchsorted(problem.image[order], every), np.searchsorted(problem.truth_image, every)
    for image in range(problem.images):
        mine = order[edges[image] : edges[image + 1]][:MOST_SHOWN]
        yield mine, np.arange(truth_edges[image], truth_edges[image + 1])


def _size(boxes: Reals) -> Reals:
    return boxes[:, 2:] - boxes[:, :2]


def _iou(first: Reals, second: Reals) -> Reals:
    sides = np.minimum(first[:, None, 2:], second[None, :, 2:]) - np.maximum(first[:, None, :2], second[None, :, :2])
    shared = np.prod(np.maximum(sides, 0), axis=2)
    union = np.prod(_size(first), 1)[:, None] + np.prod(_size(second), 1)[None] - shared
    return np.asarray(shared / np.maximum(union, 1e-300))
