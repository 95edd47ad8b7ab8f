"""SE-ResNet with 18 to 152 layers, and SENet-154.

Source: Hu et al., arXiv 1709.01507; the stride in a bottleneck's first convolution, as its authors' Caffe networks have it.
Names as timm's `legacy_seresnet*` and `legacy_senet154`.
"""

from collections import OrderedDict

from torch import Tensor, nn

from onelook.models.classifiers.resnet import BLOCKS
from onelook.models.classifiers.squeeze import SqueezeExcite

SENET = 154
"""The number of layers that names SENet-154: groups, a deep stem and dropout are its own."""


class SEBlock(nn.Module):
    """Two 3 x 3 convolutions and a squeeze-and-excitation beside a shortcut.

    Unlike a bottleneck it has a ReLU before the squeeze too, as the only published weights of 18 and 34 layers were trained with.
    """

    def __init__(self, before: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.se_module = SqueezeExcite(width)
        self.downsample = _shortcut(before, width, stride, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, width, h / stride, w / stride)."""
        kept = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.relu(self.se_module(x) + kept)


class SEBottleneck(nn.Module):
    """1 x 1, 3 x 3, 1 x 1 and a squeeze-and-excitation beside a shortcut; `wide` is SENet-154's own form."""

    def __init__(self, before: int, width: int, stride: int, wide: bool = False) -> None:
        super().__init__()
        first, second, groups = (2 * width, 4 * width, 64) if wide else (width, width, 1)
        strides = (1, stride) if wide else (stride, 1)
        self.conv1 = nn.Conv2d(before, first, 1, strides[0], bias=False)
        self.bn1 = nn.BatchNorm2d(first)
        self.conv2 = nn.Conv2d(first, second, 3, strides[1], 1, groups=groups, bias=False)
        self.bn2 = nn.BatchNorm2d(second)
        self.conv3 = nn.Conv2d(second, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)
        self.relu = nn.ReLU(inplace=True)
        self.se_module = SqueezeExcite(4 * width)
        self.downsample = _shortcut(before, 4 * width, stride, 3 if wide and stride > 1 else 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, 4 * width, h / stride, w / stride)."""
        kept = x if self.downsample is None else self.downsample(x)
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(x))
        return self.relu(self.se_module(x) + kept)


class SENet(nn.Module):
    """A stem, four stages of blocks with squeeze-and-excitation, the mean over places, one connection."""

    def __init__(self, classes: int, small: bool = False, layers: int = 50) -> None:
        super().__init__()
        deep = layers == SENET
        counts, wider = BLOCKS[152 if deep else layers], 1 if layers < 50 else 4
        stem, before = _deep_stem(small) if deep else _stem(small)
        self.layer0 = nn.Sequential(stem)  # (n, 64 or 128, 56, 56)
        self.layer1 = _stage(layers, before, 64, counts[0], 1)  # (n, 64 * wider, 56, 56)
        self.layer2 = _stage(layers, 64 * wider, 128, counts[1], 2)  # (n, 128 * wider, 28, 28)
        self.layer3 = _stage(layers, 128 * wider, 256, counts[2], 2)  # (n, 256 * wider, 14, 14)
        self.layer4 = _stage(layers, 256 * wider, 512, counts[3], 2)  # (n, 512 * wider, 7, 7)
        self.avg_pool = nn.AdaptiveAvgPool2d(1)  # (n, 512 * wider, 1, 1)
        self.dropout = nn.Dropout(0.2 if deep else 0.0)
        self.last_linear = nn.Linear(512 * wider, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, classes) of images (n, 3, h, w)."""
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.layer0(x)))))
        return self.last_linear(self.dropout(self.avg_pool(x).flatten(1)))


def _stem(small: bool) -> tuple[OrderedDict[str, nn.Module], int]:
    conv = nn.Conv2d(3, 64, 3, 1, 1, bias=False) if small else nn.Conv2d(3, 64, 7, 2, 3, bias=False)
    modules = [("conv1", conv), ("bn1", nn.BatchNorm2d(64)), ("relu1", nn.ReLU(inplace=True)), _pool(small)]
    return OrderedDict(modules), 64


def _deep_stem(small: bool) -> tuple[OrderedDict[str, nn.Module], int]:
    modules: list[tuple[str, nn.Module]] = []
    for number, (before, width) in enumerate(((3, 64), (64, 64), (64, 128)), start=1):
        stride = 2 if number == 1 and not small else 1
        modules += [
            (f"conv{number}", nn.Conv2d(before, width, 3, stride, 1, bias=False)),
            (f"bn{number}", nn.BatchNorm2d(width)),
            (f"relu{number}", nn.ReLU(inplace=True)),
        ]
    return OrderedDict([*modules, _pool(small)]), 128


def _pool(small: bool) -> tuple[str, nn.Module]:
    return "pool", nn.Identity() if small else nn.MaxPool2d(3, 2, ceil_mode=True)


def _shortcut(before: int, after: int, stride: int, size: int) -> nn.Sequential | None:
    if stride == 1 and before == after:
        return None
    conv = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(after))


def _stage(layers: int, before: int, width: int, count: int, stride: int) -> nn.Sequential:
    blocks: list[nn.Module] = []
    for number in range(count):
        step = stride if number == 0 else 1
        if layers < 50:
            blocks.append(SEBlock(before, width, step))
            before = width
        else:
            blocks.append(SEBottleneck(before, width, step, wide=layers == SENET))
            before = 4 * width
    return nn.Sequential(*blocks)
