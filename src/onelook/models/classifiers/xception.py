"""Xception: convolutions over places and over channels taken apart. Source: Chollet, arXiv 1610.02357; names as timm's."""

from torch import Tensor, nn


class Separable(nn.Module):
    """A 3 x 3 convolution of each channel by itself, then a 1 x 1 convolution over channels."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, before, 3, padding=1, groups=before, bias=False)
        self.pointwise = nn.Conv2d(before, after, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, after, h, w)."""
        return self.pointwise(self.conv1(x))


class Block(nn.Module):
    """Separable convolutions beside a shortcut, halving at the end where `stride` is 2.

    `widths` are the channels after each of them; the first has no ReLU before it when `plain` says so.
    """

    def __init__(self, before: int, widths: tuple[int, ...], stride: int, plain: bool = False) -> None:
        super().__init__()
        after = widths[-1]
        self.skip: nn.Module | None = None
        if stride != 1 or before != after:
            self.skip = nn.Conv2d(before, after, 1, stride, bias=False)
            self.skipbn = nn.BatchNorm2d(after)
        modules: list[nn.Module] = []
        for number, (left, right) in enumerate(zip((before, *widths), widths, strict=False)):
            if number or not plain:
                modules.append(nn.ReLU(inplace=number > 0))  # the first one's input is needed by the shortcut
            modules += [Separable(left, right), nn.BatchNorm2d(right)]
        if stride != 1:
            modules.append(nn.MaxPool2d(3, stride, 1))
        self.rep = nn.Sequential(*modules)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, after, h / stride, w / stride)."""
        kept = x if self.skip is None else self.skipbn(self.skip(x))
        return self.rep(x) + kept


class Xception(nn.Module):
    """An entry of three halvings, eight blocks of the same size, an exit of two wide convolutions.

    `small`, for 32 x 32, does not halve in its first convolution.
    """

    def __init__(self, classes: int, small: bool = False) -> None:
        super().__init__()  # shapes of 299 x 299, the published size
        self.conv1 = nn.Conv2d(3, 32, 3, 1 if small else 2, 1 if small else 0, bias=False)  # (n, 32, 149, 149)
        self.bn1 = nn.BatchNorm2d(32)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=int(small), bias=False)  # (n, 64, 147, 147)
        self.bn2 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.block1 = Block(64, (128, 128), 2, plain=True)  # (n, 128, 74, 74)
        self.block2 = Block(128, (256, 256), 2)  # (n, 256, 37, 37)
        self.block3 = Block(256, (728, 728), 2)  # (n, 728, 19, 19)
        self.block4 = Block(728, (728, 728, 728), 1)  # (n, 728, 19, 19), and so on to block 11
        self.block5 = Block(728, (728, 728, 728), 1)
        self.block6 = Block(728, (728, 728, 728), 1)
        self.block7 = Block(728, (728, 728, 728), 1)
        self.block8 = Block(728, (728, 728, 728), 1)
        self.block9 = Block(728, (728, 728, 728), 1)
        self.block10 = Block(728, (728, 728, 728), 1)
        self.block11 = Block(728, (728, 728, 728), 1)
        self.block12 = Block(728, (728, 1024), 2)  # (n, 1024, 10, 10)
        self.conv3 = Separable(1024, 1536)  # (n, 1536, 10, 10)
        self.bn3 = nn.BatchNorm2d(1536)
        self.conv4 = Separable(1536, 2048)  # (n, 2048, 10, 10)
        self.bn4 = nn.BatchNorm2d(2048)
        self.global_pool = nn.AdaptiveAvgPool2d(1)  # (n, 2048, 1, 1)
        self.fc = nn.Linear(2048, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, classes) of images (n, 3, h, w)."""
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        x = self.block3(self.block2(self.block1(x)))
        x = self.block7(self.block6(self.block5(self.block4(x))))
        x = self.block11(self.block10(self.block9(self.block8(x))))
        x = self.block12(x)
        x = self.relu(self.bn3(self.conv3(x)))
        x = self.relu(self.bn4(self.conv4(x)))
        return self.fc(self.global_pool(x).flatten(1))
