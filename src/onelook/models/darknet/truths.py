"""Truths as Darknet's losses see them: in parts of the input, image by image, not too many."""

import torch
from torch import Tensor


def relative_truths(targets: Tensor, size: tuple[int, int]) -> Tensor:
    """Return rows (m, 6) of image, class, centre x, y, width, height in parts of the input.

    `targets` (m, 6) are rows of image, class, x1, y1, x2, y2 in pixels of the input of `size` (width, height).
    """
    unit = torch.tensor(size, device=targets.device)
    low, high = targets[:, 2:4] / unit, targets[:, 4:6] / unit
    return torch.cat([targets[:, :2], (low + high) / 2, high - low], 1)


def counted_truths(truths: Tensor, classes: int, most: int) -> Tensor:
    """Return the rows that count, by image: of the first `most` of each those with a known class and an area."""
    truths = truths[torch.argsort(truths[:, 0], stable=True)]
    image = truths[:, 0].contiguous()
    earlier = torch.arange(len(image), device=image.device) - torch.searchsorted(image, image)
    known = (truths[:, 1] >= 0) & (truths[:, 1] < classes) & (truths[:, 4:6] > 0).all(1)
    return truths[known & (earlier < most)]
