"""Several processes, on one machine or many, that train one network together, as torchrun starts them.

Every rank takes its own micro-batches of every step, the gradients are averaged, and all take the same step: what one process does
with the micro-batches one after another. Averaging is one exchange after the last micro-batch, not hooks during the pass, so
that whatever a rank finds (a number that is not finite, a signal, a lack of memory) is agreed upon before anything changes.
"""

import gc
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
from torch import Tensor, distributed

from onelook.structures.errors import UserError
from onelook.training.survival.departure import is_rank

Value = TypeVar("Value")

PATIENCE = timedelta(hours=6)
"""How long ranks wait for the first, which alone evaluates and saves; torchrun ends them all when one has died."""

_BUCKET = 16 * 1024**2
"""Numbers that are exchanged at a time."""


class RankLostError(UserError):
    """Another process of the training ended, so this one has nobody to go on with."""


@dataclass(frozen=True)
class Ranks:
    """This process's number among `size`, and on its machine, `local` of `local_size`. One alone exchanges nothing."""

    rank: int = 0
    size: int = 1
    local: int = 0
    local_size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes, prints and evaluates."""
        return self.rank == 0

    def device(self) -> torch.device:
        """Return what this rank computes on: its own GPU, or the CPU where there is none."""
        return torch.device("cuda", self.local) if torch.cuda.is_available() else torch.device("cpu")

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Replace every tensor by its mean over all ranks; all get the same bits."""
        if self.size == 1 or not tensors:
            return
        with _lost_rank_told():
            for bucket in _buckets(tensors):
                flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
                distributed.all_reduce(flat)
                flat /= self.size
                parts = flat.split([tensor.numel() for tensor in bucket])
                for tensor, part in zip(bucket, parts, strict=True):
                    tensor.copy_(part.view_as(tensor))

    def any(self, wished: bool, device: torch.device) -> bool:
        """Return whether it is wished by one of the ranks or more."""
        if self.size == 1:
            return wished
        flag = torch.tensor([float(wished)], device=device)
        with _lost_rank_told():
            distributed.all_reduce(flag, distributed.ReduceOp.MAX)
        return bool(flag.item())

    def gather(self, value: Value) -> list[Value]:
        """Return every rank's value, which must be one that can be pickled, in their order."""
        values: list[Value] = [value] * self.size
        if self.size > 1:
            with _lost_rank_told():
                distributed.all_gather_object(values, value)
        return values

    def of_first(self, value: Value) -> Value:
        """Return the first rank's value, which must be one that can be pickled, on every rank."""
        box = [value]
        if self.size > 1:
            with _lost_rank_told():
                distributed.broadcast_object_list(box, 0)
        return box[0]


ALONE = Ranks()


@contextmanager
def joined() -> Iterator[Ranks]:
    """Meet the other processes that torchrun started, for as long as the context lasts; without torchrun, be alone."""
    if not is_rank() or distributed.is_initialized():
        yield ALONE
        return
    numbers = (int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE"))
    ranks = Ranks(*numbers)
    if torch.cuda.is_available():
        torch.cuda.set_device(ranks.local)
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo", timeout=PATIENCE)
    try:
        yield ranks
        with _lost_rank_told():
            distributed.barrier()  # nobody goes while another still talks
    finally:
        gc.collect()  # what holds on to an exchange keeps the group's threads
        distributed.destroy_process_group()


@contextmanager
def _lost_rank_told() -> Iterator[None]:
    """Turn what torch raises when another process is gone into one line; that process tells its own cause."""
    try:
        yield
    except RuntimeError as error:
        raise RankLostError(f"another process of the training ended: {str(error).partition(chr(10))[0]}") from None


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    bucket: list[Tensor] = []
    held = 0
    for tensor in tensors:
        if bucket and held + tensor.numel() > _BUCKET:
            yield bucket
            bucket, held = [], 0
        bucket.append(tensor)
        held += tensor.numel()
    yield bucket
