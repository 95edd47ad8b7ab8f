import json
from pathlib import Path

import pytest

from onelook.experiments.outcome import Measured, Outcome, read_outcome, read_outcomes, row_path, write_outcome

ROW = Outcome(
    "tiny-batch4",
    "tiny",
    "cells",
    7,
    axes={"batch": 4},
    settings={"batch": 4, "width": 64, "scales": [0.1, 0.1]},
    state="done",
    attempts=2,
    run="runs/tiny-batch4",
    measured=Measured(12.5, 9.0, 1, 80.0, 1000, cores_percent=(50.0, 99.0), gpu_kernel="gemm"),
    result={"ap50": 0.5, "losses": {"objectness": 1.5}},
    environment={"cores": 2},
)


def test_a_row_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_outcome(tmp_path, ROW)

    assert read_outcome(row_path(tmp_path, ROW.id)) == ROW
    assert read_outcomes(tmp_path) == [ROW]
    assert read_outcomes(tmp_path / "none") == []


def test_rows_come_in_the_order_of_the_numbers_in_their_names(tmp_path: Path) -> None:
    for name in ("net-batch16-epochs1", "net-batch4-epochs10", "net-batch4-epochs5", "net-batch8-epochs1"):
        write_outcome(tmp_path, Outcome(name, "net", "cells", 0))

    names = [row.id for row in read_outcomes(tmp_path)]

    assert names == ["net-batch4-epochs5", "net-batch4-epochs10", "net-batch8-epochs1", "net-batch16-epochs1"]


EDITED = {
    "cut short": (lambda text: text[:40], "expected a row of a grid as JSON"),
    "a list": (lambda text: "[1, 2]", "expected an object, got list"),
    "an unknown state": (lambda text: text.replace('"done"', '"dne"'), "state: expected waiting"),
    "a word for a number": (
        lambda text: text.replace('"seed": 7', '"seed": "seven"'),
        "seed: expected int, got 'seven'",
    ),
    "yes for a number": (lambda text: text.replace('"seed": 7', '"seed": true'), "seed: expected int, got True"),
    "an unknown key": (lambda text: text.replace('"seed"', '"sead"'), "got 'seed' missing"),
    "one key too many": (lambda text: text.replace('"seed": 7', '"seed": 7, "sea": 1'), "got 'sea' too"),
    "another name": (lambda text: text.replace('"id": "tiny-batch4"', '"id": "x"'), "expected id 'tiny-batch4'"),
    "a measurement in words": (lambda text: text.replace("12.5", '"long"'), "wall_seconds: expected float, got 'long'"),
    "no measurement": (lambda text: text.replace('"wall_seconds": 12.5,', ""), "got 'wall_seconds' missing"),
}


@pytest.mark.parametrize("what", EDITED)
def test_a_row_edited_by_hand_is_a_failed_row_that_names_the_file(tmp_path: Path, what: str) -> None:
    edit, expected = EDITED[what]
    write_outcome(tmp_path, ROW)
    path = row_path(tmp_path, ROW.id)
    path.write_text(edit(path.read_text()))

    row = read_outcomes(tmp_path)[0]

    assert (row.id, row.state) == (ROW.id, "failed")
    assert row.cause is not None
    assert row.cause.startswith(str(path))
    assert expected in row.cause
    assert "\n" not in row.cause


def test_a_row_with_defaults_left_out_is_whole(tmp_path: Path) -> None:
    path = row_path(tmp_path, "a")
    path.parent.mkdir()
    path.write_text(json.dumps({"id": "a", "network": "net", "data": "cells", "seed": 0}))

    assert read_outcome(path) == Outcome("a", "net", "cells", 0)
