"""Whether the network can learn a few images by heart: what cannot is broken, not short of training."""

import copy
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn

from onelook.datasets.augment import AugmentSettings
from onelook.datasets.dataset import Dataset
from onelook.datasets.loader import BatchPlan, train_batches
from onelook.models.network import Network

STEPS, IMAGES, RATE = 30, 4, 1e-3

_AS_IT_IS = {"flip": 0.0, "hue": 0.0, "saturation": 1.0, "exposure": 1.0, "scale": 1.0, "aspect": 1.0, "translate": 0.0}


@dataclass(frozen=True)
class Learnt:
    """The loss on one batch before and after a few steps on nothing else."""

    before: float
    after: float

    @property
    def passed(self) -> bool:
        """Whether the loss fell by a fifth, or is low; what is not a number never passes."""
        return self.after < 0.8 * self.before or self.after < 0.5


def learn_one_batch(
    network: Network, dataset: Dataset, size: tuple[int, int], letterbox: bool, steps: int = STEPS
) -> Learnt:
    """Return what a copy of the network learns of up to IMAGES images with boxes, without augmentation."""
    torch.manual_seed(0)
    chosen = [index for index in range(len(dataset)) if dataset.offsets[index + 1] > dataset.offsets[index]][:IMAGES]
    settings = AugmentSettings(letterbox=letterbox, mosaic=0.0, mixup=0.0, **_AS_IT_IS)
    plan = partial(_plan, size)
    batch = next(train_batches(dataset.select(chosen), settings, plan, len(chosen), 0, 0, 0, 1))
    device = next(network.parameters()).device
    return learn_by_heart(copy.deepcopy(network), batch.images.to(device), batch.targets.to(device), steps)


def learn_by_heart(pupil: nn.Module, images: Tensor, targets: Tensor, steps: int = STEPS) -> Learnt:
    """Return what `pupil`, whose weights are changed, learns of a batch it is shown again and again."""
    pupil.train().requires_grad_(True)
    optimizer = torch.optim.Adam(pupil.parameters(), RATE)
    losses = []
    for _ in range(steps):
        total: Tensor = torch.stack(list(pupil(images, targets).values())).sum()
        losses.append(total.item())
        if not torch.isfinite(total):
            break
        optimizer.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(pupil.parameters(), 10.0)
        optimizer.step()
    return Learnt(losses[0], losses[-1])


def _plan(size: tuple[int, int], _: int) -> BatchPlan:
    return BatchPlan(size, False)
