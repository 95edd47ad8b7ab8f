"""The plan before the trainer's own eyes: a real network and real pictures, small ones."""

from pathlib import Path

import pytest
from tests.training.conftest import CFG, make_squares

from onelook.experiments.checking import check, in_a_process
from onelook.experiments.plan import expand
from onelook.experiments.plan_file import read_plan
from onelook.experiments.request import Request
from onelook.structures.errors import UserError


def requests(folder: Path, text: str, weights: str = "") -> list[Request]:
    (folder / "tiny.cfg").write_text(CFG)
    if not (folder / "squares").exists():
        make_squares(folder / "squares")
    network = f'{{network = "tiny.cfg"{weights}}}'
    (folder / "plan.toml").write_text(
        f'[networks]\ntiny = {network}\n[data]\nsquares = "squares/squares.data"\n[settings]\nworkers = 0\nthreads = 1\n{text}'
    )
    return expand(read_plan(folder / "plan.toml"))


def test_more_epochs_take_longer_and_nothing_else_is_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from onelook.experiments import checking

    measured = []
    whole = checking._measured
    monkeypatch.setattr(checking, "SECONDS", 1.0)
    monkeypatch.setattr(checking, "_measured", lambda task: measured.append(task) or whole(task))

    found = check(requests(tmp_path, "[axes]\nbatch = [4, 8]\nepochs = [100, 1000]"), "plan.toml", True)

    assert len(measured) == 1
    assert set(found.seconds) == {f"tiny-batch{b}-epochs{e}" for b in (4, 8) for e in (100, 1000)}
    for batch in (4, 8):
        assert found.seconds[f"tiny-batch{batch}-epochs1000"] > 2 * found.seconds[f"tiny-batch{batch}-epochs100"]


WRONG = {
    "a batch larger than the data": (
        "[axes]\nbatch = [4, 32]",
        "",
        "tiny-batch32: batch=32: expected at most the 16 training images",
    ),
    "an input that does not divide": ("[axes]\nwidth = [64, 65]", "", "65"),
    "data of an unknown format": (
        '[data.other]\npath = "squares/squares.data"\nformat = "cocoo"\n',
        "",
        "plan.toml: data.other: format: expected one of",
    ),
    "data that is not there": ('[data.other]\npath = "nowhere"\n', "", "plan.toml: data.other: "),
    "weights that are not there": ("", ', weights = "none.weights"', "networks.tiny: expected weights at"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_the_trainer_would_refuse_is_refused_before_the_first_run(tmp_path: Path, what: str) -> None:
    text, weights, expected = WRONG[what]

    with pytest.raises(UserError) as caught:
        check(requests(tmp_path, text, weights), "plan.toml", False)

    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_contradictions_are_told_with_the_runs_name(tmp_path: Path) -> None:
    found = check(
        requests(tmp_path, "[settings.augment]\nmosaic = 1\n[axes]\nlearning_rate = [5.0]"), "plan.toml", False
    )

    assert any(line.startswith("tiny-learning_rate5.0: learning_rate=5: expected about") for line in found.told)


def _refuse(what: str) -> None:
    raise UserError(f"{what}: expected nothing")


def test_a_mistake_found_in_another_process_is_told_here() -> None:
    with pytest.raises(UserError, match=r"plan: expected nothing"):
        in_a_process(_refuse, "plan")
