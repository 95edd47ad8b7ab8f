"""ResNet with 18, 34, 50, 101 and 152 layers.

Source: He et al., arXiv 1512.03385, the stride in the 3 x 3 convolution of a bottleneck; names as torchvision's.
"""

from typing import ClassVar

from torch import Tensor, nn

from onelook.models.classifiers.small_map import SmallMapConvolution

BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
"""Blocks of each of the four stages, by the number of layers."""


def shortcut(before: int, after: int, stride: int) -> nn.Sequential | None:
    """Return the 1 x 1 convolution that gives a block's input the shape of its output; None where it has it."""
    if stride == 1 and before == after:
        return None
    return nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut."""

    wider: ClassVar[int] = 1
    """Channels of the output, over those of its convolutions."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = SmallMapConvolution(before, width, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = SmallMapConvolution(width, width)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = shortcut(before, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, width, h / stride, w / stride)."""
        kept = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.bn2(self.conv2(x))
        return self.relu(x + kept)


class Bottleneck(nn.Module):
    """A 3 x 3 convolution between two of 1 x 1, beside a shortcut."""

    wider: ClassVar[int] = 4
    """Channels of the output, over those of its convolutions."""

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = SmallMapConvolution(width, width, stride)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = shortcut(before, 4 * width, stride)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, 4 * width, h / stride, w / stride)."""
        kept = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))  # (n, width, h, w)
        x = self.relu(self.bn2(self.conv2(x)))  # (n, width, h / stride, w / stride)
        x = self.bn3(self.conv3(x))
        return self.relu(x + kept)


class ResNet(nn.Module):
    """A stem, four stages of blocks, the mean over places, one connection.

    `small`, for 32 x 32, begins as the paper's CIFAR networks do: 3 x 3 without halving.
    """

    def __init__(self, classes: int, small: bool = False, layers: int = 18) -> None:
        super().__init__()
        block = BasicBlock if layers < 50 else Bottleneck
        self.conv1 = (
            nn.Conv2d(3, 64, 3, 1, 1, bias=False) if small else nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        )  # (n, 64, 112, 112)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.Identity() if small else nn.MaxPool2d(3, 2, 1)  # (n, 64, 56, 56)
        counts, wider = BLOCKS[layers], block.wider
        self.layer1 = _stage(block, 64, 64, counts[0], 1)  # (n, 64 * wider, 56, 56)
        self.layer2 = _stage(block, 64 * wider, 128, counts[1], 2)  # (n, 128 * wider, 28, 28)
        self.layer3 = _stage(block, 128 * wider, 256, counts[2], 2)  # (n, 256 * wider, 14, 14)
        self.layer4 = _stage(block, 256 * wider, 512, counts[3], 2)  # (n, 512 * wider, 7, 7)
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # (n, 512 * wider, 1, 1)
        self.fc = nn.Linear(512 * wider, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, classes) of images (n, 3, h, w)."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def _stage(
    block: type[BasicBlock] | type[Bottleneck], before: int, width: int, count: int, stride: int
) -> nn.Sequential:
    rest = [block(width * block.wider, width, 1) for _ in range(count - 1)]
    return nn.Sequential(block(before, width, stride), *rest)
