"""The table under a grid's bar."""

from pathlib import Path

from onelook.experiments.live import counted, running_table
from onelook.experiments.outcome import Outcome

ROWS = [
    Outcome(name, "tiny", "squares", 0, state=state)
    for name, state in (("a", "done"), ("b", "waiting"), ("c", "waiting"))
]


def test_ends_are_counted_by_state() -> None:
    assert counted(ROWS) == "1 done, 2 waiting"
    assert counted([]) == "no run"


def test_a_run_under_way_is_no_longer_called_waiting(tmp_path: Path) -> None:
    table = running_table([("b", tmp_path, 61.0, 0)], ROWS)

    assert table.title == "1 done, 1 running, 1 waiting"
    assert table.row_count == 1
