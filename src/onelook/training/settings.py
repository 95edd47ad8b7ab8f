"""What a training can be told, and what follows for the data at hand from what it was not told."""

import dataclasses
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from onelook.datasets.augment import AugmentSettings
from onelook.models.loss_settings import LossSettings
from onelook.structures.errors import UserError, nearest
from onelook.structures.named_network import STEMS
from onelook.structures.network.cfg import Cfg
from onelook.structures.settings import check_ranges, make_settings, read_toml, to_toml
from onelook.training.recipe.darknet_rates import POLICIES


@dataclass(frozen=True)
class TrainSettings:
    """A training's settings; None is derived from the recipe, the cfg and the data, and told before the first step."""

    recipe: str = "modern"
    """`modern`: AdamW, cosine, EMA, mosaic. `darknet`: SGD and the rates, steps and batch that the cfg's [net] says."""
    epochs: float | None = None
    """How often every image is seen: the last step is a whole one. Of `epochs` and `max_batches` one may be given."""
    max_batches: int | None = None
    """Steps of the optimizer."""
    batch: int | None = None
    """Images a step of the optimizer."""
    subdivisions: int | None = None
    """Parts into which a batch is cut to save memory; batch normalisation sees one part at a time."""
    width: int | None = None
    """Of the network's input, pixels, a multiple of the network's stride."""
    height: int | None = None
    """Of the network's input, pixels, a multiple of the network's stride."""
    resize: str = "auto"
    """`letterbox` keeps an image's shape, `stretch` fills the input; `auto` follows the cfg's letter_box. `cut`, a classifier's,
    judges the middle of the image as published accuracies on ImageNet do, and trains as `stretch` does."""
    anchors: str = "auto"
    """`keep` the cfg's, `fit` them to the data's boxes; `auto` fits when the cfg's suit the boxes badly."""
    optimizer: str | None = None
    """`adamw`, `sgd`, or `asgd`: SGD whose rate also falls with the steps, as torch's ASGD does."""
    learning_rate: float | None = None
    """The highest rate."""
    momentum: float | None = None
    """Of SGD; the first beta of AdamW."""
    decay: float | None = None
    """Weight decay; biases and normalisation are left out, as in Darknet."""
    policy: str | None = None
    """How the rate falls: `cosine`, `steps`, `constant`, or `plateau`, when evaluations bring no progress; with the darknet
    recipe any policy that a cfg may name."""
    burn_in: int | None = None
    """Steps over which the rate rises from 0."""
    steps: tuple[int, ...] | None = None
    """For `steps`: where the rate is multiplied."""
    scales: tuple[float, ...] | None = None
    """For `steps`: with what it is multiplied."""
    plateau_patience: int = 3
    """For `plateau`: evaluations in a row without progress after which the rate is lowered."""
    plateau_factor: float = 0.3
    """For `plateau`: by which factor it is lowered, down to a thousandth of the highest."""
    patience: int | None = None
    """Evaluations in a row without progress after which the run ends; by default it never ends early."""
    freeze: str | None = None
    """Layers that keep their weights and statistics: how many of the first, the last one's name, or `body`, all but the heads."""
    layer_rates: tuple[str, ...] = ()
    """Factors on the rate of some layers, as `0..14:0.1,15..:1`; layers by number, or by name where they have one."""
    rate_decay: float = 1.0
    """Factor on the rate from each layer with weights to the one before it, so that the first ones learn least."""
    random: float = 1.0
    """Multi-scale: the input's side varies by up to this factor either way, every ten steps; 1 never."""
    grow: float = 1.0
    """Part of the input's side with which training begins; it is whole from two thirds of the run on; 1 always."""
    ema: float = 0.998
    """Share of the old in the moving average of the weights, which is what is evaluated and saved; 0 turns it off."""
    clip: float | None = None
    """Largest norm of the gradient; a larger one is scaled down to it. By default 10; Darknet's recipe has no such bound."""
    close_mosaic: float = 0.15
    """Share of the steps, at the end, that see whole photographs instead of mosaics."""
    batch_norm_momentum: float = 0.1
    """Share of a batch in the running statistics of batch normalisation."""
    eval_every: float | None = None
    """Epochs between evaluations; by default 20 evaluations a run, and no more than one an epoch."""
    seed: int = 0
    """Of everything that is drawn: the same seed gives the same run."""
    workers: int | None = None
    """Processes that read images; changes the speed, never the result."""
    precision: str = "auto"
    """With what the network computes: `float32`, `bfloat16` or `float16`; `auto` takes a GPU's half precision, on a CPU
    float32."""
    tensorboard: bool = False
    """Whether metrics are written for TensorBoard, too; needs the extra `onelook[tensorboard]`."""
    threads: int | None = None
    """Threads of torch; by default all cores, shared among the processes of a machine."""
    guard: str = "recover"
    """What is done when training goes wrong again and again: `recover` goes back and changes the policy, `stop` ends the run."""
    chance_steps: int | None = None
    """Steps for which a loss may stay at chance, by default 150, or twice the number of classes."""
    stem: str | None = None
    """How a classifier by name begins: `standard`, or `small` for pictures of about 32 x 32; by default by the input's size."""
    head: tuple[int, ...] | None = None
    """Widths of connections that a classifier by name gets before its last one, such as 256,128."""
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    """How training images are varied."""
    loss: LossSettings = field(default_factory=LossSettings)
    """How boxes, objectness and classes are weighed."""

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            _one_of(name, getattr(self, name), known)
        if min(self.head or (1,)) < 1:
            raise UserError(f"head: expected widths of at least 1, got {self.head}")
        _one_of("policy", self.policy, POLICIES if self.recipe == "darknet" else MODERN_POLICIES)
        check_ranges(self, RANGES)
        if self.epochs is not None and self.max_batches is not None:
            raise UserError(f"epochs={self.epochs:g} and max_batches={self.max_batches}: expected one of the two")
        if self.batch and self.subdivisions and self.batch % self.subdivisions:
            raise UserError(f"batch={self.batch}: expected a multiple of subdivisions={self.subdivisions}")
        if self.steps is not None and self.scales is not None and len(self.steps) != len(self.scales):
            raise UserError(f"steps and scales: expected as many, got {len(self.steps)} and {len(self.scales)}")


