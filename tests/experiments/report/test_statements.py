"""Statements against grids in which they are true, false, or open."""

from dataclasses import replace

import pytest
from tests.experiments.report.known_grids import as_rows, grid_outcomes

from onelook.experiments.report.rows import Row
from onelook.experiments.report.statements import STATEMENTS, check_statements, statement_table


def verdicts(rows: list[Row]) -> dict[str, str]:
    return {checked.statement.text: checked.verdict for checked in check_statements(rows)}


def test_a_grid_with_known_effects_gets_the_verdicts_that_follow(rows: list[Row]) -> None:
    found = verdicts(rows)

    assert len(found) == len(STATEMENTS)
    assert found["The lighter network trains faster in every setting"] == "holds"
    assert found["The lighter network needs less memory"] == "holds"
    assert found["The lighter network is less accurate"] == "holds"
    assert found["A larger batch raises the objectness loss"] == "holds"
    assert found["A larger batch raises the class loss"] == "cannot be told"  # nothing but noise was made up
    assert found["A larger batch lowers accuracy"] == "holds"
    assert found["More epochs raise accuracy"] == "holds"
    assert found["More epochs make a point of accuracy dearer"] == "holds"


def test_the_opposite_does_not_hold(rows: list[Row]) -> None:
    turned = [
        replace(
            row, outcome=replace(row.outcome, result={**row.outcome.result, "ap50": 1 - row.outcome.result["ap50"]})
        )
        for row in rows
    ]

    assert verdicts(turned)["A larger batch lowers accuracy"] == "does not hold"
    assert verdicts(turned)["More epochs raise accuracy"] == "does not hold"


def test_everywhere_means_every_setting(rows: list[Row]) -> None:
    """The lighter network is slower in one setting of eight, though faster by far on average."""

    def slower(row: Row) -> Row:
        measured = row.outcome.measured
        assert measured is not None
        return replace(row, outcome=replace(row.outcome, measured=replace(measured, images_per_second=30.0)))

    turned = [
        slower(row) if (row.levels["network"], row.levels["batch"], row.levels["epochs"]) == ("tiny", 8, 5) else row
        for row in rows
    ]
    found = next(each for each in check_statements(turned) if each.statement.everywhere)

    assert found.verdict == "does not hold"
    assert "the other way in 1 of 8" in found.numbers


def test_one_pair_decides_nothing() -> None:
    rows = as_rows(
        [each for each in grid_outcomes(seeds=1) if each.axes["network"] == "tiny" and each.axes["epochs"] == 1]
    )

    found = verdicts(rows)

    assert found["A larger batch raises the objectness loss"] == "cannot be told"
    assert not any("epochs" in text or "network" in text for text in found)  # there is but one of each


def test_a_statement_says_what_its_axis_was_varied_together_with(rows: list[Row]) -> None:
    zipped = [replace(row, together=(frozenset({"batch", "learning_rate"}),)) for row in rows]
    numbers = {each.statement.axis: each.numbers for each in check_statements(zipped)}

    assert numbers["batch"].endswith("; varied together with learning_rate")
    assert "varied together" not in numbers["epochs"]


def test_figures_that_never_differ_are_told_as_such(rows: list[Row]) -> None:
    same = [replace(row, outcome=replace(row.outcome, result={**row.outcome.result, "recall": 0.5})) for row in rows]

    assert verdicts(same)["More epochs raise recall"] == "does not hold"


def test_networks_without_models_have_no_lighter_one(rows: list[Row]) -> None:
    for row in rows:
        (row.folder / "model" / "weights.safetensors").unlink()

    assert not any("lighter" in text for text in verdicts(rows))


@pytest.mark.parametrize("state", ["failed", "waiting", "pruned"])
def test_a_grid_in_which_nothing_is_done_states_nothing(state: str) -> None:
    rows = as_rows([replace(each, state=state) for each in grid_outcomes()])

    assert check_statements(rows) == []
    assert statement_table([]).rows == ()
