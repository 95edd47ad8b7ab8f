"""A network that is known by its name and a few settings, as a bundle writes it in `network.toml`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from onelook.structures.errors import FormatError, UserError
from onelook.structures.settings import make_settings

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's pictures, RGB in 0..1: what published weights expect."""

STEMS = ("standard", "small")

SMALL_SIDE = 64
"""Pixels of the input up to which a network begins without shrinking it at once."""


@dataclass(frozen=True)
class NamedNetwork:
    """What a network is built from, its weights aside."""

    name: str
    """As in `onelook train NAME`."""
    classes: int
    """How many it tells apart."""
    stem: str = "standard"
    """How it begins: `standard`, as published for 224 x 224, or `small`, for pictures of about 32 x 32."""
    head: tuple[int, ...] = ()
    """Widths of connections between the network and its last one."""
    mean: tuple[float, ...] = IMAGENET_MEAN
    """Subtracted from each channel in 0..1."""
    std: tuple[float, ...] = IMAGENET_STD
    """By which each channel is then divided."""

    def __post_init__(self) -> None:
        if self.stem not in STEMS:
            raise UserError(f"stem: expected {' or '.join(STEMS)}, got {self.stem!r}")
        if self.classes < 1 or min(self.head, default=1) < 1:
            raise UserError(f"classes, head: expected at least 1, got {self.classes}, {self.head}")
        if len(self.mean) != 3 or len(self.std) != 3 or min(self.std) <= 0:
            raise UserError(f"mean, std: expected three numbers each, got {self.mean}, {self.std}")


def read_named(values: Mapping[str, Any], where: str) -> NamedNetwork:
    """Return the network that a mapping describes. Raises FormatError naming `where` for what is missing or unknown."""
    for needed in ("name", "classes"):
        if needed not in values:
            raise FormatError(f"{where}: expected {needed}, got none")
    return make_settings(NamedNetwork, values, where)
