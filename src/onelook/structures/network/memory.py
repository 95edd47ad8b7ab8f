"""The memory that a network takes for one image, from its layers' shapes alone: what must be there, without a runtime's own."""

from collections.abc import Sequence
from dataclasses import dataclass

BYTES = 4
"""Of a float32."""


@dataclass(frozen=True)
class Step:
    """One computation: whose outputs it takes (-1 is the image), how many numbers it puts out, how many weights it has."""

    inputs: tuple[int, ...]
    outputs: int
    parameters: int


@dataclass(frozen=True)
class Memory:
    """Bytes for one image."""

    forward: int
    """Weights, and the most outputs that are alive at once while predicting: each until the last that takes it is done."""
    backward: int
    """While training: weights and their gradients, and every output, which the backward pass asks for again."""


def memory(steps: Sequence[Step], beside: int = 0) -> Memory:
    """Return the memory of steps in the order they are computed; no step takes none.

    `beside` are weights of heads that only training asks.
    """
    last = {source: index for index, step in enumerate(steps) for source in step.inputs}
    weights = sum(step.parameters for step in steps)
    alive: dict[int, int] = {}
    most = 0
    for index, step in enumerate(steps):
        alive[index] = step.outputs
        most = max(most, sum(alive.values()))
        alive = {source: size for source, size in alive.items() if last.get(source, len(steps)) > index}
    every = sum(step.outputs for step in steps)
    return Memory(BYTES * (weights + most), BYTES * (2 * (weights + beside) + every))
