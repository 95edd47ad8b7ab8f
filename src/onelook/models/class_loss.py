"""The loss of a classifier: cross entropy against the shares of each image's classes. Auxiliary heads as in arXiv 1409.4842."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from onelook.models.loss_settings import LossSettings


def class_losses(logits: Sequence[Tensor], targets: Tensor, settings: LossSettings) -> dict[str, Tensor]:
    """Return the losses `class` and, for what stands behind the main logits, `auxiliary1`, `auxiliary2`...

    `logits` are (n, c) each, the main ones first; `targets` (m, 3) rows of image, class, share, the shares of an image with the
    sum 1. `label_smoothing` of every image's share is spread over all classes, `auxiliary_weight` is the factor of the heads
    behind the first.
    """
    wanted = spread(targets.to(logits[0].device), logits[0].shape, settings.label_smoothing)
    losses = {"class": functional.cross_entropy(logits[0], wanted)}
    for number, each in enumerate(logits[1:], start=1):
        losses[f"auxiliary{number}"] = settings.auxiliary_weight * functional.cross_entropy(each, wanted)
    return losses


def spread(targets: Tensor, shape: torch.Size, smoothing: float) -> Tensor:
    """Return what a network should say (n, c): the shares of `targets`, and of all classes alike the part `smoothing`."""
    wanted = torch.zeros(shape, device=targets.device)
    wanted.index_put_((targets[:, 0].long(), targets[:, 1].long()), targets[:, 2], accumulate=True)
    return wanted if not smoothing else wanted * (1 - smoothing) + smoothing / shape[1]
