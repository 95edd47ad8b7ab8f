"""What a classifier says of one image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ClassScores:
    """How likely each class is, (c,) float32 in 0..1 with the sum 1, in the order of the class names."""

    scores: NDArray[np.float32]

    def __post_init__(self) -> None:
        object.__setattr__(self, "scores", np.asarray(self.scores, np.float32).reshape(-1))

    def __len__(self) -> int:
        return len(self.scores)

    def top(self, count: int = 1) -> list[tuple[int, float]]:
        """Return the `count` likeliest classes (all where there are fewer), each as index and score, best first."""
        order = np.argsort(-self.scores, kind="stable")[:count]
        return [(int(index), float(self.scores[index])) for index in order]


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return shares of 1 along the last axis, the same shape; a row with NaN gives NaN."""
    with np.errstate(invalid="ignore"):  # inf - inf
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=-1, keepdims=True), np.float32)
