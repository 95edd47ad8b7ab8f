"""A network built from a cfg: losses by name in training, detections in evaluation."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from onelook.models.class_loss import class_losses
from onelook.models.darknet.loss import darknet_loss
from onelook.models.head_figures import Row, head_figures
from onelook.models.loss_settings import LossSettings
from onelook.models.sections.convolution import Convolution
from onelook.models.sections.stored import Stored
from onelook.models.sections.table import make_modules
from onelook.models.yolo_loss import yolo_loss
from onelook.structures.class_scores import ClassScores, softmax
from onelook.structures.detections import Detections
from onelook.structures.network.cfg import Cfg
from onelook.structures.network.heads import decode_all, heads_of
from onelook.structures.network.layers import INPUT, Layer, describe
from onelook.structures.network.nms import MOST_KEPT, measure_of, suppress

Arrays = Mapping[str, NDArray[np.float32]]

_RARE = -4.6
"""The logit of 1 %, about the share of cells that see something."""


class Network(nn.Module):
    """Any Darknet detector or classifier.

    In training `model(images, targets)` gives losses by name, each a mean that a loop may sum; in evaluation `model(images)`
    gives one `Detections` an image, in pixels of the input, or of a classifier one `ClassScores`. Images are (n, 3, h, w) uint8,
    or float in 0..1; targets (m, 6) rows of image, class, x1, y1, x2, y2 in input pixels, or (m, 3) of image, class, share.
    `seen` counts the images that Darknet's loss was given, as Darknet does: its [region] head begins otherwise than it goes on.
    While `watched`, a training pass leaves what its [yolo] heads said of the truth in `figures`.
    """

    def __init__(self, cfg: Cfg, loss: LossSettings | None = None) -> None:
        super().__init__()
        self.cfg = cfg
        self.layers = describe(cfg)
        self.sections = make_modules(self.layers)
        self.heads = heads_of(self.layers)
        self._heads = [layer for layer in self.layers if layer.is_head]
        self.seen = 0
        self.loss = loss or LossSettings()
        self.watched = False
        self.figures: list[Row] = []
        self.score, self.nms = 0.001, 0.45
        self._until = {INPUT: 0} | {
            i: layer.index for layer in self.layers for i in layer.inputs if i != layer.index - 1
        }
        self._reset_heads()

    def forward(
        self, images: Tensor, targets: Tensor | None = None
    ) -> dict[str, Tensor] | list[Detections] | list[ClassScores]:
        """Return losses by name in training, in evaluation detections or a classifier's class scores.

        Raises FormatError in training for a head that the loss has no terms for.
        """
        if not self.heads:
            return self._classify(images, targets)
        raws = self.raw_outputs(images)
        size = (images.shape[3], images.shape[2])
        if self.training:
            assert targets is not None, "training needs targets"
            return self._losses(raws, targets, size)
        arrays = [raw.detach().float().cpu().contiguous().numpy() for raw in raws]
        return [self._detections([array[i] for array in arrays], size) for i in range(len(images))]

    def raw_outputs(self, images: Tensor) -> list[Tensor]:
        """Return what each head receives, (n, c, h, w), in the cfg's order; without heads what the last layer gives."""
        return self._outputs(images, [layer.index for layer in self._heads] or [len(self.layers) - 1])

    def logits(self, images: Tensor) -> Tensor:
        """Return what a classifier's last [softmax] receives, (n, classes, 1, 1). Raises FormatError without one."""
        return self._outputs(images, [self.softmax.index - 1])[0]

    @property
    def softmax(self) -> Layer:
        """The classifier's last [softmax]. Raises FormatError without one."""
        found = [layer for layer in self.layers if layer.kind == "softmax" and layer.index]
        if not found:
            raise self.cfg.net.error(None, "expected a classifier, got a network without a [softmax] layer")
        return found[-1]

    def _outputs(self, images: Tensor, wanted: Sequence[int]) -> list[Tensor]:
        """Return what the wanted layers give; nothing is kept longer than a later layer takes it."""
        x = images.to(memory_format=torch.channels_last)
        x = x.float().div_(255) if images.dtype == torch.uint8 else x
        kept: dict[int, Tensor] = {INPUT: x}
        found: dict[int, Tensor] = {}
        for layer, section in zip(self.layers, self.sections, strict=True):
            x = section(*(x if i == layer.index - 1 else kept[i] for i in layer.inputs))
            if layer.index in wanted:
                found[layer.index] = x
            if len(found) == len(wanted):
                break
            if layer.index in self._until:
                kept[layer.index] = x
            for index in [index for index in kept if self._until[index] <= layer.index]:
                del kept[index]
        return [found[index] for index in wanted]

    def _classify(self, images: Tensor, targets: Tensor | None) -> dict[str, Tensor] | list[ClassScores]:
        logits = self.logits(images).flatten(1)  # (n, classes)
        if self.training:
            assert targets is not None, "training needs targets"
            return class_losses((logits,), targets, self.loss)
        return [ClassScores(row) for row in softmax(logits.detach().float().cpu().numpy())]

    def _losses(self, raws: Sequence[Tensor], targets: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        if self.watched:
            self.figures = head_figures(raws, self.heads, targets, size)
        if self.loss.kind == "darknet":
            self.seen += len(raws[0])
            return darknet_loss(raws, self._heads, targets, size, self.seen)
        for layer in self._heads:
            if layer.kind != "yolo":
                raise layer.section.error(None, "is trained with loss.kind=darknet only")
        return yolo_loss(raws, self.heads, targets, size, self.loss)

    def _reset_heads(self) -> None:
        """Let fresh heads begin by saying that a cell sees nothing, so that the first steps aren't spent on unlearning."""
        for layer, head in zip(self._heads, self.heads, strict=True):
            section = self.sections[layer.index - 1]
            if len(head.anchors) and isinstance(section, Convolution) and section.conv.bias is not None:
                nn.init.normal_(section.conv.weight, std=0.01)
                objectness = head.channels - head.classes - 1
                with torch.no_grad():
                    section.conv.bias.view(-1, head.channels)[:, objectness] = _RARE

    def _detections(self, raws: Sequence[NDArray[np.float32]], size: tuple[int, int]) -> Detections:
        found = decode_all(raws, self.heads, size, self.score)
        return suppress(found, self.nms, MOST_KEPT, measure_of(self.layers, size))

    def arrays(self) -> dict[str, NDArray[np.float32]]:
        """Return copies of all weights under the names of `structures.network.layers`."""
        return {
            name: tensor.detach().float().cpu().contiguous().numpy().copy() for name, tensor in self._tensors().items()
        }

    def load(self, arrays: Arrays) -> None:
        """Copy the arrays into the network; those that are absent leave the network's own. Raises ValueError for a shape."""
        tensors = self._tensors()
        with torch.no_grad():
            for name, array in arrays.items():
                if tensors[name].shape != array.shape:
                    raise ValueError(f"{name}: expected {tuple(tensors[name].shape)}, got {array.shape}")
                tensors[name].copy_(torch.from_numpy(np.array(array, np.float32)))

    def _tensors(self) -> dict[str, Tensor]:
        return {
            f"{index}.{name}": tensor
            for index, section in enumerate(self.sections)
            if isinstance(section, Stored)
            for name, tensor in section.arrays().items()
        }
