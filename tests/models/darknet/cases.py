"""Training steps that the original program took, and the same steps by our own code."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from onelook.models.darknet.batch_norm import use_darknet_batch_norm
from onelook.models.darknet.loss import softmax_loss
from onelook.models.loss_settings import LossSettings
from onelook.models.network import Network
from onelook.structures.network.cfg import read_cfg
from onelook.structures.network.weights_file import read_weights, split_weights

CASES = (
    "v3_mse",
    "v3_mse_subdiv2",
    "v3_mse_batch1",
    "v4_ciou",
    "v4_giou",
    "v4_diou",
    "v4_iou",
    "v4_options",
    "v3_focal",
    "csp_new_coords",
    "region_v2",
    "classifier",
    "resnet_ops",
)


@dataclass
class Case:
    """A network with the case's first weights, in float64 so that only the original's rounding is left, and its batches."""

    name: str
    network: Network
    facts: dict[str, Any]
    stored: dict[str, np.ndarray]
    folder: Path

    @property
    def parts(self) -> int:
        return int(self.facts["subdivisions"])

    @property
    def images(self) -> int:
        """Of one part."""
        return int(self.facts["mini_batch"])

    def losses(self) -> Iterator[Tensor]:
        """Yield the loss of each part of one batch, the mean over its images."""
        for part in range(self.parts):
            rows = slice(part * self.images, (part + 1) * self.images)
            x = torch.from_numpy(self.stored["images_u8"][rows].astype(np.float32) / np.float32(255)).double()
            truth = self.stored["truth"][rows]
            if truth.ndim == 2:
                yield softmax_loss(self.network.logits(x), self.network.softmax, torch.from_numpy(truth).double())
                continue
            losses = self.network(x, targets(truth, (x.shape[3], x.shape[2])))
            assert isinstance(losses, dict)
            yield torch.stack(list(losses.values())).sum()

    def weights(self, iteration: int) -> dict[str, np.ndarray]:
        """Return the original's weights after an iteration (1 or 5)."""
        return split_weights(read_weights(self.folder / f"{self.name}.iter{iteration}.weights"), self.network.layers)


def load_case(shared: Path, name: str) -> Case:
    folder, fixed = shared / "reference" / "train", shared / "reference" / "train_fixed"
    network = Network(read_cfg(folder / f"{name}.cfg"), LossSettings(kind="darknet"))
    use_darknet_batch_norm(network)
    network.train().double()
    network.load(split_weights(read_weights(folder / f"{name}.init.weights"), network.layers))
    facts = json.loads((fixed / "train.json").read_text())[name]
    return Case(name, network, facts, dict(np.load(fixed / f"{name}.npz")), fixed)


def targets(truth: np.ndarray, size: tuple[int, int]) -> Tensor:
    """Return Darknet's rows x, y, w, h, class, track of each image as rows image, class, x1, y1, x2, y2 in pixels."""
    width, height = size
    rows = []
    for image, boxes in enumerate(truth.astype(np.float64)):
        for x, y, w, h, kind, _ in boxes[: int((boxes[:, 0] != 0).sum())]:
            edges = [(x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height]
            rows.append([image, kind, *edges])
    return torch.tensor(rows, dtype=torch.float64)
