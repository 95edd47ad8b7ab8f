"""From what the user named to what the loop needs: data, cfg and weights brought together, and every decision told."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from onelook.datasets.anchors import anchor_iou, box_shapes, fit_anchors
from onelook.datasets.dataset import Dataset
from onelook.models.adapt import adapt, strides, used_anchors, with_net
from onelook.models.network import Network
from onelook.models.transfer import read_pretrained, transfer
from onelook.structures.errors import UserError
from onelook.structures.network.cfg import Cfg
from onelook.structures.network.options import cfg_warnings
from onelook.training.recipe.freezing import freeze
from onelook.training.settings import TrainSettings, resolve
from onelook.training.tasks.detection import DetectionTask
from onelook.training.tasks.splits import train_and_val

GOOD_ANCHORS = 0.6
"""Mean best IoU of the boxes' shapes with the anchors below which `anchors = "auto"` fits new ones."""


def prepare(
    cfg: Cfg, dataset: Dataset, weights: Path | None, settings: TrainSettings, processes: int = 1
) -> DetectionTask:
    """Return network, splits and resolved settings for training `cfg` on `dataset`, starting from `weights` if given.

    Raises UserError for data without training images or boxes, an input size that is no multiple of the stride, and weights
    that belong to another cfg.
    """
    told = cfg_warnings(cfg)
    train, val = train_and_val(dataset, settings.seed, told)
    _with_boxes(train)
    settings = resolve(settings, cfg, len(train), len(dataset.names), processes)
    size = _input_size(settings)
    stride = _stride(cfg, size)
    anchors = _anchors(cfg, train, size, settings, told)
    adapted, changes = adapt(cfg, len(dataset.names), size, anchors)
    adapted, net_changes = with_net(adapted, **net_options(settings))
    told += changes + net_changes
    torch.manual_seed(settings.seed)
    network = Network(adapted, settings.loss)
    if weights is not None:
        arrays, taken = transfer(read_pretrained(weights, cfg), network.layers, dataset.names)
        network.load(arrays)
        told.append(f"weights from {taken}")
    set_batch_norm(network, settings.batch_norm_momentum)
    frozen = freeze(network, settings.freeze)
    told += [frozen] if frozen else []
    test = dataset.split("test") if len(dataset.splits.get("test", ())) else None
    return DetectionTask(network, train, val, test, settings, tuple(told), stride)


def set_batch_norm(network: nn.Module, momentum: float) -> None:
    """Give every batch normalisation the share that a batch has in its running statistics."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.momentum = momentum


def _with_boxes(dataset: Dataset) -> None:
    if not len(dataset.boxes):
        raise UserError(
            f"{dataset.root}: expected boxes to train on, got {len(dataset)} images without any; see `onelook data check`"
        )


def _input_size(settings: TrainSettings) -> tuple[int, int]:
    assert settings.width is not None and settings.height is not None
    return settings.width, settings.height


def _stride(cfg: Cfg, size: tuple[int, int]) -> int:
    found = strides(cfg)
    if not found:
        raise cfg.net.error(None, "expected a detector, got a network without a [yolo] layer")
    stride = max(found)
    for name, side in zip(("width", "height"), size, strict=True):
        if side % stride:
            near = max(stride, round(side / stride) * stride)
            raise UserError(f"{name}={side}: expected a multiple of the network's stride {stride}, such as {near}")
    return stride


def _anchors(
    cfg: Cfg, train: Dataset, size: tuple[int, int], settings: TrainSettings, told: list[str]
) -> NDArray[np.float32] | None:
    """Return anchors fitted to the data in pixels of the input, or None to keep the cfg's."""
    shapes = box_shapes(train, size, settings.resize == "letterbox")
    scale = np.asarray(size, np.float32) / np.asarray(cfg.input_size, np.float32)
    own = np.asarray(used_anchors(cfg) * scale, np.float32)
    suits = anchor_iou(shapes, own)
    if settings.anchors == "keep" or (settings.anchors == "auto" and suits >= GOOD_ANCHORS):
        told.append(f"anchors: the cfg's are kept; mean IoU with the boxes' shapes {suits:.3f}")
        return None
    fitted, better = fit_anchors(shapes, len(own), settings.seed)
    told.append(f"anchors: fitted to {len(shapes)} boxes; mean IoU with their shapes {suits:.3f} -> {better:.3f}")
    return fitted


_AS_DARKNET = {"cosine": "sgdr", "plateau": "constant"}
"""What a cfg says, whose policies have other names, or nothing that comes near."""


def net_options(settings: TrainSettings) -> dict[str, object]:
    """Return what the run's cfg says in [net], so that Darknet would go on from it with the same numbers."""
    return {
        "batch": settings.batch,
        "subdivisions": settings.subdivisions,
        "learning_rate": settings.learning_rate,
        "burn_in": settings.burn_in,
        "max_batches": settings.max_batches,
        "policy": _AS_DARKNET.get(settings.policy or "", settings.policy),
        "steps": settings.steps,
        "scales": settings.scales,
        "letter_box": int(settings.resize == "letterbox"),
    }
