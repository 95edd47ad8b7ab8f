"""Runs side by side: what was set differently, and every figure that any of them tells."""

from tests.experiments.report.known_grids import outcome

from onelook.experiments.comparing import differing_settings, figures_side_by_side


def test_only_what_differs_is_told() -> None:
    first = outcome(settings={"batch": 4, "learning_rate": 0.001, "freeze": "body"})
    second = outcome(batch=8, seed=1, settings={"batch": 8, "learning_rate": 0.001})

    table = differing_settings([first, second], ["a", "b"])

    assert table.as_mapping() == {"seed": [0, 1], "batch": [4, 8], "freeze": ["body", None]}
    assert table.as_text().splitlines()[3].split() == ["freeze", "body", "-"]


def test_runs_that_are_set_alike_have_no_rows() -> None:
    assert differing_settings([outcome(), outcome()], ["a", "b"]).rows == ()


def test_what_is_not_done_says_so_and_why() -> None:
    failed = outcome(state="out_of_memory", cause="over 4GB", result={}, measured=None)

    told = figures_side_by_side([outcome(), failed], ["a", "b"]).as_mapping()

    assert (told["state"], told["cause"]) == (["done", "out of memory"], [None, "over 4GB"])
    assert not {"state", "cause"} & figures_side_by_side([outcome()], ["a"]).as_mapping().keys()


def test_figures_stand_in_the_units_of_a_reader() -> None:
    told = figures_side_by_side([outcome(), outcome(batch=8, result={"ap50": None})], ["a", "b"]).as_mapping()

    assert told["accuracy"] == ["0.320", "-"]
    assert told["memory"] == ["200 MiB", "240 MiB"]
    assert told["time"] == ["12 s", "12 s"]
    assert "GPU" not in told
