"""A classifier's training: batches of images with the shares of their classes, accuracy, a bundle."""

from collections.abc import Collection, Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from onelook.datasets.augment import AugmentSettings
from onelook.datasets.class_samples import compose_class
from onelook.datasets.dataset import Dataset
from onelook.datasets.loader import Batch, BatchPlan, Photographs, eval_batches, train_batches
from onelook.evaluation.classification import ClassEvaluation, evaluate_classes
from onelook.models.classifiers.classifier import Classifier
from onelook.models.classifiers.onnx_graph import onnx_graph
from onelook.models.network import Network
from onelook.structures.bundle import Bundle, read_bundle, write_bundle
from onelook.structures.letterbox import Image
from onelook.structures.named_bundle import NamedBundle, read_named_bundle, write_named_bundle
from onelook.structures.network.cfg import Section, format_cfg
from onelook.training.recipe.schedule import make_plan
from onelook.training.report.class_predictions import (
    ClassPredictions,
    ClassSplit,
    class_facts,
    class_split,
    write_class_predictions,
)
from onelook.training.report.report import rebuild_report
from onelook.training.run import Run
from onelook.training.settings import TrainSettings
from onelook.training.tasks.task import Say, StepLoad, Task, Validation
from onelook.training.watch.samples import class_samples

BATCH, RATE, DECAY = 64, 0.05, 5e-4
"""Of the modern recipe for classifiers: SGD with momentum 0.9; the rate is for a batch of 64 and in proportion to it."""

_BATCH = 50
"""Images of an evaluation that are computed together."""

_STEP = 8
"""Pixels by which the input's size varies where it does."""

_LOGGED = ("top1", "top5", "mean_accuracy", "f1", "calibration_error", "per_class")


@dataclass(frozen=True)
class ClassificationTask(Task):
    """A classifier, by name or of Darknet's sections, and images with a class each."""

    network: Classifier | Network
    steps: Section
    """The cfg's `[net]`; of a network by name one without options."""

    @property
    def net(self) -> Section:
        """What the darknet recipe takes its rates from."""
        return self.steps

    @property
    def score_name(self) -> str:
        """The best model is the one that is right most often."""
        return "top-1"

    @property
    def sgd_rate(self) -> float:
        """The recipe's own."""
        return RATE

    def facts(self) -> dict[str, Any]:
        """Return the cfg in use, or the network's name and settings."""
        if isinstance(self.network, Network):
            return {"cfg": format_cfg(self.network.cfg)}
        return {"network": asdict(self.network.named)}

    def batches(self, numbers: range, parts: int, quarantine: Collection[int]) -> Generator[Batch, None, None]:
        """Yield micro-batches whose targets are rows of image, class, share."""
        settings = self.settings
        assert settings.batch and settings.workers is not None
        plan, part = make_plan(settings, _STEP, parts), settings.batch // parts
        return train_batches(
            self.train,
            settings.augment,
            plan,
            part,
            settings.seed,
            settings.workers,
            numbers.start,
            numbers.stop,
            quarantine,
            draw_class,
            numbers.step,
        )

    def load(self, step: int) -> StepLoad:
        """Return the input's size, which varies with `random` and `grow`."""
        parts = self.settings.subdivisions or 1
        width, height = make_plan(self.settings, _STEP, parts)(step * parts).size
        return StepLoad("", width * height)

    def chance(self) -> dict[str, float]:
        """Return the loss of an answer that knows nothing but how often each class comes."""
        shares = np.bincount(self.train.labels) / len(self.train)
        known = shares[shares > 0]
        return {"class": float(-(known * np.log(known)).sum())}

    def count_seen(self, images: int) -> None:
        """Nothing in a classifier depends on it."""

    def validate(self, network: nn.Module, device: torch.device) -> Validation:
        """Return accuracy and its kin on the validation split."""
        assert isinstance(network, Classifier | Network)
        logits = classify(network, self.val, self.settings, device)
        found = evaluate_classes(logits, self.val.labels, self.val.names, logits=True)
        words = found.as_json()
        metrics = {key: words[key] for key in ("top1", "top5") if words[key] is not None}
        logged = {key: words[key] for key in _LOGGED}
        samples = class_samples(self.val, logits)
        return Validation(found.top1 or 0.0, logged, metrics, in_words(found), collapsed(found), samples)

    def write_model(self, folder: Path, network: nn.Module, metrics: Mapping[str, Any]) -> None:
        """Write what the network is, class names, weights and how the input is made."""
        assert isinstance(network, Classifier | Network)
        names, used = self.train.names, self.described(metrics)
        if isinstance(network, Network):
            bundle = Bundle(network.cfg, names, network.arrays(), used, metrics, str(folder))
            write_bundle(folder, bundle, replace=True)
            return
        graph = onnx_graph(network.named, used.size)
        named = NamedBundle(network.named, names, network.arrays(), graph, used, metrics, str(folder))
        write_named_bundle(folder, named, replace=True)

    def prove(self, run: Run, about: Mapping[str, Any], device: torch.device, say: Say) -> ClassEvaluation:
        """Judge the best model on `val`, and on `test` where there is one."""
        best = self._best(run.model).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        shown: dict[str, ClassSplit] = {}
        evaluations: dict[str, ClassEvaluation] = {}
        for name, dataset in self.splits().items():
            if name == "train" or not len(dataset):
                continue
            logits = classify(best, dataset, self.settings, device)
            shown[name] = class_split(dataset, logits)
            evaluations[name] = evaluate_classes(logits, dataset.labels, dataset.names, logits=True)
            say(f"{name}: {in_words(evaluations[name])}, {evaluations[name].images} images")
        predictions = ClassPredictions(self.train.names, shown, class_facts(self.splits()), about)
        write_class_predictions(run.predictions, predictions)
        report = rebuild_report(run.folder)
        say(f"model: {run.model}  report: {report}")
        return evaluations["val"]

    def _best(self, folder: Path) -> nn.Module:
        if isinstance(self.network, Network):
            bundle = read_bundle(folder)
            network = Network(bundle.cfg, self.settings.loss)
            network.load(bundle.arrays)
            return network
        named = read_named_bundle(folder)
        classifier = Classifier(named.network, self.settings.loss)
        classifier.load(named.arrays)
        return classifier


