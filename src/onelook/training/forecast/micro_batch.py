"""Into how many parts a batch is cut so that a step fits into memory; the batch that the optimizer sees stays the same."""

import copy
import dataclasses

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks

from onelook.structures.errors import UserError
from onelook.training.forecast.process_memory import available_memory
from onelook.training.ranks import ALONE, Ranks
from onelook.training.tasks.task import Task

WORKSPACE = 2.0
"""What a step takes at its peak beside what it keeps for the backward pass: gradients on their way, and room to compute in;
1.8 was measured on Tiny-YOLOv3 at 416."""

ALWAYS = 500 * 10**6
"""Bytes of the program itself, and of its batches on their way."""

ROOM = 0.8
"""Share of the memory at hand that a step may take."""


BatchNorm = nn.modules.batchnorm._BatchNorm


def kept_bytes(task: Task, images: int) -> int:
    """Return the bytes that a forward pass of `images` training images at the run's largest input keeps for the backward pass.

    Computed on a copy of the network, whose weights and statistics stay what they are.
    """
    seen: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        seen[storage.data_ptr()] = storage.nbytes()
        return tensor

    network = copy.deepcopy(task.network).train()
    for module in network.modules():
        if isinstance(module, BatchNorm):
            module.eval()  # a single image of 1 x 1 has no statistics, and what is kept is the same
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    with saved_tensors_hooks(keep, lambda tensor: tensor):
        pixels, losses = _pass(task, network, images)
    del losses
    kept = sum(count for place, count in seen.items() if place not in weights)
    return int(kept * _largest(task) / pixels)


def _pass(task: Task, network: nn.Module, images: int) -> tuple[int, dict[str, Tensor]]:
    """Return the pixels of an input of the task's and the losses of a batch of so many images."""
    settings = dataclasses.replace(task.settings, batch=images, subdivisions=1, workers=0)
    batches = dataclasses.replace(task, settings=settings).batches(range(1), 1, ())
    batch = next(batches)
    batches.close()
    device = next(network.parameters()).device
    with torch.random.fork_rng():
        losses = network(batch.images.to(device), batch.targets.to(device))
    return batch.images.shape[2] * batch.images.shape[3], losses


def refuse_lone_numbers(task: Task, parts: int) -> None:
    """Raise UserError where batch normalisation would see a single number of a channel: one image at a time, shrunk to 1 x 1."""
    batch = task.settings.batch or 1
    if batch > parts:
        return
    try:
        _pass(task, copy.deepcopy(task.network).train(), 1)
    except ValueError as error:
        if "more than 1 value per channel" not in str(error):
            raise
        raise UserError(
            f"batch={batch}, subdivisions={parts}: expected two images at a time or more, got one, of which batch normalisation "
            "has a single number a channel; take a larger `batch`, fewer `subdivisions`, or a larger `width` and `height`"
        ) from None


def step_bytes(task: Task) -> tuple[int, int]:
    """Return what a step takes whatever its batch, and what one image in a micro-batch takes, from micro-batches of 1 and 2."""
    one, two = kept_bytes(task, 1), kept_bytes(task, 2)
    an_image = max(two - one, one // 2)
    weights = sum(parameter.nbytes for parameter in task.network.parameters())
    return ALWAYS + 4 * weights + max(0, one - an_image), int(
        WORKSPACE * an_image
    )  # gradients, two moments, moving average


def fitting_subdivisions(task: Task, memory: int | None = None, ranks: Ranks = ALONE) -> tuple[int, str]:
    """Return the fewest parts, at least the settings', of which each fits into memory, and a line that says why when more.

    `memory` are the bytes at hand, by default what the device has left, of a CPU's this process's share. Every rank takes as
    many parts.
    """
    batch, wanted = task.settings.batch or 1, task.settings.subdivisions or 1
    memory = _at_hand(ranks) if memory is None else memory
    always, an_image = step_bytes(task)
    fits = [
        parts
        for parts in range(wanted, batch + 1)
        if batch % parts == 0 and parts % ranks.size == 0 and always + an_image * (batch // parts) <= ROOM * memory
    ]
    parts = fits[0] if fits else batch
    if parts == wanted:
        return wanted, ""
    needed, now = (always + an_image * (batch // each) for each in (wanted, parts))
    told = (
        f"subdivisions: {wanted} -> {parts}: a step of {batch // wanted} images at once would take {needed / 1e9:.1f} GB of "
        f"{memory / 1e9:.1f} GB, one of {batch // parts} takes {now / 1e9:.1f} GB; the batch stays {batch}"
    )
    return parts, told


def _at_hand(ranks: Ranks) -> int:
    return torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else available_memory() // ranks.local_size


def _largest(task: Task) -> int:
    """Return the pixels of the run's largest input."""
    total = task.settings.max_batches or 1
    return max(task.load(step).pixels for step in range(0, total, max(1, total // 200)))