PRECISIONS = ("float32", "bfloat16", "float16")

MODERN_POLICIES = ("cosine", "steps", "constant", "plateau")

CHOICES: dict[str, tuple[str, ...]] = {
    "recipe": ("modern", "darknet"),
    "resize": ("auto", "letterbox", "stretch", "cut"),
    "anchors": ("auto", "keep", "fit"),
    "optimizer": ("adamw", "sgd", "asgd"),
    "precision": ("auto", *PRECISIONS),
    "guard": ("recover", "stop"),
    "stem": STEMS,
}
"""The words that a setting may have; `policy` may have MODERN_POLICIES, or with the darknet recipe Darknet's."""

RANGES: dict[str, tuple[float, float]] = {
    "epochs": (0.001, 1e6),
    "max_batches": (1, 1e9),
    "batch": (1, 65536),
    "subdivisions": (1, 65536),
    "width": (8, 8192),
    "height": (8, 8192),
    "learning_rate": (0, 10),
    "momentum": (0, 0.9999),
    "decay": (0, 1),
    "burn_in": (0, 1e9),
    "plateau_patience": (1, 1e6),
    "plateau_factor": (0.001, 0.999),
    "patience": (1, 1e6),
    "rate_decay": (0.01, 1),
    "random": (1, 3),
    "grow": (0.1, 1),
    "ema": (0, 0.999999),
    "clip": (1e-6, 1e9),
    "close_mosaic": (0, 1),
    "batch_norm_momentum": (0.0001, 1),
    "eval_every": (0.001, 1e6),
    "seed": (0, 2**32 - 1),
    "workers": (0, 256),
    "threads": (1, 1024),
    "chance_steps": (20, 1e9),
}
"""Least and greatest value of each number."""

