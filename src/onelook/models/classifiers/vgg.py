"""VGG with 11, 13, 16 and 19 layers, with and without batch normalisation.

Source: Simonyan and Zisserman, arXiv 1409.1556; names as torchvision's.
"""

from collections.abc import Sequence

from torch import Tensor, nn

REPEATS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""Convolutions of each of the five stages, by the number of layers."""

WIDTHS = (64, 128, 256, 512, 512)
"""Channels of the five stages."""


class VGG(nn.Module):
    """Five stages of 3 x 3 convolutions, each ended by halving; `small`, for 32 x 32, has the usual narrow connections."""

    def __init__(self, classes: int, small: bool = False, layers: int = 16, batch_norm: bool = False) -> None:
        super().__init__()
        side, hidden = (1, 512) if small else (7, 4096)
        self.features = _features(REPEATS[layers], batch_norm)  # (n, 512, h / 32, w / 32)
        self.avgpool = nn.AdaptiveAvgPool2d(side)  # (n, 512, 7, 7), (n, 512, 1, 1) when small
        self.classifier = nn.Sequential(
            nn.Linear(512 * side * side, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(hidden, hidden),
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, classes) of images (n, 3, h, w)."""
        x = self.avgpool(self.features(x))
        return self.classifier(x.flatten(1))


def _features(repeats: Sequence[int], batch_norm: bool) -> nn.Sequential:
    modules: list[nn.Module] = []
    before = 3
    for count, width in zip(repeats, WIDTHS, strict=True):
        for _ in range(count):
            modules.append(nn.Conv2d(before, width, 3, padding=1))  # (n, width, h, w)
            modules += [nn.BatchNorm2d(width)] if batch_norm else []
            modules.append(nn.ReLU(inplace=True))
            before = width
        modules.append(nn.MaxPool2d(2, 2))  # (n, width, h / 2, w / 2)
    return nn.Sequential(*modules)
