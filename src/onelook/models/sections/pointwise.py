"""[batchnorm], [activation], [normalization], [softmax] and [dropout]."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from onelook.models.activations import activation
from onelook.models.sections.stored import BATCH_NORM_EPS, biases_and_norm
from onelook.structures.network.layer import Layer
from onelook.structures.network.sections.pointwise import sliding_sums


class BatchNorm(nn.Module):
    """Batch normalisation on its own."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(layer.out_shape[0], eps=BATCH_NORM_EPS)

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape."""
        return torch.as_tensor(self.norm(x))

    def arrays(self) -> dict[str, Tensor]:
        """Return the tensors under the names that `.weights` has for them."""
        return biases_and_norm(None, self.norm)


class Activation(nn.Module):
    """An activation on its own; what other layers take from the one before stays as it is."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.activation = activation(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape."""
        return torch.as_tensor(self.activation(x.clone()))


class Normalization(nn.Module):
    """Local response normalisation over channels, with the sums that Darknet forms (`sliding_sums`)."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        section, channels = layer.section, layer.out_shape[0]
        self.kappa, self.beta = section.number("kappa", 1.0), section.number("beta", 0.75)
        sums = torch.from_numpy(sliding_sums(channels, section.integer("size", 5))) * section.number("alpha", 0.0001)
        self.register_buffer("sums", sums[:, :, None, None], persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape."""
        norms = self.kappa + functional.conv2d(x.square(), self.get_buffer("sums").to(x.dtype))
        return x * norms.pow(-self.beta)


class Softmax(nn.Module):
    """Shares of 1 over all numbers of an image, or over each of `groups` equal parts of them."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.groups = layer.section.integer("groups", 1)
        self.temperature = layer.section.number("temperature", 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape."""
        parts = x.contiguous().view(len(x), self.groups, -1) / self.temperature
        return parts.softmax(2).view(x.shape)


class DropBlock(nn.Module):
    """Dropout of whole squares (arXiv 1810.12890), sized in pixels or as a part of the width; nothing in evaluation."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        section = layer.section
        self.probability = section.number("probability", 0.2)
        self.part, self.side = section.number("dropblock_size_rel", 0.0), section.integer("dropblock_size_abs", 7)

    def forward(self, x: Tensor) -> Tensor:
        """Return the same shape."""
        if not self.training or not self.probability:
            return x
        height, width = x.shape[2:]
        side = max(1, min(round(self.part * width) if self.part else self.side, height, width))
        rows, columns = height - side + 1, width - side + 1
        chance = self.probability * height * width / (side**2 * rows * columns)
        corners = (torch.rand(*x.shape[:2], rows, columns, device=x.device) < chance).to(x.dtype)
        kept = 1 - functional.max_pool2d(functional.pad(corners, (side - 1,) * 4), side, 1)
        return x * kept * (kept.numel() / kept.sum().clamp(min=1))
