"""[convolutional], [connected] and [local]."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from onelook.models.activations import Computation, activation
from onelook.models.sections.blur import Blur
from onelook.models.sections.stored import BATCH_NORM_EPS, biases_and_norm
from onelook.structures.network.layer import Layer
from onelook.structures.network.sections.convolution import normalised
from onelook.structures.network.sections.windows import (
    blur_size,
    convolution_dilation,
    convolution_padding,
    convolution_stride,
)


class Convolution(nn.Module):
    """Convolution, batch normalisation where asked for, activation, and the blur of `antialiasing`."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        section, (channels, _, _) = layer.section, layer.in_shapes[0]
        filters, norm = layer.out_shape[0], normalised(layer)
        stride_x, stride_y = (1, 1) if blur_size(section) else convolution_stride(section)
        self.conv = nn.Conv2d(
            channels,
            filters,
            section.integer("size", 1),
            (stride_y, stride_x),
            convolution_padding(section),
            convolution_dilation(section),
            section.integer("groups", 1),
            bias=not norm,
        )
        self.norm = nn.BatchNorm2d(filters, eps=BATCH_NORM_EPS) if norm else None
        self.activation: Computation = activation(layer)
        self.blur: Computation | None = Blur(section) if blur_size(section) else None
        self.reset()

    def reset(self) -> None:
        """Draw fresh weights as Darknet does, normal with deviation sqrt(2 / fan in); biases 0, scales 1."""
        fan_in = self.conv.weight[0].numel()
        nn.init.normal_(self.conv.weight, std=(2 / fan_in) ** 0.5)
        if self.conv.bias is not None:
            nn.init.zeros_(self.conv.bias)
        if self.norm is not None:
            self.norm.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, filters, h', w')."""
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        x = self.activation(x)
        return x if self.blur is None else self.blur(x)

    def arrays(self) -> dict[str, Tensor]:
        """Return the tensors under the names that `.weights` has for them."""
        return {"weights": self.conv.weight, **biases_and_norm(self.conv.bias, self.norm)}


class SharedConvolution(nn.Module):
    """A convolution with another layer's weights, biases and normalisation (`share_index`) and a window of its own."""

    def __init__(self, layer: Layer, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        assert layer.shares is not None
        shared = modules[layer.shares]
        assert isinstance(shared, Convolution)
        self._owner = (shared,)  # in a tuple, so that its parameters are not counted and stored twice
        section = layer.section
        stride_x, stride_y = (1, 1) if blur_size(section) else convolution_stride(section)
        self.stride, self.padding = (stride_y, stride_x), convolution_padding(section)
        self.dilation, self.groups = convolution_dilation(section), section.integer("groups", 1)
        self.activation: Computation = activation(layer)
        self.blur: Computation | None = Blur(section) if blur_size(section) else None

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, filters, h', w')."""
        owner = self._owner[0]
        x = functional.conv2d(
            x, owner.conv.weight, owner.conv.bias, self.stride, self.padding, self.dilation, self.groups
        )
        if owner.norm is not None:
            x = owner.norm(x)
        x = self.activation(x)
        return x if self.blur is None else self.blur(x)


class Connected(nn.Module):
    """A fully connected layer over the flattened input; (n, c, h, w) becomes (n, outputs, 1, 1)."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        channels, height, width = layer.in_shapes[0]
        outputs, norm = layer.out_shape[0], normalised(layer)
        self.linear = nn.Linear(channels * height * width, outputs, bias=not norm)
        self.norm = nn.BatchNorm1d(outputs, eps=BATCH_NORM_EPS) if norm else None
        self.activation: Computation = activation(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, outputs, 1, 1)."""
        x = self.linear(x.contiguous().flatten(1))  # (n, outputs); the memory is made NCHW first, as Darknet's is
        if self.norm is not None:
            x = self.norm(x)
        return self.activation(x[:, :, None, None])

    def arrays(self) -> dict[str, Tensor]:
        """Return the tensors under the names that `.weights` has for them."""
        return {"weights": self.linear.weight, **biases_and_norm(self.linear.bias, self.norm)}


class Local(nn.Module):
    """A convolution whose every place has weights of its own."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        shapes = dict(layer.arrays)
        self.size, self.stride = layer.section.integer("size", 1), layer.section.integer("stride", 1)
        self.padding = layer.section.integer("pad", 0)
        fan_in = self.size**2 * layer.in_shapes[0][0]
        self.weight = nn.Parameter(torch.randn(shapes["weights"]) * (2 / fan_in) ** 0.5)
        self.bias = nn.Parameter(torch.zeros(shapes["biases"]))
        self.activation: Computation = activation(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, filters, h', w')."""
        windows = functional.unfold(x.contiguous(), self.size, padding=self.padding, stride=self.stride)
        sums = torch.einsum("nkp,pfk->nfp", windows, self.weight.flatten(2))  # k: taps, p: places
        return self.activation(sums.view(-1, *self.bias.shape) + self.bias)

    def arrays(self) -> dict[str, Tensor]:
        """Return the tensors under the names that `.weights` has for them."""
        return {"biases": self.bias, "weights": self.weight}
