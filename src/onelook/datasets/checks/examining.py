"""What the checks look at: a data set, and the look at each of its pictures."""

from dataclasses import dataclass

from onelook.datasets.checks.looking import Look
from onelook.datasets.dataset import Dataset


@dataclass(frozen=True)
class Examined:
    """A data set and the look at each of its pictures, in the same order; `size` is the network's input, when it is known."""

    dataset: Dataset
    looks: tuple[Look, ...]
    size: tuple[int, int] | None = None
