"""What is to be explained: a model, images on which it does badly, and what is known of its training."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onelook.datasets.dataset import Dataset
from onelook.evaluation.problem import Problem, lay_out
from onelook.evaluation.suspicions import ap50, mean_ap
from onelook.models.network import Network
from onelook.models.transfer import read_pretrained, transfer
from onelook.structures.bundle import Arrays, Bundle
from onelook.structures.classes import class_map
from onelook.structures.detections import Detections
from onelook.structures.errors import UserError
from onelook.structures.renaming import renamed
from onelook.training.report.facts import read_report_facts
from onelook.training.tasks.validation import View, look, truths

MOST_IMAGES = 64
"""Images that are looked at, the first ones: neighbours stay neighbours, by which shifted labels are known."""


MOST_FOUND, PROBED = 300, 4
"""Detections an image that are asked for, and images on which their least score is found."""


@dataclass(frozen=True)
class Past:
    """What a run's folder tells of the training; everything is empty for a model that has none."""

    settings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Sequence[Mapping[str, Any]] = ()
    weights: str | None = None
    """What the training began with."""
    network: str = "NETWORK"

    @property
    def steps(self) -> list[Mapping[str, Any]]:
        """The lines that steps wrote."""
        return [line for line in self.metrics if line["kind"] == "step"]


def read_past(run: Path) -> Past:
    """Return what `run` stores of its training, or nothing where it is no run."""
    if not (run / "settings.toml").is_file():
        return Past()
    facts = read_report_facts(run)
    about = facts.predictions.about
    return Past(facts.settings, facts.metrics, about.get("weights"), str(about.get("network", "NETWORK")))


@dataclass(frozen=True)
class Case:
    """A model and the images; `names` are the data's classes, by which everything is judged."""

    bundle: Bundle
    images: Dataset
    """Those to be explained, at most MOST_IMAGES."""
    train: Dataset | None
    past: Past
    score: float | None
    """The threshold that the user asked for."""
    device: torch.device

    @cached_property
    def network(self) -> Network:
        """The network with the bundle's weights, ready to look."""
        network = Network(self.bundle.cfg)
        network.load(self.bundle.arrays)
        network.nms = self.bundle.settings.nms
        network.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub
        network.eval()
        network.score = self._least_score(network)
        return network

    def _least_score(self, network: Network) -> float:
        """Return the score that leaves MOST_FOUND detections an image: one that has learnt nothing keeps NMS busy for ever."""
        few = self.images.select(np.arange(min(PROBED, len(self.images))))
        scores = np.concatenate(
            [np.zeros(0, np.float32), *(found.scores for found in look(network, few, self.view, self.device))]
        )
        most = MOST_FOUND * max(1, len(few))
        if len(scores) <= most:
            return network.score
        least = np.partition(scores, -most)[-most]
        return float(np.nextafter(least, np.float32(0)))  # what has this very score stays: it may be the score of all

    @property
    def view(self) -> View:
        """How the bundle says that images are shown."""
        return View(self.bundle.settings.size, self.bundle.settings.letterbox)

    @cached_property
    def places(self) -> list[int | None]:
        """The data's class of each of the model's."""
        return class_map(self.bundle.names, self.images.names)

    def seen(self, view: View, dataset: Dataset | None = None, network: Network | None = None) -> list[Detections]:
        """Return the detections under the data's classes."""
        found = look(network or self.network, dataset or self.images, view, self.device)
        return [renamed(each, self.places) for each in found]

    def problem(self, found: Sequence[Detections], dataset: Dataset | None = None) -> Problem:
        """Return the detections beside the truth."""
        dataset = dataset or self.images
        return lay_out(truths(dataset), found, dataset.names, [str(path) for path in dataset.paths])

    @cached_property
    def base(self) -> Problem:
        """What is to be explained."""
        return self.problem(self.seen(self.view))

    @cached_property
    def base_ap50(self) -> float:
        """AP50 of that."""
        return ap50(self.base)

    @cached_property
    def base_ap(self) -> float:
        """AP over all IoUs of that."""
        return mean_ap(self.base)

    @cached_property
    def train_ap50(self) -> float | None:
        """AP50 on as many images of the training; None where none with boxes are at hand."""
        if self.train is None or not len(self.train.boxes):
            return None
        return self.ap50_in(self.view, first_images(self.train, self.base.images))

    def ap50_in(self, view: View, dataset: Dataset | None = None, network: Network | None = None) -> float:
        """Return the AP50 in another view, on other images, or of a changed network."""
        return ap50(self.problem(self.seen(view, dataset, network), dataset))

    def beginning(self) -> Arrays | None:
        """Return the arrays that the run began with, made again from its seed and weights; None without a run."""
        if "seed" not in self.past.settings:
            return None
        torch.manual_seed(int(self.past.settings["seed"]))
        network = Network(self.bundle.cfg)
        if self.past.weights is not None:
            try:
                pretrained = read_pretrained(Path(self.past.weights), self.bundle.cfg)
            except UserError:
                return None
            network.load(transfer(pretrained, network.layers, self.bundle.names)[0])
        return network.arrays()


def first_images(dataset: Dataset, most: int = MOST_IMAGES) -> Dataset:
    """Return the first images that are labelled."""
    labelled = np.flatnonzero(dataset.labelled)[:most]
    return dataset.select(labelled if len(labelled) else np.arange(min(len(dataset), most)))
