"""A detector's training: batches of boxes, COCO's evaluation, a bundle of cfg and weights."""

from collections.abc import Collection, Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from onelook.datasets.loader import Batch, train_batches
from onelook.evaluation.evaluation import Evaluation, evaluate
from onelook.models.network import Network
from onelook.structures.bundle import Bundle, write_bundle
from onelook.structures.network.cfg import Section, format_cfg
from onelook.training.recipe.schedule import make_plan
from onelook.training.report.proof import prove
from onelook.training.run import Run
from onelook.training.tasks.task import Say, StepLoad, Task, Validation
from onelook.training.tasks.validation import collapsed, detect, truths
from onelook.training.watch.samples import detection_samples

_LOGGED = ("ap", "ap50", "ap75", "precision", "recall", "f1", "per_class")
_KEPT = ("ap", "ap50")


@dataclass(frozen=True)
class DetectionTask(Task):
    """A Darknet detector and labelled boxes."""

    network: Network
    stride: int
    """By how much the network shrinks its input at its coarsest head."""

    @property
    def net(self) -> Section:
        """The cfg's `[net]`."""
        return self.network.cfg.net

    @property
    def score_name(self) -> str:
        """The best model is the one with the highest AP."""
        return "AP"

    def facts(self) -> dict[str, Any]:
        """Return the cfg in use."""
        return {"cfg": format_cfg(self.network.cfg)}

    def batches(self, numbers: range, parts: int, quarantine: Collection[int]) -> Generator[Batch, None, None]:
        """Yield micro-batches whose targets are rows of image, class, x1, y1, x2, y2."""
        settings = self.settings
        assert settings.batch and settings.workers is not None
        return train_batches(
            self.train,
            settings.augment,
            make_plan(settings, self.stride, parts),
            settings.batch // parts,
            settings.seed,
            settings.workers,
            numbers.start,
            numbers.stop,
            quarantine,
            every=numbers.step,
        )

    def load(self, step: int) -> StepLoad:
        """Return the input's size and whether it is made of mosaics."""
        parts = self.settings.subdivisions or 1
        plan = make_plan(self.settings, self.stride, parts)(step * parts)
        return StepLoad("mosaics" if plan.mosaic else "photographs", plan.size[0] * plan.size[1])

    def count_seen(self, images: int) -> None:
        """Tell the network, whose [region] head begins otherwise than it goes on."""
        self.network.seen = images

    def validate(self, network: nn.Module, device: torch.device) -> Validation:
        """Return the validation split's evaluation under COCO's rules."""
        assert isinstance(network, Network)
        found = detect(network, self.val, self.settings, device)
        evaluation = evaluate(truths(self.val), found, self.val.names, "coco")
        words = evaluation.as_json()
        told = f"AP50 {evaluation.ap50 or 0:.3f}  AP {evaluation.ap or 0:.3f}"
        metrics = {key: words[key] for key in _KEPT if words[key] is not None}
        logged = {key: words[key] for key in _LOGGED}
        same, samples = collapsed(found, len(self.val.boxes)), detection_samples(self.val, found)
        return Validation(evaluation.ap or 0.0, logged, metrics, told, same, samples)

    def write_model(self, folder: Path, network: nn.Module, metrics: Mapping[str, Any]) -> None:
        """Write cfg, class names, weights and how the input is made."""
        assert isinstance(network, Network)
        used = self.described(metrics)
        bundle = Bundle(network.cfg, self.train.names, network.arrays(), used, metrics, str(folder))
        write_bundle(folder, bundle, replace=True)

    def prove(self, run: Run, about: Mapping[str, Any], device: torch.device, say: Say) -> Evaluation:
        """Judge the best model on `val`, and on `test` where there is one."""
        return prove(run, self.splits(), self.settings, about, device, say)
