"""What the report says of mistakes: each kind with its price, and how objects of each size and crowding fare."""

from collections.abc import Mapping, Sequence
from typing import Any

from onelook.evaluation.breakdown import MEANING, Cost, costs
from onelook.evaluation.groups import Group, groups
from onelook.evaluation.matching import Matches
from onelook.evaluation.problem import Problem


def mistakes_context(problem: Problem, matches: Matches, score: float) -> dict[str, Any]:
    """Return `costs` (rows, dearest first) and `groups` (rows by size and by crowding) as the template names them."""
    prices = costs(problem, matches, score)
    return {"costs": cost_rows(prices), "groups": group_rows(groups(problem, matches, score))}


def cost_rows(prices: Sequence[Cost]) -> list[dict[str, Any]]:
    """Return kind, meaning, counts, price, and the price's share of the dearest as a bar's width; the dearest first."""
    dearest = max([cost.ap or 0.0 for cost in prices], default=0.0)
    ordered = sorted(prices, key=lambda cost: -(cost.ap or 0.0))
    return [{"cost": cost, "meaning": MEANING[cost.kind], "bar": (cost.ap or 0.0) / (dearest or 1)} for cost in ordered]


def group_rows(grouped: Mapping[str, Sequence[Group]]) -> list[Group]:
    """Return the groups that hold an object, by size and then by crowding."""
    return [group for part in grouped.values() for group in part if group.truths]
