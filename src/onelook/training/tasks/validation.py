"""A network's detections on a data set, in each image's own pixels: what evaluation asks for, during training and after."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from onelook.datasets.dataset import Dataset
from onelook.datasets.loader import eval_batches
from onelook.models.network import Network
from onelook.structures.boxes import clip
from onelook.structures.detections import Detections
from onelook.structures.truth import Truth
from onelook.training.settings import TrainSettings

_BATCH = 8


@dataclass(frozen=True)
class View:
    """How a network is shown the images: the input's (width, height), the way they are fitted in, and a change of the pixels."""

    size: tuple[int, int]
    letterbox: bool
    change: Callable[[Tensor], Tensor] | None = None
    """Takes and returns images (n, 3, h, w) uint8."""


def detect(network: Network, dataset: Dataset, settings: TrainSettings, device: torch.device) -> list[Detections]:
    """Return one `Detections` an image, in the data set's order, boxes clipped to the image."""
    assert settings.width and settings.height and settings.workers is not None
    network.eval()
    return look(network, dataset, View((settings.width, settings.height), settings.resize == "letterbox"), device)


def look(network: Network, dataset: Dataset, view: View, device: torch.device) -> list[Detections]:
    """Return what the network, as it stands, sees in such a view: one `Detections` an image, clipped to it."""
    found = []
    for batch in eval_batches(dataset, view.size, view.letterbox, _BATCH, 0):
        images = batch.images if view.change is None else view.change(batch.images)
        with torch.inference_mode():
            outputs = network(images.to(device))
        for index, how, output in zip(batch.indices, batch.fits, outputs, strict=True):
            width, height = dataset.sizes[index]
            boxes = clip(how.back(output.boxes), (int(width), int(height)))
            found.append(Detections(boxes, output.scores, output.classes))
    return found


def truths(dataset: Dataset) -> list[Truth]:
    """Return the truth of every image, in the data set's order."""
    return [dataset.truth(index) for index in range(len(dataset))]


def collapsed(found: Sequence[Detections], boxes: int) -> str:
    """Return `nothing detected` or `everything detected` when that is the answer to all pictures, else an empty string.

    `boxes` is how many there are to be found: without any, nothing detected is right.
    """
    if not boxes:
        return ""
    best = max((float(each.scores.max(initial=0.0)) for each in found), default=0.0)
    if best < NOTHING:
        return "nothing detected"
    sure = sum(int((each.scores > 0.5).sum()) for each in found)
    return "everything detected" if sure > EVERYTHING * boxes else ""


NOTHING, EVERYTHING = 0.005, 20
"""A best score of all pictures below which nothing is detected; detections surer than half, a box that is there."""