TABLES: dict[str, type] = {"augment": AugmentSettings, "loss": LossSettings}
DERIVED = ("letterbox",)
"""Augmentation's fields that follow from another setting (`resize`)."""


def make_train_settings(values: Mapping[str, Any], where: str) -> TrainSettings:
    """Return settings from a flat or nested mapping: `flip=0`, `augment.flip=0` and `{"augment": {"flip": 0}}` say the same.

    Raises UserError naming `where` for what is unknown or out of range.
    """
    plain: dict[str, Any] = {}
    tables: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
    for key, value in values.items():
        table, _, inner = key.rpartition(".")
        if key in TABLES and isinstance(value, Mapping):
            tables[key].update(value)
        elif table in TABLES:
            tables[table][inner] = value
        else:
            home = next((name for name, kind in TABLES.items() if key in _names(kind)), None)
            (tables[home] if home else plain)[key] = value
    for name in DERIVED:
        if name in tables["augment"]:
            raise UserError(f"{where}: {name}: expected resize=letterbox or resize=stretch instead")
    _refuse_unknown(plain, where)
    try:
        return dataclasses.replace(
            make_settings(TrainSettings, plain, where),
            augment=make_settings(AugmentSettings, tables["augment"], where),
            loss=make_settings(LossSettings, tables["loss"], where),
        )
    except UserError as error:
        message = str(error)
        raise UserError(message if message.startswith(where) else f"{where}: {message}") from None


