"""GoogLeNet: the published form, and the one with batch normalisation whose weights are published.

Source: Szegedy et al., arXiv 1409.4842. With batch normalisation, names and numbers are torchvision's, among them its 3 x 3
convolution where the paper has 5 x 5; without, kernels and biases are the paper's, and local response normalisation stands in
its two places.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

EPSILON = 0.001
"""Of the batch normalisation, as in TensorFlow, where the published weights come from."""


class ConvReLU(nn.Module):
    """A convolution, batch normalisation unless `plain`, ReLU."""

    def __init__(
        self, before: int, after: int, size: int, stride: int = 1, padding: int = 0, plain: bool = False
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, size, stride, padding, bias=plain)
        self.bn = nn.Identity() if plain else nn.BatchNorm2d(after, eps=EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, after, h', w')."""
        return functional.relu(self.bn(self.conv(x)), inplace=True)


Scaling = Callable[[int], nn.Module]
"""Makes what stands behind a path, or a module, of so many channels."""


def _unscaled(_: int) -> nn.Module:
    return nn.Identity()


class Inception(nn.Module):
    """Four paths over the same input, their channels one after the other.

    `widths` are those of the 1 x 1 path, the narrow and wide side of the 3 x 3 and of the 5 x 5 path, and the pooled path.
    `on_path` makes what scales each path, `on_module` what scales all of them together.
    """

    def __init__(
        self,
        before: int,
        widths: tuple[int, int, int, int, int, int],
        plain: bool,
        on_path: Scaling = _unscaled,
        on_module: Scaling = _unscaled,
    ) -> None:
        super().__init__()
        one, narrow3, wide3, narrow5, wide5, pooled = widths
        size5 = 5 if plain else 3
        self.branch1 = ConvReLU(before, one, 1, plain=plain)
        self.branch2 = nn.Sequential(
            ConvReLU(before, narrow3, 1, plain=plain), ConvReLU(narrow3, wide3, 3, padding=1, plain=plain)
        )
        self.branch3 = nn.Sequential(
            ConvReLU(before, narrow5, 1, plain=plain),
            ConvReLU(narrow5, wide5, size5, padding=size5 // 2, plain=plain),
        )
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), ConvReLU(before, pooled, 1, plain=plain))
        self.on_paths = nn.ModuleList([on_path(width) for width in (one, wide3, wide5, pooled)])
        self.on_module = on_module(one + wide3 + wide5 + pooled)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, one + wide3 + wide5 + pooled, h, w)."""
        paths = (self.branch1, self.branch2, self.branch3, self.branch4)
        scaled = [scale(path(x)) for scale, path in zip(self.on_paths, paths, strict=True)]
        return self.on_module(torch.cat(scaled, 1))


class Auxiliary(nn.Module):
    """A second head halfway, which only training asks."""

    def __init__(self, before: int, classes: int, plain: bool) -> None:
        super().__init__()
        self.conv = ConvReLU(before, 128, 1, plain=plain)
        self.fc1 = nn.Linear(2048, 1024)
        self.fc2 = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, classes)."""
        x = self.conv(functional.adaptive_avg_pool2d(x, 4))  # (n, 128, 4, 4)
        x = functional.relu(self.fc1(x.flatten(1)))  # (n, 1024)
        return self.fc2(functional.dropout(x, 0.7, self.training))


class GoogLeNet(nn.Module):
    """Nine inception modules. While training it returns the main logits and those of both auxiliary heads, else the main ones.

    `small`, for 32 x 32, begins with 3 x 3 and without the first two halvings.
    """

    def __init__(
        self,
        classes: int,
        small: bool = False,
        plain: bool = False,
        on_path: Scaling = _unscaled,
        on_module: Scaling = _unscaled,
    ) -> None:
        super().__init__()

        def module(before: int, *widths: int) -> Inception:
            one, narrow3, wide3, narrow5, wide5, pooled = widths
            return Inception(before, (one, narrow3, wide3, narrow5, wide5, pooled), plain, on_path, on_module)

        size, stride = (3, 1) if small else (7, 2)
        self.conv1 = ConvReLU(3, 64, size, stride, size // 2, plain)  # (n, 64, 112, 112)
        self.maxpool1 = nn.Identity() if small else nn.MaxPool2d(3, 2, ceil_mode=True)  # (n, 64, 56, 56)
        self.norm1 = nn.LocalResponseNorm(5) if plain else nn.Identity()
        self.conv2 = ConvReLU(64, 64, 1, plain=plain)  # (n, 64, 56, 56)
        self.conv3 = ConvReLU(64, 192, 3, padding=1, plain=plain)  # (n, 192, 56, 56)
        self.norm2 = nn.LocalResponseNorm(5) if plain else nn.Identity()
        self.maxpool2 = nn.MaxPool2d(3, 2, ceil_mode=True)  # (n, 192, 28, 28)
        self.inception3a = module(192, 64, 96, 128, 16, 32, 32)  # (n, 256, 28, 28)
        self.inception3b = module(256, 128, 128, 192, 32, 96, 64)  # (n, 480, 28, 28)
        self.maxpool3 = nn.MaxPool2d(3, 2, ceil_mode=True)  # (n, 480, 14, 14)
        self.inception4a = module(480, 192, 96, 208, 16, 48, 64)  # (n, 512, 14, 14)
        self.inception4b = module(512, 160, 112, 224, 24, 64, 64)  # (n, 512, 14, 14)
        self.inception4c = module(512, 128, 128, 256, 24, 64, 64)  # (n, 512, 14, 14)
        self.inception4d = module(512, 112, 144, 288, 32, 64, 64)  # (n, 528, 14, 14)
        self.inception4e = module(528, 256, 160, 320, 32, 128, 128)  # (n, 832, 14, 14)
        self.maxpool4 = nn.MaxPool2d(2, 2, ceil_mode=True)  # (n, 832, 7, 7)
        self.inception5a = module(832, 256, 160, 320, 32, 128, 128)  # (n, 832, 7, 7)
        self.inception5b = module(832, 384, 192, 384, 48, 128, 128)  # (n, 1024, 7, 7)
        self.aux1 = Auxiliary(512, classes, plain)
        self.aux2 = Auxiliary(528, classes, plain)
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # (n, 1024, 1, 1)
        self.dropout = nn.Dropout(0.4 if plain else 0.2)
        self.fc = nn.Linear(1024, classes)

    def forward(self, x: Tensor) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        """Return logits (n, classes); in training those of the auxiliary heads behind them."""
        x = self.norm1(self.maxpool1(self.conv1(x)))
        x = self.maxpool2(self.norm2(self.conv3(self.conv2(x))))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = middle = self.inception4a(x)
        x = later = self.inception4d(self.inception4c(self.inception4b(x)))
        x = self.maxpool4(self.inception4e(x))
        x = self.avgpool(self.inception5b(self.inception5a(x)))
        logits = self.fc(self.dropout(x.flatten(1)))
        return (logits, self.aux1(middle), self.aux2(later)) if self.training else logits
