"""What the checks look at: a data set, and the look at each of its pictures."""

from dataclasses import dataclass

from onelook.datasets.checks.looking import Look
from onelook.datasets.dataset import Dataset

FINEST_STRIDE = 8
"""Pixels of a cell of the finest head that common detectors have."""


@dataclass(frozen=True)
class Examined:
    """A data set and the look at each of its pictures, in the same order; `size` is the network's input, when it is known."""

    dataset: Dataset
    looks: tuple[Look, ...]
    size: tuple[int, int] | None = None
    """Width and height."""
    stride: int = FINEST_STRIDE
    """Pixels of the input that one cell of the network's finest head covers."""
