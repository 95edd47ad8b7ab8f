"""A classifier by name: losses by name in training, class scores in evaluation."""

from collections.abc import Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from onelook.models.class_loss import class_losses
from onelook.models.classifiers.googlenet import Auxiliary
from onelook.models.classifiers.initial import reset
from onelook.models.classifiers.table import CLASSIFIERS
from onelook.models.loss_settings import LossSettings
from onelook.structures.class_scores import ClassScores, softmax
from onelook.structures.named_network import NamedNetwork

Arrays = Mapping[str, NDArray[np.float32]]


class Classifier(nn.Module):
    """A network of `CLASSIFIERS` with its input brought to the mean and deviation that its published weights expect.

    In training `model(images, targets)` gives losses by name, in evaluation `model(images)` one `ClassScores` an image. Images
    are (n, 3, h, w) uint8, or float in 0..1; targets (m, 3) rows of image, class, share. The weights' names are the network's.
    """

    def __init__(self, named: NamedNetwork, loss: LossSettings | None = None) -> None:
        super().__init__()
        self.named, self.loss = named, loss or LossSettings()
        self.network = build(named)
        self.register_buffer("mean", torch.tensor(named.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(named.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, images: Tensor, targets: Tensor | None = None) -> dict[str, Tensor] | list[ClassScores]:
        """Return losses by name in training, class scores in evaluation."""
        found = self.network(self.prepared(images))
        if self.training:
            assert targets is not None, "training needs targets"
            return class_losses(found if isinstance(found, tuple) else (found,), targets, self.loss)
        return [ClassScores(row) for row in softmax(found.detach().float().cpu().numpy())]

    def logits(self, images: Tensor) -> Tensor:
        """Return what a softmax would take (n, classes); in evaluation only."""
        return torch.as_tensor(self.network(self.prepared(images)))

    def prepared(self, images: Tensor) -> Tensor:
        """Return the images as floats of the mean and deviation that the network expects, channels last in memory."""
        x = images.to(memory_format=torch.channels_last)
        x = x.float().div_(255) if images.dtype == torch.uint8 else x
        return (x - self.get_buffer("mean")) / self.get_buffer("deviation")

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of all weights and running statistics under the network's own names."""
        return {name: tensor.detach().float().cpu().numpy().copy() for name, tensor in self._tensors().items()}

    def load(self, arrays: Arrays) -> None:
        """Copy the arrays into the network; those that are absent leave its own. Raises ValueError for a name or a shape."""
        tensors = self._tensors()
        with torch.no_grad():
            for name, array in arrays.items():
                if name not in tensors or tensors[name].shape != array.shape:
                    raise ValueError(f"{name}: expected one of the network's arrays, got {array.shape}")
                tensors[name].copy_(torch.from_numpy(np.array(array, np.float32)))

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of every array by its name."""
        return {name: tuple(tensor.shape) for name, tensor in self._tensors().items()}

    def _tensors(self) -> dict[str, Tensor]:
        """Return parameters and running statistics; batch normalisation's counters of batches are no weights."""
        return {name: tensor for name, tensor in self.network.state_dict().items() if tensor.is_floating_point()}


def build(named: NamedNetwork) -> nn.Module:
    """Return the network with fresh weights, its last connection replaced by those of `head` where that names widths."""
    kind = CLASSIFIERS[named.name]
    network = kind.build(named.classes, named.stem == "small")
    if named.head:
        above, _, own = kind.last.rpartition(".")
        last = network.get_submodule(kind.last)
        assert isinstance(last, nn.Linear)
        setattr(network.get_submodule(above), own, _head(last.in_features, named))
    reset(network, _logits(network, kind.last))
    return network


def _logits(network: nn.Module, last: str) -> list[nn.Module]:
    """Return the connections to the classes: the last one, and those of auxiliary heads."""
    found = network.get_submodule(last)
    own = found[-1] if isinstance(found, nn.Sequential) else found
    return [own, *(module.fc2 for module in network.modules() if isinstance(module, Auxiliary))]


def _head(before: int, named: NamedNetwork) -> nn.Sequential:
    modules: list[nn.Module] = []
    for width in named.head:
        modules += [nn.Linear(before, width), nn.ReLU(inplace=True)]  # (n, width)
        before = width
    return nn.Sequential(*modules, nn.Linear(before, named.classes))
