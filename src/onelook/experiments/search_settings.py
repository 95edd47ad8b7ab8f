"""The [search] table of a plan: how many runs may be spent on finding the best point of the axes."""

from dataclasses import dataclass

from onelook.structures.errors import UserError
from onelook.structures.settings import check_ranges

SAMPLERS = ("tpe", "random")
METRICS = ("ap50", "ap", "top1")


@dataclass(frozen=True)
class SearchSettings:
    """How the best is looked for among the points of a plan's axes."""

    trials: int = 20
    """Runs that are begun, those that are pruned among them."""
    sampler: str = "tpe"
    """`tpe` proposes what resembles the good ones so far (Optuna's tree-structured Parzen estimator), `random` anything."""
    metric: str = "ap50"
    """Of a run's best model; the highest is the best."""
    min_epochs: float | None = None
    """Where successive halving looks for the first time; without it nothing is pruned."""
    reduction: int = 3
    """One in so many goes on behind each look, and the next look is after so many times as many epochs."""

    def __post_init__(self) -> None:
        for name, known in (("sampler", SAMPLERS), ("metric", METRICS)):
            if getattr(self, name) not in known:
                raise UserError(f"{name}: expected {', '.join(known)}, got {getattr(self, name)!r}")
        check_ranges(self, {"trials": (1, 100_000), "reduction": (2, 100), "min_epochs": (0.01, 1e6)})
