"""Grids whose true effects are known: rows made up through the dataclass that grids write."""

import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

from onelook.experiments.outcome import Measured, Outcome
from onelook.experiments.report.rows import Place, Row, make_rows

SLOW: dict[str, Any] = {"processor": "Old", "cores": 2, "memory": 8 * 2**30, "device": "cpu"}
QUICK: dict[str, Any] = {"processor": "New", "cores": 4, "memory": 16 * 2**30, "device": "cpu"}


def outcome(
    network: str = "tiny", batch: int = 4, epochs: int = 1, seed: int = 0, noise: float = 0.0, **changed: Any
) -> Outcome:
    """Return a run whose figures follow from its settings: batch doubles raise objectness by 0.1 and memory by a fifth."""
    doubled = {4: 0, 8: 1, 16: 2, 32: 3}[batch]
    large = network == "large"
    seconds = 10.0 * epochs * (3 if large else 1) + 2
    facts: dict[str, Any] = {
        "axes": {"network": network, "batch": batch, "epochs": epochs},
        "settings": {"batch": batch, "epochs": epochs},
        "state": "done",
        "attempts": 1,
        "measured": Measured(
            seconds,
            user_seconds=1.5 * seconds,
            system_seconds=0.1 * seconds,
            cpu_percent=160.0,
            peak_memory_bytes=round((400 if large else 200) * 2**20 * 1.2**doubled),
            images_per_second=100.0 / (3 if large else 1) * 1.05**doubled,
            waiting_seconds=0.05 * seconds,
        ),
        "result": {
            "ap50": 0.3 + 0.02 * epochs - 0.03 * doubled + (0.1 if large else 0.0) + noise,
            "precision": 0.5 + noise,
            "recall": 0.4 + 0.01 * epochs + noise,
            "loss": 5.0 - 0.1 * epochs,
            "losses": {"objectness": 2.0 + 0.1 * doubled - 0.01 * epochs + noise, "class": 1.0 + noise},
        },
        "environment": SLOW,
        "run": f"runs/{network}-{batch}-{epochs}-{seed}",
    }
    return Outcome(f"{network}-{batch}-{epochs}-{seed}", network, "blood", seed, **(facts | changed))


def grid_outcomes(seeds: int = 2, **changed: Any) -> Iterator[Outcome]:
    """Yield two networks, four batches, two lengths, with noise that the seed and the setting fix."""
    for network, batch, epochs, seed in product(("large", "tiny"), (4, 8, 16, 32), (1, 5), range(seeds)):
        noise = random.Random(f"noise of {network} {batch} {epochs} {seed}").gauss(0, 0.005)
        yield outcome(network, batch, epochs, seed, noise, **changed)


def as_rows(outcomes: list[Outcome], folder: Path = Path("grid")) -> list[Row]:
    """Return rows of outcomes whose runs lie, or would lie, in `folder`."""
    return make_rows([Place(each.id, each, folder / each.run) for each in outcomes])
