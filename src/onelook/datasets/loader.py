"""Batches of pictures for a network, made in this process or by workers; the one part of this room that needs torch.

Training positions form an endless stream: position p is picture permutation(seed, p // n)[p % n], its augmentation is drawn
from (seed, p), and batch k holds the positions from k * batch on. So a batch depends on its number alone: resuming needs no
more than that, and the number of workers changes nothing.
"""

import signal
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from onelook.datasets.augment import AugmentSettings, Sample, compose
from onelook.datasets.dataset import Dataset
from onelook.structures.errors import FormatError, UserError
from onelook.structures.images import read_image
from onelook.structures.letterbox import Fit, Image, cut, fit, place

CACHED_BYTES = 512 * 1024**2
"""Memory for decoded photographs, all workers together; the first ones met are kept, as every epoch meets all of them."""

_ORDER, _AUGMENT = 0, 1
"""What a generator seeded with (seed, this, number) is for."""


@dataclass(frozen=True)
class BatchPlan:
    """What one batch is to be like: the input's size (width, height), and whether mosaics are made."""

    size: tuple[int, int]
    mosaic: bool


@dataclass(frozen=True)
class Batch:
    """Images (n, 3, h, w) uint8 RGB in channels_last memory; targets (m, k); indices (n,) of the photographs.

    The rows of `targets` are float32: image in the batch, class, and what is drawn with it, for boxes x1, y1, x2, y2 in pixels
    of the input. `sources` are for each image all photographs that it was made of, when it may be more than one.
    """

    images: Tensor
    targets: Tensor
    indices: Tensor
    sources: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True)
class EvalBatch:
    """Images (n, 3, h, w) uint8 RGB, how each was fitted into the input, and which photograph it is."""

    images: Tensor
    fits: list[Fit]
    indices: list[int]


@dataclass(frozen=True)
class _Failure:
    """A user's mistake met in a worker; told in the parent process as what it is, not as the worker's traceback."""

    message: str
    photograph: int | None = None


class PictureError(FormatError):
    """A training picture that cannot be decoded: its number in the data set."""

    def __init__(self, message: str, photograph: int) -> None:
        super().__init__(message)
        self.photograph = photograph

    def __reduce__(self) -> tuple[type["PictureError"], tuple[str, int]]:
        return type(self), (str(self), self.photograph)


