"""What TensorBoard is given."""

import sys
from pathlib import Path

import pytest

from onelook.structures.errors import UserError
from onelook.training.watch.tensorboard import Board, need_tensorboard


def test_every_number_of_a_line_is_written_under_its_name(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    board = Board(tmp_path, 0)
    board.add({"kind": "step", "step": 10, "loss": 2.5, "losses": {"box": 1.5}, "heads": [{"grid": "8x6", "x": 0.25}]})
    board.add({"kind": "eval", "step": 10, "split": "val", "ap": 0.5, "ap75": None, "per_class": [{"class": "red"}]})
    board.close()
    events = EventAccumulator(str(tmp_path)).Reload()

    assert sorted(events.Tags()["scalars"]) == ["eval/ap", "step/heads/8x6/x", "step/loss", "step/losses/box"]
    assert [(event.step, event.value) for event in events.Scalars("step/loss")] == [(10, 2.5)]


def test_without_tensorboard_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)

    with pytest.raises(UserError, match=r"pip install 'onelook\[tensorboard\]'"):
        need_tensorboard()