def resolve(settings: TrainSettings, cfg: Cfg, images: int, classes: int, processes: int = 1) -> TrainSettings:
    """Return the settings with every None filled, for `images` training images and `classes` classes.

    A batch is cut into as many parts as `processes`, or a multiple; UserError when it does not divide.
    """
    darknet = settings.recipe == "darknet"
    net = cfg.net
    batch = settings.batch or (net.integer("batch", 64) if darknet else min(8, max(1, images)))
    chosen = _chosen(settings, "subdivisions", net.integer("subdivisions", 1) if darknet else 1)
    if batch % processes:
        raise UserError(f"batch={batch}: expected a multiple of the {processes} processes that train together")
    steps = _step_count(settings, images, classes, batch)
    width, height = cfg.input_size
    falls_at, falls_by = _falls(settings, cfg, steps)
    letterbox = settings.resize == "letterbox" or (settings.resize == "auto" and bool(net.integer("letter_box", 0)))
    return dataclasses.replace(
        settings,
        batch=batch,
        subdivisions=divisor(batch, chosen, processes),
        max_batches=steps,
        epochs=None,
        width=_chosen(settings, "width", width),
        height=_chosen(settings, "height", height),
        resize="letterbox" if letterbox else "cut" if settings.resize == "cut" else "stretch",
        optimizer=_chosen(settings, "optimizer", "sgd" if darknet else "adamw"),
        learning_rate=_chosen(settings, "learning_rate", net.number("learning_rate", 0.001) if darknet else 1e-3),
        momentum=_chosen(settings, "momentum", net.number("momentum", 0.9) if darknet else 0.9),
        decay=_chosen(settings, "decay", net.number("decay", 0.0005) if darknet else 0.01),
        policy=_chosen(settings, "policy", net.word("policy", "steps") if darknet else "cosine"),
        burn_in=_chosen(settings, "burn_in", _burn_in(cfg, steps) if darknet else min(steps // 10, 100)),
        steps=falls_at,
        scales=falls_by,
        clip=_chosen(settings, "clip", 1e9 if darknet else 10.0),
        loss=dataclasses.replace(settings.loss, kind="darknet") if darknet else settings.loss,
        eval_every=_chosen(settings, "eval_every", max(1.0, steps * batch / images / 20)),
        workers=_chosen(settings, "workers", 1 if (os.cpu_count() or 1) > 1 else 0),
        threads=_chosen(settings, "threads", os.cpu_count() or 1),
        chance_steps=_chosen(settings, "chance_steps", max(150, 2 * classes)),
        augment=dataclasses.replace(settings.augment, letterbox=letterbox),
    )


def _burn_in(cfg: Cfg, steps: int) -> int:
    """Return the cfg's burn_in; of a run of another length than the cfg's at most a tenth."""
    burn_in = cfg.net.integer("burn_in", 0)
    return burn_in if _as_long(cfg, steps) else min(steps // 10, burn_in)


def _falls(settings: TrainSettings, cfg: Cfg, steps: int) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Return where the rate falls, and by what: as set, as the cfg says for a run as long as its own, or at 80 and 90 %."""
    own = settings.recipe == "darknet" and _as_long(cfg, steps) and settings.steps is None
    if own and "steps" in cfg.net and "scales" in cfg.net:
        return cfg.net.integers("steps"), _chosen(settings, "scales", cfg.net.numbers("scales"))
    falls_at = _chosen(settings, "steps", (steps * 8 // 10, steps * 9 // 10))
    return falls_at, _chosen(settings, "scales", tuple(0.1 for _ in falls_at))


def _as_long(cfg: Cfg, steps: int) -> bool:
    return steps == cfg.net.integer("max_batches", 0)


def settings_toml(settings: TrainSettings) -> str:
    """Return the settings as TOML, with one table each for augmentation and loss."""
    values = dataclasses.asdict(settings)
    values["augment"].pop("letterbox")
    return to_toml(values)


def read_train_settings(path: Path) -> TrainSettings:
    """Return the settings that a run was started with, every derived one in it."""
    settings = make_train_settings(read_toml(path), str(path))
    return dataclasses.replace(
        settings, augment=dataclasses.replace(settings.augment, letterbox=settings.resize == "letterbox")
    )


def _step_count(settings: TrainSettings, images: int, classes: int, batch: int) -> int:
    if settings.max_batches is not None:
        return settings.max_batches
    if settings.epochs is None and settings.recipe == "darknet":
        return max(6000, 2000 * classes)  # as AlexeyAB's README counsels
    return max(1, math.ceil((settings.epochs or DEFAULT_EPOCHS) * images / batch - ROUNDING))


DEFAULT_EPOCHS = 50.0

ROUNDING = 1e-6
"""Part of a step that counts as none: 0.1 epochs of 30 images at batch 3 are one step, whatever floating point makes of it."""


def divisor(batch: int, wanted: int, processes: int = 1) -> int:
    """Return the smallest number of parts, at least `wanted` and a multiple of `processes`, into which the batch divides."""
    fitting = (parts for parts in range(min(wanted, batch), batch + 1) if batch % parts == 0 and parts % processes == 0)
    return next(fitting, batch)


def _chosen(settings: TrainSettings, name: str, derived: Any) -> Any:
    value = getattr(settings, name)
    return derived if value is None else value


def _names(kind: Any) -> set[str]:
    return {each.name for each in fields(kind)}


def _refuse_unknown(plain: Mapping[str, Any], where: str) -> None:
    known = sorted(set().union(_names(TrainSettings), *map(_names, TABLES.values())) - {*TABLES, *DERIVED})
    unknown = next((key for key in plain if key not in known), None)
    if unknown is not None:
        raise UserError(f"{where}: unknown setting {unknown!r}{nearest(unknown, known)} (known: {', '.join(known)})")


def _one_of(name: str, value: str | None, known: Collection[str]) -> None:
    """Raise UserError for a word that is not known; None is derived later."""
    if value is not None and value not in known:
        raise UserError(f"{name}: expected {', '.join(known)}, got {value!r}{nearest(value, known)}")
