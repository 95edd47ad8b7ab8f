"""Runs and grids read into rows: names, axes, machines, and what is neither."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.experiments.made_runs import make_run
from tests.experiments.report.known_grids import QUICK, as_rows, grid_outcomes, outcome

from onelook.experiments.outcome import Outcome, write_outcome
from onelook.experiments.report.rows import axes_of, levels_of, make_rows, places_in, read_rows
from onelook.structures.errors import UserError


def write_grid(folder: Path, outcomes: list[Outcome]) -> Path:
    for each in outcomes:
        write_outcome(folder, each)
    return folder


def test_a_grid_is_read_with_the_axes_of_its_plan(tmp_path: Path) -> None:
    rows = read_rows([write_grid(tmp_path / "g", list(grid_outcomes(seeds=1)))])

    assert len(rows) == 16
    assert axes_of(rows) == ["network", "batch", "epochs"]
    assert levels_of(rows, "batch") == [4, 8, 16, 32]
    assert rows[0].folder == tmp_path / "g" / rows[0].outcome.run


def test_two_machines_grids_merge_and_keep_their_names_apart(tmp_path: Path) -> None:
    ours, theirs = ([replace(each, environment=where) for each in grid_outcomes(1)] for where in ({"cores": 2}, QUICK))
    rows = read_rows([write_grid(tmp_path / "metal", ours), write_grid(tmp_path / "cloud", theirs)])

    assert len({row.name for row in rows}) == 32
    assert rows[0].name.startswith("metal/")
    assert axes_of(rows)[-1] == "machine"


def test_what_two_plans_have_fixed_otherwise_is_an_axis_of_both(tmp_path: Path) -> None:
    """Else runs of two networks, or of two widths, would count as repeats of one setting."""
    folders = []
    for network, width in (("large", 320), ("tiny", 416)):
        made = [
            replace(
                outcome(network, batch), axes={"batch": batch}, settings={"batch": batch, "width": width, "seed": 0}
            )
            for batch in (4, 8)
        ]
        folders.append(write_grid(tmp_path / network, made))

    rows = read_rows(folders)

    assert axes_of(rows) == ["batch", "network", "width"]
    assert levels_of(rows, "width") == [320, 416]
    assert axes_of(read_rows(folders[:1])) == ["batch"]


LISTED = """
[[list]]
name = "plain"
mosaic = 0
[[list]]
name = "much"
augment.flip = 0.5
[[zip]]
batch = [4, 8]
learning_rate = [0.1, 0.2]
"""


def test_a_plan_says_what_it_varies_together_and_what_a_point_leaves_out_is_the_default(tmp_path: Path) -> None:
    made = [
        replace(outcome(batch=batch), id=f"{batch}-{name}", run=f"runs/{batch}-{name}", axes={"batch": batch, **point})
        for batch in (4, 8)
        for name, point in (("plain", {"mosaic": 0}), ("much", {"augment.flip": 0.5}))
    ]
    grid = write_grid(tmp_path / "g", made)
    (grid / "plan.toml").write_text(LISTED)

    rows = read_rows([grid])

    assert set(rows[0].together) == {frozenset({"batch", "learning_rate"}), frozenset({"mosaic", "augment.flip"})}
    assert sorted(map(str, levels_of(rows, "mosaic"))) == ["0", "default"]
    assert sorted(map(str, levels_of(rows, "augment.flip"))) == ["0.5", "default"]


def test_a_run_of_a_grid_named_alone_is_told_by_its_row(tmp_path: Path) -> None:
    grid = write_grid(tmp_path / "g", [replace(outcome(), run="runs/tiny-4-1-0")])
    run = make_run(grid / "runs" / "tiny-4-1-0", 0.9, batch=4)

    (row,) = read_rows([run])

    assert row.outcome == outcome(run="runs/tiny-4-1-0")
    assert (row.name, row.folder) == (str(run), run)


def test_a_folder_named_twice_counts_once(tmp_path: Path) -> None:
    grid = write_grid(tmp_path / "g", [outcome(), outcome(batch=8)])

    assert len(read_rows([grid, tmp_path / "." / "g"])) == 2


def test_a_row_that_was_edited_into_nonsense_is_a_row(tmp_path: Path) -> None:
    grid = write_grid(tmp_path / "g", [outcome(), outcome(batch=8)])
    (grid / "outcomes" / "tiny-8-1-0.json").write_text('{"id": 3')

    broken = read_rows([grid])[1]

    assert not broken.done
    assert "tiny-8-1-0.json" in str(broken.outcome.cause)


@pytest.mark.parametrize(("name", "words"), [("empty", "neither"), ("gone", "no folder")])
def test_what_is_neither_run_nor_grid_is_refused(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(UserError, match=f"{name}: expected a run's or a grid's folder, got {words}"):
        places_in(tmp_path / name)


def test_runs_without_a_plan_are_told_apart_by_the_settings_that_differ() -> None:
    made = [
        outcome(axes={}, settings={"batch": batch, "learning_rate": 0.001, "seed": seed}, batch=batch, seed=seed)
        for batch in (4, 8)
        for seed in (0, 1)
    ]

    assert axes_of(as_rows(made)) == ["batch"]


def test_levels_that_are_lists_are_compared_by_what_they_hold() -> None:
    made = [replace(outcome(seed=n), axes={"head": head}) for n, head in enumerate(([1, 2], [1, 2], [3]))]

    assert levels_of(as_rows(made), "head") == [[1, 2], [3]]


def test_no_rows_have_no_axes() -> None:
    assert axes_of(make_rows([])) == []


def test_of_runs_that_say_what_the_user_set_only_that_is_an_axis(tmp_path: Path) -> None:
    """Steps and burn-in follow from the epochs: they are no axes of their own, and numbers typed as text are numbers."""
    for number, epochs in enumerate(("5", "10")):
        run = make_run(tmp_path / f"run{number}", max_batches=10 * int(epochs), burn_in=int(epochs), batch=4)
        facts = {"network": "net", "data": "d", "format": None, "digest": "", "facts": {}, "weights": None}
        given = {"epochs": epochs, "augment": {"flip": 0.5}}
        (run / "origin").mkdir()
        (run / "origin" / "facts.json").write_text(json.dumps({**facts, "weights_sha256": None, "given": given}))

    rows = read_rows([tmp_path / "run0", tmp_path / "run1"])

    assert axes_of(rows) == ["epochs"]
    assert levels_of(rows, "epochs") == [5, 10]