def draw_class(
    photographs: Photographs, index: int, plan: BatchPlan, settings: AugmentSettings, rng: np.random.Generator
) -> tuple[Image, NDArray[np.float32]]:
    """Return a picture of the plan's size and its classes (k, 2): class, share; as the loader's `Draw`."""
    return compose_class(photographs.classified, index, len(photographs.dataset), plan.size, settings, rng)


def classify(
    network: nn.Module, dataset: Dataset, settings: TrainSettings, device: torch.device
) -> NDArray[np.float32]:
    """Return the logits (n, c) of every image, in the data set's order."""
    assert isinstance(network, Classifier | Network)
    assert settings.width and settings.height
    network.eval()
    size, found = (settings.width, settings.height), [np.zeros((0, len(dataset.names)), np.float32)]
    middle = settings.resize == "cut"
    for batch in eval_batches(dataset, size, settings.resize == "letterbox", _BATCH, 0, middle):
        with torch.inference_mode():
            found.append(network.logits(batch.images.to(device)).flatten(1).float().cpu().numpy())
    return np.concatenate(found)


def collapsed(evaluation: ClassEvaluation) -> str:
    """Return `only NAME answered` when that is the answer to all pictures of several classes, else an empty string."""
    guessed = [row.name for row in evaluation.per_class if row.guessed]
    asked = [row.name for row in evaluation.per_class if row.images]
    return f"only {guessed[0]} answered" if len(guessed) == 1 < len(asked) else ""


def in_words(evaluation: ClassEvaluation) -> str:
    """Return the headline numbers in a few words."""
    return (
        f"top-1 {evaluation.top1 or 0:.3f}  top-5 {evaluation.top5 or 0:.3f}  "
        f"mean over classes {evaluation.mean_accuracy or 0:.3f}"
    )
