"""[maxpool], [local_avgpool], [upsample], [reorg], [reorg3d] and [crop]."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from onelook.models.activations import Computation
from onelook.models.sections.blur import Blur
from onelook.structures.network.layer import Layer
from onelook.structures.network.sections.windows import blur_size, convolution_stride, maxpool_window


class Window(nn.Module):
    """A window moved over the input: half of its padding (rounded down) lies before, the rest as far as the last one reaches."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        section = layer.section
        self.size, _, self.total = maxpool_window(section)
        self.stride = (1, 1) if blur_size(section) else convolution_stride(section)[::-1]  # (y, x)

    def padding(self, x: Tensor) -> tuple[int, int, int, int]:
        """Return how much to add left, right, above and below; less than none where the last window ends before."""
        before = self.total // 2
        after = []
        for side, stride in zip(x.shape[:1:-1], self.stride[::-1], strict=True):
            outputs = (side + self.total - self.size) // stride + 1
            after.append((outputs - 1) * stride + self.size - side - before)
        return before, after[0], before, after[1]


class Maxpool(nn.Module):
    """Darknet's maximum: what lies outside never wins."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.window = Window(layer)
        self.blur: Computation | None = Blur(layer.section) if blur_size(layer.section) else None

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, c, h', w')."""
        size, stride = self.window.size, self.window.stride
        left, right, above, below = self.window.padding(x)
        if left == right == above == below and 2 * left <= size:
            x = functional.max_pool2d(x, size, stride, left)
        else:
            x = functional.pad(x, (left, right, above, below), value=float("-inf"))
            x = functional.max_pool2d(x, size, stride)
        return x if self.blur is None else self.blur(x)


class ChannelMaxpool(nn.Module):
    """`maxpool_depth`: output k is the largest of the channels k, k + outputs, k + 2 * outputs, ..."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.outputs = layer.out_shape[0]

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, outputs, h, w)."""
        missing = -x.shape[1] % self.outputs
        x = functional.pad(x, (0, 0, 0, 0, 0, missing), value=float("-inf")) if missing else x
        return x.reshape(len(x), -1, self.outputs, *x.shape[2:]).amax(1)


class LocalAvgpool(nn.Module):
    """The mean of what a window sees of the input; what lies outside does not count."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.window = Window(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, c, h', w')."""
        padding, size, stride = self.window.padding(x), self.window.size, self.window.stride
        seen = functional.pad(torch.ones_like(x[:1, :1]), padding)
        return functional.avg_pool2d(functional.pad(x, padding), size, stride) / functional.avg_pool2d(
            seen, size, stride
        )


class Upsample(nn.Module):
    """Every pixel repeated, and scaled where the cfg says."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.stride = layer.section.integer("stride", 2)
        self.scale = layer.section.number("scale", 1.0)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, c, h * stride, w * stride)."""
        x = functional.interpolate(x, scale_factor=float(self.stride), mode="nearest")
        return x if self.scale == 1 else x * self.scale


class Reorg3d(nn.Module):
    """Squares of pixels become channels: first those of their upper left pixels, in order."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.stride = layer.section.integer("stride", 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, c * stride², h / stride, w / stride)."""
        x = x.unflatten(3, (-1, self.stride)).unflatten(2, (-1, self.stride))  # (n, c, h', s, w', s)
        return x.permute(0, 3, 5, 1, 2, 4).flatten(1, 3)


class Reorg(nn.Module):
    """YOLOv2's reorg, which takes the memory (c, h, w) for (c / stride², h * stride, w * stride) first."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        self.squares, self.stride = Reorg3d(layer), layer.section.integer("stride", 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, c * stride², h / stride, w / stride)."""
        (images, channels, height, width), stride = x.shape, self.stride
        x = x.contiguous().view(images, channels // stride**2, height * stride, width * stride)
        x = self.squares(x).contiguous()  # (n, c, h, w)
        return x.view(images, channels * stride**2, height // stride, width // stride)


class Crop(nn.Module):
    """The middle of the image, while training a place at random and perhaps mirrored; 0..1 becomes -1..1."""

    def __init__(self, layer: Layer) -> None:
        super().__init__()
        _, self.rows, self.columns = layer.out_shape
        self.flip = bool(layer.section.integer("flip", 0))
        self.adjust = not layer.section.integer("noadjust", 0)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, c, rows, columns)."""
        spare = x.shape[2] - self.rows, x.shape[3] - self.columns
        if self.training:
            top, left = (int(torch.randint(free + 1, ())) for free in spare)
        else:
            top, left = spare[0] // 2, spare[1] // 2
        x = x[:, :, top : top + self.rows, left : left + self.columns]
        if self.training and self.flip and int(torch.randint(2, ())):
            x = x.flip(3)
        return x * 2 - 1 if self.adjust else x
