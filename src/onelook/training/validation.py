"""A network's detections on a data set, in each image's own pixels: what evaluation asks for, during training and after."""

import torch

from onelook.datasets.dataset import Dataset
from onelook.datasets.loader import eval_batches
from onelook.evaluation.evaluation import Evaluation, evaluate
from onelook.models.network import Network
from onelook.structures.boxes import clip
from onelook.structures.detections import Detections
from onelook.structures.truth import Truth
from onelook.training.settings import TrainSettings

_BATCH = 8


def detect(network: Network, dataset: Dataset, settings: TrainSettings, device: torch.device) -> list[Detections]:
    """Return one `Detections` an image, in the data set's order, boxes clipped to the image."""
    assert settings.width and settings.height and settings.workers is not None
    network.eval()
    size, found = (settings.width, settings.height), []
    for batch in eval_batches(dataset, size, settings.resize == "letterbox", _BATCH, 0):
        with torch.inference_mode():
            outputs = network(batch.images.to(device))
        for index, how, output in zip(batch.indices, batch.fits, outputs, strict=True):
            width, height = dataset.sizes[index]
            boxes = clip(how.back(output.boxes), (int(width), int(height)))
            found.append(Detections(boxes, output.scores, output.classes))
    return found


def truths(dataset: Dataset) -> list[Truth]:
    """Return the truth of every image, in the data set's order."""
    return [dataset.truth(index) for index in range(len(dataset))]


def validate(network: Network, dataset: Dataset, settings: TrainSettings, device: torch.device) -> Evaluation:
    """Return the evaluation under COCO's rules."""
    return evaluate(truths(dataset), detect(network, dataset, settings, device), dataset.names, "coco")
