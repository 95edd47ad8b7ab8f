"""What a network's name means for its training: a detector, or a classifier by sections or by name."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from onelook.datasets.checks.examining import FINEST_STRIDE
from onelook.datasets.dataset import Dataset
from onelook.models.adapt import strides
from onelook.models.classifiers.classifier import Classifier
from onelook.models.known import find_network, is_classifier
from onelook.structures.errors import UserError
from onelook.structures.named_network import read_named
from onelook.structures.network.cfg import Cfg, Section, parse_cfg
from onelook.structures.network.layer import HEADS, main_name
from onelook.training.settings import TrainSettings, make_train_settings
from onelook.training.tasks.classifying import DEFAULTS, prepare_classifier
from onelook.training.tasks.preparation import prepare
from onelook.training.tasks.task import Task


@dataclass(frozen=True)
class Choice:
    """What the user chose to train, before the data is known."""

    settings: TrainSettings
    """As the user gave them, beside the defaults of this kind of network."""
    net: Section
    """The cfg's `[net]`; without options for a network by name."""
    size: tuple[int, int] | None
    """(width, height) of the input where the data has no say in it."""
    stride: int
    """Of the finest cells that see something."""
    build: Callable[[Dataset, Path | None, TrainSettings], Task]
    """Gives the task for a data set, weights to start from and settings. Raises UserError for what does not fit together."""


def choose(network: str, settings: Mapping[str, Any], where: str = "--set", processes: int = 1) -> Choice:
    """Return what `network`, a cfg or a known name, means; `settings` are the user's, `where` names their source in errors.

    Its `build` cuts a batch into as many parts as `processes`, or a multiple.
    """
    cfg = None if is_classifier(network) else find_network(network)
    if cfg and _finds_boxes(cfg):
        chosen = make_train_settings(settings, where)
        if chosen.stem or chosen.head or chosen.augment.cutmix or chosen.resize == "cut":
            raise UserError(
                f"{where}: stem, head, cutmix, resize=cut: expected a classifier, such as resnet18, got {network}"
            )
        size = chosen.width or cfg.input_size[0], chosen.height or cfg.input_size[1]
        return Choice(
            chosen,
            cfg.net,
            size if all(size) else None,
            min(strides(cfg), default=FINEST_STRIDE),
            partial(prepare, cfg, processes=processes),
        )
    chosen = make_train_settings({**DEFAULTS, **settings}, where)
    net = cfg.net if cfg else Section("net", {}, network, 0)
    build = partial(prepare_classifier, cfg or network, processes=processes)
    return Choice(chosen, net, None, FINEST_STRIDE, build)


def prepare_again(facts: Mapping[str, Any], dataset: Dataset, settings: TrainSettings, where: str) -> Task:
    """Return the task of a run that goes on: `facts` are those of its checkpoint, `settings` all that were in force."""
    if "network" in facts:
        named = read_named(facts["network"], where)
        task = prepare_classifier(named.name, dataset, None, settings)
        assert isinstance(task.network, Classifier)
        return task
    cfg = parse_cfg(facts["cfg"], where)
    if _finds_boxes(cfg):  # its anchors are in the run's cfg already
        return prepare(cfg, dataset, None, dataclasses.replace(settings, anchors="keep"))
    return prepare_classifier(cfg, dataset, None, settings)


def _finds_boxes(cfg: Cfg) -> bool:
    return any(main_name(section) in HEADS for section in cfg.layers)
