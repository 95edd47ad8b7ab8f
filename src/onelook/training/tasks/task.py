"""What the engine asks of a kind of training; train, session and loop know neither detectors nor classifiers.

`detection.py` says how a detector is fed, judged and written, and another kind says the same in a file of its own.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from onelook.datasets.dataset import Dataset
from onelook.datasets.loader import Batch
from onelook.evaluation.classification import ClassEvaluation
from onelook.evaluation.evaluation import Evaluation
from onelook.structures.bundle import BundleSettings
from onelook.structures.network.cfg import Section
from onelook.training.forecast.contradictions import SGD_RATE
from onelook.training.run import Run
from onelook.training.settings import TrainSettings

Say = Callable[[str], None]


@dataclass(frozen=True)
class StepLoad:
    """Steps of one `kind` cost in proportion to the `pixels` of their input."""

    kind: str
    pixels: int


@dataclass(frozen=True)
class Validation:
    """One evaluation of a run's validation split, as the engine needs it."""

    score: float
    """By which the best model of the run is chosen, 0 to 1."""
    words: Mapping[str, Any]
    """What the metrics' line says."""
    metrics: Mapping[str, Any]
    """What the bundle says of itself."""
    told: str
    """The numbers in a few words for the terminal."""
    collapsed: str = ""
    """`nothing detected` and the like, when the answers are the same whatever the picture; the guard tells of it."""
    samples: Sequence[Mapping[str, Any]] = ()
    """What was seen on a few of its pictures, as samples.jsonl has it."""


@dataclass(frozen=True)
class Task(ABC):
    """A network, its data and settings, brought together; `told` are the lines that say what was derived.

    The network gives losses by name for (images, targets) while it trains.
    """

    network: nn.Module
    train: Dataset
    val: Dataset
    test: Dataset | None
    settings: TrainSettings
    told: tuple[str, ...]

    @property
    @abstractmethod
    def net(self) -> Section:
        """The `[net]` section that the darknet recipe takes its rates from."""

    @property
    @abstractmethod
    def score_name(self) -> str:
        """What `Validation.score` is called, such as AP."""

    @property
    def sgd_rate(self) -> float:
        """The learning rate that is usual for SGD at a batch of 64."""
        return SGD_RATE

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Return what a resuming run needs, beside the state, to build the network again (JSON values)."""

    @abstractmethod
    def batches(self, numbers: range, parts: int, quarantine: Collection[int]) -> Generator[Batch, None, None]:
        """Yield the micro-batches of these numbers; step s, counted from 0, has those from s * `parts` on.

        Training photographs whose number is in `quarantine` are not shown.
        """

    def chance(self) -> dict[str, float]:
        """Return by the name of a loss what it is for an answer that knows nothing, where there is such a number."""
        return {}

    def load(self, step: int) -> StepLoad:
        """Return what work step number `step`, counted from 0, is, by which a forecast tells cheap steps from dear ones."""
        assert 0 <= step < (self.settings.max_batches or 0) and self.settings.width and self.settings.height
        return StepLoad("", self.settings.width * self.settings.height)

    def watch(self, wanted: bool) -> None:
        """Let the network's next training pass leave the figures of its heads behind, where it knows how to, or not."""
        self.network.watched = wanted  # type: ignore[assignment]  # a plain attribute, no module

    def figures(self) -> list[Mapping[str, Any]]:
        """Return a row of figures for each head, of the last training pass that was watched; a network without heads has none."""
        return list(getattr(self.network, "figures", ()))

    @abstractmethod
    def count_seen(self, images: int) -> None:
        """Take note of how many images the network was trained on before this process began."""

    @abstractmethod
    def validate(self, network: nn.Module, device: torch.device) -> Validation:
        """Return what `network`, a copy of the task's with other weights, is worth on the validation split."""

    @abstractmethod
    def write_model(self, folder: Path, network: nn.Module, metrics: Mapping[str, Any]) -> None:
        """Write `network` as a bundle in place of an older one; `metrics` say at which `step` it was taken."""

    def described(self, metrics: Mapping[str, Any]) -> BundleSettings:
        """Return what the bundle says of its input and data, and how many images it has seen, as Darknet's header counts them."""
        settings = self.settings
        assert settings.width and settings.height
        seen = int(metrics.get("step", 0)) * (settings.batch or 0)
        return BundleSettings(
            settings.width, settings.height, settings.resize, trained_on=self.train.digest(), seen=seen
        )

    @abstractmethod
    def prove(self, run: Run, about: Mapping[str, Any], device: torch.device, say: Say) -> Evaluation | ClassEvaluation:
        """Return the validation's evaluation of the run's best model; write what the run's report is made of, and the report."""

    def splits(self) -> dict[str, Dataset]:
        """Return the data's parts by name; `test` only where there is one."""
        return {"train": self.train, "val": self.val, **({"test": self.test} if self.test else {})}

    def data_facts(self) -> dict[str, Any]:
        """Return the data in a few numbers, by which a resuming run says what has changed (JSON values)."""
        counts = {name: len(split) for name, split in self.splits().items()}
        boxes = {f"boxes of {name}": len(split.boxes) for name, split in self.splits().items()}
        return {"classes": list(self.train.names), **counts, **boxes}

    def digests(self) -> dict[str, str]:
        """Return the digests of the data trained and chosen on, which a resuming run compares."""
        return {"train": self.train.digest(), "val": self.val.digest()}