def train_batches(
    dataset: Dataset,
    settings: AugmentSettings,
    plan: Callable[[int], BatchPlan],
    batch: int,
    seed: int,
    workers: int,
    start: int,
    stop: int,
    quarantine: Collection[int] = (),
    draw: "Draw | None" = None,
    every: int = 1,
) -> Generator[Batch, None, None]:
    """Yield training batches number `start` to `stop` - 1, or every so-many-th; `plan` tells of each number what it is like.

    `draw` makes a picture and what is true of it, by default `draw_boxes`. It and `plan` are sent to the workers, so they must
    be picklable. Of photographs in `quarantine`, the next one that is not takes the place. Raises PictureError, a FormatError,
    for a picture that cannot be decoded, UserError for a data set without images.
    """
    if not len(dataset):
        raise UserError(f"{dataset.root}: expected images to train on, got none")
    if len(dataset) <= len(set(quarantine)):
        raise UserError(f"{dataset.root}: expected images to train on, got {len(dataset)}, all of them in quarantine")
    photographs = Photographs(dataset, CACHED_BYTES // max(1, workers), frozenset(quarantine))
    maker = _TrainBatches(photographs, settings, plan, batch, seed, draw or draw_boxes)
    yield from _made(maker, range(start, stop, every), workers)


def eval_batches(
    dataset: Dataset, size: tuple[int, int], letterbox: bool, batch: int, workers: int, middle: bool = False
) -> Iterator[EvalBatch]:
    """Yield every image once, in order, fitted into `size` (width, height); the last batch may be smaller.

    `middle` cuts it out, in the place of `letterbox`.

    Raises FormatError naming a picture that cannot be decoded. An empty data set yields nothing.
    """
    maker = _EvalBatches(dataset, size, letterbox, batch, middle)
    yield from _made(maker, range(-(-len(dataset) // batch)), workers)


def stream_index(seed: int, count: int, position: int) -> int:
    """Return which of `count` photographs is at a position of the endless stream."""
    return int(_permutation(seed, count, position // count)[position % count])


def _permutation(seed: int, count: int, epoch: int) -> NDArray[np.int64]:
    return np.random.default_rng((seed, _ORDER, epoch)).permutation(count)


class _TrainBatches(TorchDataset[Any]):
    """Makes training batch number k."""

    def __init__(
        self,
        photographs: "Photographs",
        settings: AugmentSettings,
        plan: Callable[[int], BatchPlan],
        batch: int,
        seed: int,
        draw: "Draw",
    ) -> None:
        self.dataset, self.settings, self.plan, self.batch, self.seed = photographs.dataset, settings, plan, batch, seed
        self.photographs, self.draw = photographs, draw
        self._epoch: tuple[int, NDArray[np.int64]] | None = None

    def __getitem__(self, number: int) -> Batch | _Failure:
        plan = self.plan(number)
        width, height = plan.size
        images = np.empty((self.batch, height, width, 3), np.uint8)
        targets, indices, sources = [], [], []
        self.photographs.used = []
        try:
            for row in range(self.batch):
                position = number * self.batch + row
                rng = np.random.default_rng((self.seed, _AUGMENT, position))
                images[row], true = self.draw(self.photographs, self._index(position), plan, self.settings, rng)
                sources.append(tuple(self.photographs.used))
                index = self.photographs.used[0]
                self.photographs.used.clear()
                targets.append(np.insert(true, 0, row, axis=1))  # (m, 1 + k)
                indices.append(index)
        except UserError as error:
            return _Failure(str(error), self.photographs.used[-1] if self.photographs.used else None)
        joined = torch.from_numpy(np.concatenate(targets))
        return Batch(_as_tensor(images), joined, torch.tensor(indices), tuple(sources))

    def _index(self, position: int) -> int:
        epoch, place = divmod(position, len(self.dataset))
        if self._epoch is None or self._epoch[0] != epoch:
            self._epoch = epoch, _permutation(self.seed, len(self.dataset), epoch)
        return int(self._epoch[1][place])


class _EvalBatches(TorchDataset[Any]):
    """Makes evaluation batch number k."""

    def __init__(self, dataset: Dataset, size: tuple[int, int], letterbox: bool, batch: int, middle: bool) -> None:
        self.dataset, self.size, self.letterbox, self.batch, self.middle = dataset, size, letterbox, batch, middle

    def __getitem__(self, number: int) -> EvalBatch | _Failure:
        indices = list(range(number * self.batch, min((number + 1) * self.batch, len(self.dataset))))
        images = np.empty((len(indices), self.size[1], self.size[0], 3), np.uint8)
        fits = []
        try:
            for row, index in enumerate(indices):
                image = read_image(self.dataset.paths[index])
                shown = (image.shape[1], image.shape[0])
                how = cut(shown, self.size) if self.middle else fit(shown, self.size, self.letterbox)
                images[row] = place(image, how, self.size)
                fits.append(how)
        except UserError as error:
            return _Failure(str(error))
        return EvalBatch(_as_tensor(images), fits, indices)


class Photographs:
    """Decodes photographs, and keeps the first ones that fit into a number of bytes; `used` lists those asked for."""

    def __init__(self, dataset: Dataset, cached_bytes: int, quarantine: frozenset[int]) -> None:
        self.dataset, self.room, self.quarantine = dataset, cached_bytes, quarantine
        self.used: list[int] = []
        self._kept: dict[int, Image] = {}

    def sample(self, index: int) -> Sample:
        """Return photograph `index`, or the next that is not in quarantine, with its boxes, those of crowds left out."""
        index = self._shown(index)
        truth = self.dataset.truth(index)
        wanted = ~truth.crowd if truth.crowd is not None else slice(None)
        return Sample(self._image(index), truth.boxes[wanted], truth.classes[wanted])

    def classified(self, index: int) -> tuple[Image, int]:
        """Return photograph `index`, or the next that is not in quarantine, and its class as a whole."""
        index = self._shown(index)
        return self._image(index), int(self.dataset.labels[index])

    def _shown(self, index: int) -> int:
        while index in self.quarantine:
            index = (index + 1) % len(self.dataset)
        self.used.append(index)
        return index

    def _image(self, index: int) -> Image:
        image = self._kept.get(index)
        if image is None:
            image = read_image(self.dataset.paths[index])
            if image.nbytes <= self.room:
                self._kept[index] = image
                self.room -= image.nbytes
        return image


Draw = Callable[[Photographs, int, BatchPlan, AugmentSettings, np.random.Generator], tuple[Image, NDArray[np.float32]]]
"""Gives the training picture of a photograph, and rows (m, k) of what is true of it, the class first."""


def draw_boxes(
    photographs: Photographs, index: int, plan: BatchPlan, settings: AugmentSettings, rng: np.random.Generator
) -> tuple[Image, NDArray[np.float32]]:
    """Return a picture of the plan's size and its boxes (m, 5): class, x1, y1, x2, y2 in its pixels; crowds are left out."""
    count = len(photographs.dataset)
    sample = compose(photographs.sample, index, count, plan.size, plan.mosaic, settings, rng)
    return sample.image, np.concatenate([sample.classes[:, None], sample.boxes], axis=1, dtype=np.float32)


def _as_tensor(images: Image) -> Tensor:
    """Return pictures (n, h, w, 3) as (n, 3, h, w) without copying: channels_last memory."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)


def _made(maker: TorchDataset[Any], numbers: range, workers: int) -> Iterator[Any]:
    """Yield what `maker` makes of each number, in order; raise FormatError for what failed, UserError for a dead worker."""
    cv2.setNumThreads(0)
    own = torch.Generator()  # or else each pass would draw from the generator that training is seeded with
    loader = DataLoader(
        maker, batch_size=None, sampler=numbers, num_workers=workers, worker_init_fn=_begin_worker, generator=own
    )
    with _signals_held():
        batches = iter(loader)
    try:
        while True:
            with lost_workers_told(workers):
                made = next(batches, None)
            if made is None:
                return
            if isinstance(made, _Failure):
                if made.photograph is not None:
                    raise PictureError(made.message, made.photograph)
                raise FormatError(made.message)
            yield made
    finally:
        del batches  # ends the workers now; at the interpreter's end they would be waited for in vain


@contextmanager
def lost_workers_told(workers: int) -> Iterator[None]:
    """Turn what torch raises when a worker was killed into a UserError; it may come up anywhere, from a signal handler."""
    try:
        yield
    except (RuntimeError, ConnectionError, EOFError) as error:  # the latter when it died while it handed a batch over
        if not workers or (isinstance(error, RuntimeError) and "DataLoader worker" not in str(error)):
            raise
        raise UserError(
            f"workers={workers}: expected workers that live, got one that was killed, as when memory or /dev/shm is full; "
            "take fewer, or workers=0"
        ) from None


@contextmanager
def _signals_held() -> Iterator[None]:
    """Keep Ctrl-C and SIGTERM waiting while workers are forked: one that has not begun yet would die of them."""
    held = {signal.SIGINT, signal.SIGTERM}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, held)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker(_: int) -> None:
    """Leave Ctrl-C and SIGTERM to the parent, which saves and then ends its workers, and threads to the number of workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    cv2.setNumThreads(0)
