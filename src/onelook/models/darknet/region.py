"""What pushes the raw outputs of a [region] head in Darknet's training."""

import torch
from torch import Tensor

from onelook.models.darknet.boxes import overlap, pair
from onelook.models.darknet.options import RegionOptions
from onelook.models.darknet.truths import counted_truths

_PRIOR_IMAGES = 12800
"""While fewer images were seen, every box is drawn a little towards its anchor in the middle of its cell."""
_PRIOR = 0.01


def region_deltas(raw: Tensor, options: RegionOptions, truths: Tensor, seen: int) -> tuple[Tensor, Tensor]:
    """Return minus the gradient (n, c, h, w), summed over the images, and the head's cost.

    `truths` (m, 6) are rows of image, class, centre x, y, width, height in parts of the input.
    """
    images, _, rows, columns = raw.shape
    said = raw.view(images, len(options.anchors), 5 + options.classes, rows, columns).permute(0, 1, 3, 4, 2).clone()
    said[..., [0, 1, 4]] = said[..., [0, 1, 4]].sigmoid()
    if options.softmax:
        said[..., 5:] = said[..., 5:].softmax(-1)
    truths = counted_truths(truths, options.classes, options.most)
    boxes = _boxes(said, options)  # (n, a, h, w, 4)
    deltas = torch.zeros_like(said)
    deltas[..., 4] = options.noobject_scale * -said[..., 4] * _slope(said[..., 4])
    deltas[..., 4][_best_overlaps(boxes, truths) > options.thresh] = 0
    if seen < _PRIOR_IMAGES:
        deltas[..., :2] = _PRIOR * (0.5 - said[..., :2]) * _slope(said[..., :2])
        deltas[..., 2:4] = _PRIOR * -said[..., 2:4]
    if len(truths):
        _push_answers(deltas, said, boxes, truths, options)
    return deltas.permute(0, 1, 4, 2, 3).reshape(raw.shape), deltas.square().sum()


def _slope(said: Tensor) -> Tensor:
    """Return the logistic function's slope where it gives `said`."""
    return said * (1 - said)


def _boxes(said: Tensor, options: RegionOptions) -> Tensor:
    """Return boxes (n, a, h, w, 4), centre and sides in parts of the input."""
    _, _, rows, columns, _ = said.shape
    column = torch.arange(columns, device=said.device)[None, :]
    row = torch.arange(rows, device=said.device)[:, None]
    grid = torch.tensor([columns, rows], device=said.device)
    anchors = torch.from_numpy(options.anchors).to(said)[:, None, None, :] / grid  # (a, 1, 1, 2)
    centres = torch.stack([(column + said[..., 0]) / columns, (row + said[..., 1]) / rows], -1)
    return torch.cat([centres, said[..., 2:4].exp() * anchors], -1)


def _best_overlaps(boxes: Tensor, truths: Tensor) -> Tensor:
    """Return each box's best IoU with a truth of its image, 0 for none, (n, a, h, w)."""
    best = torch.zeros_like(boxes[..., 0])
    for image in range(len(boxes)):
        own = truths[truths[:, 0] == image, 2:]
        if len(own):
            flat = boxes[image].reshape(-1, 4)
            both = pair(flat.repeat_interleave(len(own), 0), own.repeat(len(flat), 1))
            best[image] = overlap(both).nan_to_num(0).view(len(flat), len(own)).amax(1).view(best[image].shape)
    return best


def _push_answers(deltas: Tensor, said: Tensor, boxes: Tensor, truths: Tensor, options: RegionOptions) -> None:
    """Push the cells of the truths' centres, with the anchor that fits best; of several truths in one the last counts."""
    _, _, rows, columns, _ = said.shape
    grid = torch.tensor([columns, rows], device=said.device)
    centres = truths[:, 2:4] * grid
    column, row = centres[:, 0].long().clamp(0, columns - 1), centres[:, 1].long().clamp(0, rows - 1)
    image = truths[:, 0].long()
    anchors = torch.from_numpy(options.anchors).to(said)
    sides = (anchors / grid).expand(len(truths), -1, -1) if options.bias_match else boxes[image, :, row, column, 2:]
    anchor = _fitting(sides, truths[:, 4:6])
    last = _last_of_cell(torch.stack([image, anchor, row, column], 1))
    truths, place = truths[last], tuple(index[last] for index in (image, anchor, row, column))
    cells = said[place]
    agreed = overlap(pair(boxes[place], truths[:, 2:]))
    offsets = centres[last] - torch.stack([place[3], place[2]], 1)
    wanted_sides = (truths[:, 4:6] * grid / anchors[place[1]]).log()
    push = torch.empty_like(cells)
    push[:, :2] = options.coord_scale * (offsets - cells[:, :2]) * _slope(cells[:, :2])
    push[:, 2:4] = options.coord_scale * (wanted_sides - cells[:, 2:4])
    wanted = agreed if options.rescore else torch.ones_like(agreed)
    push[:, 4] = options.object_scale * (wanted - cells[:, 4]) * _slope(cells[:, 4])
    push[:, 5:] = options.class_scale * _class_push(cells[:, 5:], truths[:, 1].long(), options.focal)
    deltas[place] = push


def _fitting(sides: Tensor, true_sides: Tensor) -> Tensor:
    """Return which of the widths and heights (m, a, 2) overlaps each truth's (m, 2) most, the first of equal ones, (m,)."""
    count, anchors, _ = sides.shape
    middle = torch.zeros(count * anchors, 2, device=sides.device)
    found = torch.cat([middle, sides.reshape(-1, 2)], 1)
    truth = torch.cat([middle, true_sides.repeat_interleave(anchors, 0)], 1)
    plain = overlap(pair(found, truth)).view(count, anchors)
    numbers = torch.arange(anchors, device=sides.device)
    return torch.where(plain == plain.amax(1, keepdim=True), numbers, anchors - 1).amin(1)


def _last_of_cell(cells: Tensor) -> Tensor:
    """Return the positions of those rows (m, 4) after which no equal one comes."""
    _, key = cells.unique(dim=0, return_inverse=True)
    order = torch.arange(len(key), device=key.device)
    last = torch.zeros(int(key.max()) + 1, dtype=torch.long, device=key.device).scatter_reduce_(0, key, order, "amax")
    return last.sort().values


def _class_push(said: Tensor, kinds: Tensor, focal: bool) -> Tensor:
    """Return the push (p, classes) of cells that answer for truths of `kinds` (p,)."""
    rows = torch.arange(len(kinds), device=kinds.device)
    wanted = torch.zeros_like(said)
    wanted[rows, kinds] = 1
    if not focal:
        return wanted - said
    sure = said[rows, kinds] + 1e-15
    return (wanted - said) * (0.5 * -(1 - sure) * (2 * sure * sure.log() + sure - 1))[:, None]
