"""From what the user named to what training a classifier needs; every decision told."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from onelook.datasets.dataset import Dataset
from onelook.models.adapt import adapt_classifier, with_net
from onelook.models.classifiers.classifier import Classifier
from onelook.models.classifiers.table import CLASSIFIERS
from onelook.models.classifiers.weights import take_over
from onelook.models.network import Network
from onelook.models.transfer import read_pretrained, transfer_classifier
from onelook.structures.errors import UserError
from onelook.structures.named_network import SMALL_SIDE, NamedNetwork
from onelook.structures.network.cfg import Cfg, Section
from onelook.structures.network.options import cfg_warnings
from onelook.training.recipe.freezing import freeze
from onelook.training.settings import TrainSettings, resolve
from onelook.training.tasks.classification import BATCH, DECAY, RATE, ClassificationTask
from onelook.training.tasks.preparation import net_options, set_batch_norm
from onelook.training.tasks.splits import train_and_val

DEFAULTS: Mapping[str, Any] = {
    "augment.mosaic": 0,
    "augment.hue": 0.02,
    "augment.saturation": 1.3,
    "augment.exposure": 1.3,
    "augment.scale": 1.15,
    "augment.aspect": 1.1,
    "augment.translate": 0.1,
}
"""Settings of a classifier's training that nobody gave: milder than a detector's, since nothing says where to look."""

USUAL_SIDE = 224
"""Pixels of the input for photographs that are larger than SMALL_SIDE."""


def prepare_classifier(
    network: Cfg | str, dataset: Dataset, weights: Path | None, settings: TrainSettings, processes: int = 1
) -> ClassificationTask:
    """Return network, splits and resolved settings for training a classifier, a cfg or a name of CLASSIFIERS, on `dataset`.

    Raises UserError for images without a class, for settings that are a detector's, and for weights that do not fit.
    """
    told = cfg_warnings(network) if isinstance(network, Cfg) else []
    train, val = (_with_classes(split) for split in train_and_val(dataset, settings.seed, told))
    test = dataset.split("test") if len(dataset.splits.get("test", ())) else None
    test = _classified(test) if test else None
    _tell_left_out(dataset, (train, val, test), told)
    _refuse_detectors(settings)
    cfg = network if isinstance(network, Cfg) else _without_sections(network, train)
    settings = resolve(_recipe(settings, len(train)), cfg, len(train), len(dataset.names), processes)
    assert settings.width and settings.height
    torch.manual_seed(settings.seed)
    if isinstance(network, Cfg):
        model: Classifier | Network = _of_sections(network, dataset, weights, settings, told)
    else:
        model = _by_name(network, dataset, weights, settings, told)
    set_batch_norm(model, settings.batch_norm_momentum)
    frozen = freeze(model, settings.freeze)
    told += [frozen] if frozen else []
    net = model.cfg.net if isinstance(model, Network) else cfg.net
    return ClassificationTask(model, train, val, test or None, settings, tuple(told), net)


def _classified(dataset: Dataset) -> Dataset:
    """Return the images that have a class as a whole."""
    return dataset.select(np.flatnonzero(dataset.labels >= 0))


def _with_classes(dataset: Dataset) -> Dataset:
    found = _classified(dataset)
    if not len(found):
        raise UserError(
            f"{dataset.root}: expected images with a class each, as folders by class have, got {len(dataset)} without; "
            "a detector is trained on boxes"
        )
    return found


def _tell_left_out(dataset: Dataset, splits: tuple[Dataset | None, ...], told: list[str]) -> None:
    left = int((dataset.labels < 0).sum())
    if left:
        told.append(f"{left} of {len(dataset)} images have no class and are left out")
    train = splits[0]
    assert train is not None
    absent = np.setdiff1d(np.arange(len(dataset.names)), train.labels)
    if len(absent):
        names = ", ".join(dataset.names[index] for index in absent[:5])
        told.append(f"{len(absent)} of {len(dataset.names)} classes have no training image: {names}")


def _refuse_detectors(settings: TrainSettings) -> None:
    if settings.anchors == "fit":
        raise UserError("anchors=fit: expected a detector; a classifier has none")
    if settings.augment.mosaic:
        raise UserError(
            f"mosaic={settings.augment.mosaic:g}: expected 0: four pictures in one have no class; take cutmix"
        )


def _without_sections(name: str, train: Dataset) -> Cfg:
    """Return a `[net]` that says the input's size of a network by name: the pictures' own where they are small."""
    side = int(np.median(train.sizes.max(axis=1)))
    side = max(32, -(-side // 32) * 32) if side <= SMALL_SIDE else USUAL_SIDE
    options = {"width": (str(side), 0), "height": (str(side), 0)}
    return Cfg(Section("net", options, name, 0), ())


def _recipe(settings: TrainSettings, images: int) -> TrainSettings:
    """Return the settings with the modern recipe's choices for classifiers where nobody said otherwise."""
    if settings.recipe == "darknet":
        return settings
    batch = settings.batch or min(BATCH, max(1, images))
    sgd = settings.optimizer in (None, "sgd", "asgd")
    return dataclasses.replace(
        settings,
        batch=batch,
        optimizer=settings.optimizer or "sgd",
        learning_rate=settings.learning_rate if not sgd or settings.learning_rate is not None else RATE * batch / BATCH,
        decay=settings.decay if not sgd or settings.decay is not None else DECAY,
    )


def _of_sections(cfg: Cfg, dataset: Dataset, weights: Path | None, settings: TrainSettings, told: list[str]) -> Network:
    if settings.stem or settings.head:
        raise UserError(
            "stem, head: expected a network by name, such as resnet18; a cfg says itself how it begins and ends"
        )
    assert settings.width and settings.height
    adapted, changes = adapt_classifier(cfg, len(dataset.names), (settings.width, settings.height))
    adapted, net_changes = with_net(adapted, **net_options(settings))
    told += changes + net_changes
    network = Network(adapted, settings.loss)
    if weights is not None:
        arrays, taken = transfer_classifier(read_pretrained(weights, cfg), network.layers, dataset.names)
        network.load(arrays)
        told.append(f"weights from {taken}")
    return network


def _by_name(name: str, dataset: Dataset, weights: Path | None, settings: TrainSettings, told: list[str]) -> Classifier:
    assert settings.width and settings.height
    stem = settings.stem or ("small" if max(settings.width, settings.height) <= SMALL_SIDE else "standard")
    named = NamedNetwork(name, len(dataset.names), stem, settings.head or ())
    head = f", head {', '.join(map(str, named.head))}" if named.head else ""
    told.append(f"{name}: {named.classes} classes, {stem} stem{head}, input {settings.width} x {settings.height}")
    network = Classifier(named, settings.loss)
    if weights is not None:
        told += take_over(network, weights, dataset.names, CLASSIFIERS[name].last)
    return network
