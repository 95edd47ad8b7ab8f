"""AlexNet, the one-column form. Source: Krizhevsky, arXiv 1404.5997; names as torchvision's."""

from torch import Tensor, nn


class AlexNet(nn.Module):
    """Five convolutions and three connections; `small` takes pictures of 32 x 32 without shrinking them at once."""

    def __init__(self, classes: int, small: bool = False) -> None:
        super().__init__()
        first = nn.Conv2d(3, 64, 3, 1, 1) if small else nn.Conv2d(3, 64, 11, 4, 2)
        side = 3 if small else 6
        self.features = nn.Sequential(  # shapes of 224 x 224 (32 x 32 when small)
            first,  # (n, 64, 55, 55) (32, 32)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),  # (n, 64, 27, 27) (15, 15)
            nn.Conv2d(64, 192, 5, padding=2),  # (n, 192, 27, 27)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),  # (n, 192, 13, 13) (7, 7)
            nn.Conv2d(192, 384, 3, padding=1),  # (n, 384, 13, 13)
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1),  # (n, 256, 13, 13)
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1),  # (n, 256, 13, 13)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, 2),  # (n, 256, 6, 6) (3, 3)
        )
        self.avgpool = nn.AdaptiveAvgPool2d(side)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * side * side, 4096),  # (n, 4096)
            nn.ReLU(inplace=True),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),  # (n, 4096)
            nn.ReLU(inplace=True),
            nn.Linear(4096, classes),  # (n, classes)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, classes) of images (n, 3, h, w)."""
        x = self.avgpool(self.features(x))
        return self.classifier(x.flatten(1))
