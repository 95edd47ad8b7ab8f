"""What pushes the raw outputs of a [yolo] head in Darknet's training."""

from dataclasses import dataclass

import torch
from torch import Tensor

from onelook.models.darknet.boxes import Pair, generalised_overlap, overlap, pair, slopes
from onelook.models.darknet.options import YoloOptions
from onelook.models.darknet.truths import counted_truths

_SURE = 0.25
"""A cell whose best class says less than this is never spared for overlapping a truth."""


@dataclass(frozen=True)
class Answers:
    """Cells that answer for truths, in Darknet's order: image, anchor of the mask, row, column, the truth's row; all (p,)."""

    image: Tensor
    anchor: Tensor
    row: Tensor
    column: Tensor
    truth: Tensor

    @property
    def cells(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Index of (n, a, h, w)."""
        return self.image, self.anchor, self.row, self.column

    def only(self, chosen: Tensor) -> "Answers":
        """Return those that `chosen` (p,) names."""
        return Answers(
            self.image[chosen], self.anchor[chosen], self.row[chosen], self.column[chosen], self.truth[chosen]
        )

    def and_then(self, others: "Answers") -> "Answers":
        """Return these, then the others."""
        pairs = zip((*self.cells, self.truth), (*others.cells, others.truth), strict=True)
        return Answers(*(torch.cat(each) for each in pairs))

    def first(self, shape: tuple[int, ...], last: bool = False) -> Tensor:
        """Return which answers (p,) are the first, or the last, of their cell in a grid (n, a, h, w)."""
        _, anchors, rows, columns = shape
        key = ((self.image * anchors + self.anchor) * rows + self.row) * columns + self.column
        order = torch.arange(len(key), device=key.device)
        best = torch.full((shape[0] * anchors * rows * columns,), -1 if last else len(key), device=key.device)
        best.scatter_reduce_(0, key, order, "amax" if last else "amin")
        return best[key] == order


def yolo_deltas(raw: Tensor, options: YoloOptions, truths: Tensor, size: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Return minus the gradient (n, c, h, w), summed over the images, and the head's cost.

    `truths` (m, 6) are rows of image, class, centre x, y, width, height in parts of the input of `size` (width, height).
    """
    images, _, rows, columns = raw.shape
    said = _activated(raw.view(images, len(options.mask), 5 + options.classes, rows, columns), options)
    said = said.permute(0, 1, 3, 4, 2)  # (n, a, h, w, 5 + classes)
    truths = counted_truths(truths, options.classes, options.most)
    boxes = _boxes(said, options, size)  # (n, a, h, w, 4)
    best, which = _best_overlaps(boxes, truths)  # (n, a, h, w)
    deltas = torch.zeros_like(said)
    deltas[..., 4] = _nothing_seen(said, best, options)
    near = _near(best, which, options)
    answers = _answers(truths, options, size, (rows, columns))
    _push_objectness(deltas, said, answers, near, best, truths, options)
    _push_classes(deltas, said, answers, near, best, truths, options)
    _push_boxes(deltas, said, boxes, near, truths, options, size)
    cost = _push_boxes(deltas, said, boxes, answers, truths, options, size)
    if options.iou_thresh < 1:
        _average(deltas)
    cost = cost + options.obj_normalizer * deltas[..., 4:].square().sum()
    if options.iou_loss == "mse":
        cost = deltas.square().sum()
    return deltas.permute(0, 1, 4, 2, 3).reshape(raw.shape) * options.delta_normalizer, cost


def _activated(outputs: Tensor, options: YoloOptions) -> Tensor:
    """Return what the layer gives (n, a, 5 + classes, h, w): logistic but for width and height, x and y stretched."""
    said = outputs.clone() if options.new_coords else outputs.sigmoid()
    said[:, :, 2:4] = outputs[:, :, 2:4]
    said[:, :, :2] = said[:, :, :2] * options.scale_x_y - 0.5 * (options.scale_x_y - 1)
    said[:, :, 4] = said[:, :, 4].nan_to_num(0, 0, 0)
    return said


def _boxes(said: Tensor, options: YoloOptions, size: tuple[int, int]) -> Tensor:
    """Return boxes (n, a, h, w, 4), centre and sides in parts of the input."""
    _, _, rows, columns, _ = said.shape
    column = torch.arange(columns, device=said.device)[None, :]
    row = torch.arange(rows, device=said.device)[:, None]
    anchors = _anchors(options, size, said)[list(options.mask)][:, None, None, :]  # (a, 1, 1, 2)
    sides = said[..., 2:4].square() * 4 if options.new_coords else said[..., 2:4].exp()
    centres = torch.stack([(column + said[..., 0]) / columns, (row + said[..., 1]) / rows], -1)
    return torch.cat([centres, sides * anchors], -1)


def _anchors(options: YoloOptions, size: tuple[int, int], like: Tensor) -> Tensor:
    """Return all anchors (total, 2) in parts of the input."""
    return torch.from_numpy(options.anchors).to(like) / torch.tensor(size).to(like)


def _best_overlaps(boxes: Tensor, truths: Tensor) -> tuple[Tensor, Tensor]:
    """Return each box's best IoU with a truth of its image, 0 for none, and that truth's row, -1 for none; (n, a, h, w)."""
    best = torch.zeros_like(boxes[..., 0])
    which = torch.full_like(best, -1, dtype=torch.long)
    for image in range(len(boxes)):
        rows = (truths[:, 0] == image).nonzero()[:, 0]
        if len(rows):
            flat = boxes[image].reshape(-1, 4)
            both = pair(flat.repeat_interleave(len(rows), 0), truths[rows, 2:].repeat(len(flat), 1))
            overlaps = overlap(both).nan_to_num(0).view(len(flat), len(rows))
            value, index = overlaps.max(1)
            best[image] = value.view(best[image].shape)
            which[image] = torch.where(value > 0, rows[index], -1).view(best[image].shape)
    return best, which


def _nothing_seen(said: Tensor, best: Tensor, options: YoloOptions) -> Tensor:
    """Return the push of objectness (n, a, h, w) towards 0, or towards the IoU; none for a box that overlaps a truth."""
    push = options.obj_normalizer * (0 - said[..., 4])
    sure = (said[..., 5:] > _SURE).any(-1)
    spared = sure & (best > options.ignore_thresh)
    if not options.smooth:
        return torch.where(spared, 0, push)
    towards = options.obj_normalizer * (best - said[..., 4])
    return torch.where(spared, torch.maximum(push, towards), push)


def _near(best: Tensor, which: Tensor, options: YoloOptions) -> Answers:
    """Return the cells whose boxes overlap a truth by more than truth_thresh: they answer for it as well."""
    image, anchor, row, column = (best > options.truth_thresh).nonzero(as_tuple=True)
    return Answers(image, anchor, row, column, which[image, anchor, row, column])


def _answers(truths: Tensor, options: YoloOptions, size: tuple[int, int], grid: tuple[int, int]) -> Answers:
    """Return the cells of the truths' centres, for the best anchor where it is this head's, then for those above iou_thresh."""
    anchors = _anchors(options, size, truths)  # (total, 2)
    count, total = len(truths), len(anchors)
    pairs = _centred(anchors.repeat(count, 1), truths[:, 4:6].repeat_interleave(total, 0))
    plain = overlap(pairs).view(count, total)
    numbers = torch.arange(total, device=truths.device)
    best = torch.where(plain == plain.amax(1, keepdim=True), numbers, total).amin(1, keepdim=True) if count else plain
    is_best = numbers == best  # (m, total); the first of equal ones
    if options.iou_thresh < 1:
        chosen = is_best | (_kind_of_overlap(pairs, options.iou_thresh_kind).view(count, total) > options.iou_thresh)
    else:
        chosen = is_best
    place = torch.full((total,), -1, device=truths.device)
    place[list(options.mask)] = torch.arange(len(options.mask), device=truths.device)
    truth, number = (chosen & (place >= 0)).nonzero(as_tuple=True)
    order = torch.argsort((truth * 2 + ~is_best[truth, number]) * total + number)
    truth, number = truth[order], number[order]
    column = (truths[truth, 2] * grid[1]).long().clamp(0, grid[1] - 1)
    row = (truths[truth, 3] * grid[0]).long().clamp(0, grid[0] - 1)
    return Answers(truths[truth, 0].long(), place[number], row, column, truth)


def _centred(sides: Tensor, true_sides: Tensor) -> Pair:
    """Return boxes of these widths and heights (n, 2), all around one point."""
    middle = torch.zeros_like(sides)
    return pair(torch.cat([middle, sides], 1), torch.cat([middle, true_sides], 1))


def _kind_of_overlap(pairs: Pair, kind: str) -> Tensor:
    """Return the overlap (n,) of boxes around one point; without a distance, DIoU is IoU."""
    plain = overlap(pairs)
    if kind == "giou":
        return generalised_overlap(pairs)
    if kind == "ciou":
        (width, height), (true_width, true_height) = pairs.boxes[:, 2:].unbind(1), pairs.truths[:, 2:].unbind(1)
        ratio = 4 / torch.pi**2 * (torch.atan(true_width / true_height) - torch.atan(width / height)).square()
        return plain - ratio / (1 - plain + ratio + 1e-6) * ratio
    return plain


def _weights(kinds: Tensor, options: YoloOptions) -> Tensor:
    """Return by what each truth's class counts more, (p,)."""
    if options.class_weights is None:
        return torch.ones(len(kinds), device=kinds.device)
    return torch.from_numpy(options.class_weights).to(kinds.device)[kinds]


def _push_objectness(
    deltas: Tensor,
    said: Tensor,
    answers: Answers,
    near: Answers,
    best: Tensor,
    truths: Tensor,
    options: YoloOptions,
) -> None:
    """Push objectness of the cells that answer towards 1; with `objectness_smooth` only where nothing pushes it yet."""
    wanted = best[near.cells].square() if options.smooth else 1.0
    deltas[(*near.cells, 4)] = options.obj_normalizer * (wanted - said[(*near.cells, 4)])
    counted = answers.first(best.shape, last=not options.smooth)
    weight = _weights(truths[answers.truth, 1].long(), options)
    push = weight * options.obj_normalizer * (1 - said[(*answers.cells, 4)])
    if options.smooth:
        counted &= deltas[(*answers.cells, 4)] == 0
    deltas[(*answers.only(counted).cells, 4)] = push[counted]


def _push_classes(
    deltas: Tensor,
    said: Tensor,
    answers: Answers,
    near: Answers,
    best: Tensor,
    truths: Tensor,
    options: YoloOptions,
) -> None:
    """Push the truth's class up and the others down in a cell's first answer, only its own class up in a later one."""
    together = near.and_then(answers)
    first = together.first(best.shape)
    opening, later = together.only(first), together.only(~first)
    kinds = truths[opening.truth, 1].long()
    deltas[(*opening.cells, slice(5, None))] = _class_push(said[opening.cells][:, 5:], kinds, options)
    if options.smooth:
        kinds = truths[near.truth, 1].long()
        place = (*near.cells, 5 + kinds)
        deltas[place] = (best[near.cells].square() - said[place]) * _weights(kinds, options)
    kinds = truths[later.truth, 1].long()
    place = (*later.cells, 5 + kinds)
    deltas[place] = (1 - 0.5 * options.label_smoothing - said[place]) * _weights(kinds, options)


def _class_push(said: Tensor, kinds: Tensor, options: YoloOptions) -> Tensor:
    """Return the push (p, classes) of cells that answer for truths of `kinds` (p,)."""
    rows = torch.arange(len(kinds), device=kinds.device)
    wanted = torch.zeros_like(said)
    wanted[rows, kinds] = 1
    if options.focal:
        sure = said[rows, kinds] + 1e-15
        return (wanted - said) * (0.5 * -(1 - sure) * (2 * sure * sure.log() + sure - 1))[:, None]
    push = wanted * (1 - options.label_smoothing) + 0.5 * options.label_smoothing - said
    if options.class_weights is not None:
        push[rows, kinds] *= _weights(kinds, options) * options.cls_normalizer
    return push


def _push_boxes(
    deltas: Tensor,
    said: Tensor,
    boxes: Tensor,
    answers: Answers,
    truths: Tensor,
    options: YoloOptions,
    size: tuple[int, int],
) -> Tensor:
    """Add what pushes the boxes of the cells that answer; return the mean loss of overlap times its normalizer."""
    if not len(answers.truth):
        return torch.zeros((), device=deltas.device)
    truth, cells = truths[answers.truth], said[answers.cells]
    found = boxes[answers.cells].clone()
    both = pair(found, truth[:, 2:])
    agreed = generalised_overlap(both) if options.iou_loss == "giou" else overlap(both)
    weight = options.iou_normalizer * _weights(truth[:, 1].long(), options)[:, None]
    if options.iou_loss == "mse":
        push = _squared_push(cells, truth, answers, options, size, said.shape[2:4]) * weight
    else:
        found[:, 2:][found[:, 2:] == 0] = 1
        push = slopes(pair(found, truth[:, 2:]), options.iou_loss)
        if not options.new_coords:
            push[:, 2:] *= cells[:, 2:4].exp()
        push = (push * weight).nan_to_num(0, 0, 0).clamp(-options.max_delta, options.max_delta)
    deltas[..., :4].index_put_(answers.cells, push, accumulate=True)
    return options.iou_normalizer * (1 - agreed).mean()


def _squared_push(
    cells: Tensor,
    truth: Tensor,
    answers: Answers,
    options: YoloOptions,
    size: tuple[int, int],
    grid: tuple[int, ...],
) -> Tensor:
    """Return the push (p, 4) of YOLOv3's squared error, up to twice as strong for small truths."""
    anchors = _anchors(options, size, cells)[list(options.mask)][answers.anchor]
    place = torch.stack([answers.column, answers.row], 1)
    offsets = truth[:, 2:4] * torch.tensor([grid[1], grid[0]], device=truth.device) - place
    ratio = truth[:, 4:6] / anchors
    sides = (ratio / 4).sqrt() if options.new_coords else ratio.log()
    small = 2 - truth[:, 4:5] * truth[:, 5:6]
    return small * (torch.cat([offsets, sides], 1) - cells[:, :4])


def _average(deltas: Tensor) -> None:
    """Divide what pushes a box by the number of classes that are pushed up in its cell."""
    shared = (deltas[..., 5:] > 0).sum(-1).clamp(min=1)
    deltas[..., :4] /= torch.where(deltas[..., 4] != 0, shared, 1)[..., None]
