"""A checkpoint is whole, or it is told what is wrong with it; the last two are kept."""

import errno
import math
import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from onelook.models.network import Network
from onelook.structures.errors import FormatError, UserError
from onelook.structures.files import DiskFullError
from onelook.structures.network.cfg import read_cfg
from onelook.training.guard.gradients import Gradients
from onelook.training.guard.guard import Guard
from onelook.training.loop import State
from onelook.training.recipe.optimizer import MovingAverage, make_optimizer
from onelook.training.settings import make_train_settings, resolve
from onelook.training.survival.checkpoint import (
    GOOD,
    NEWEST,
    PREVIOUS,
    keep_state,
    load_state,
    newest_whole,
    read_facts,
    refuse_full_disk,
    spoilt_tensors,
    sweep,
    take_as_newest,
)


@pytest.fixture
def state(network: Path) -> State:
    """Return a state after one step, so that the optimizer has numbers too."""
    torch.manual_seed(0)
    cfg = read_cfg(network)
    settings = resolve(make_train_settings({"max_batches": 9, "batch": 4}, "--set"), cfg, 16, 2)
    model = Network(cfg, settings.loss)
    state = State(model, MovingAverage(model, 0.9), make_optimizer(model, settings), Guard(Gradients(model).layers), 1)
    for weight in model.parameters():
        weight.grad = torch.ones_like(weight)
    state.optimizer.step()
    return state


def test_what_is_loaded_is_what_was_saved_the_guard_too(state: State, tmp_path: Path) -> None:
    state.guard.set_aside([4])
    state.best, state.evaluates = 0.5, True
    keep_state(tmp_path, state, {"cfg": "x"}, good=False)
    kept = {name: tensor.clone() for name, tensor in state.network.state_dict().items()}
    with torch.no_grad():
        for weight in state.network.parameters():
            weight.zero_()
    state.guard.policy, state.best, state.step, state.evaluates = Guard(()).policy, 0.0, 7, False

    load_state(tmp_path / NEWEST, state)

    assert all(torch.equal(kept[name], tensor) for name, tensor in state.network.state_dict().items())
    assert (state.step, state.best, state.evaluates, state.guard.policy.quarantine) == (1, 0.5, True, (4,))
    assert read_facts(tmp_path / NEWEST) == {"cfg": "x"}


def test_the_last_two_are_kept_and_the_good_one(state: State, tmp_path: Path) -> None:
    for step in (1, 2, 3):
        state.step = step
        keep_state(tmp_path, state, {}, good=step == 1)

    steps = {}
    for name in (NEWEST, PREVIOUS, GOOD):
        load_state(tmp_path / name, state)
        steps[name] = state.step
    assert steps == {NEWEST: 3, PREVIOUS: 2, GOOD: 1}
    assert {path.name for path in tmp_path.glob("*safetensors*")} == {NEWEST, PREVIOUS, GOOD}


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_a_file_cut_short_is_passed_over_for_the_one_before(state: State, tmp_path: Path, share: float) -> None:
    keep_state(tmp_path, state, {}, good=False)
    state.step = 2
    keep_state(tmp_path, state, {}, good=False)
    data = (tmp_path / NEWEST).read_bytes()
    (tmp_path / NEWEST).write_bytes(data[: int(share * len(data))])

    path, told = newest_whole(tmp_path)
    take_as_newest(path)
    keep_state(tmp_path, state, {}, good=False)

    assert path.name == PREVIOUS
    assert len(told) == 1
    assert "expected a whole checkpoint" in told[0]
    assert newest_whole(tmp_path)[1] == []
    load_state(tmp_path / PREVIOUS, state)  # the torn one did not take its place
    assert state.step == 1


def test_a_byte_that_was_changed_is_noticed(state: State, tmp_path: Path) -> None:
    keep_state(tmp_path, state, {}, good=False)
    data = bytearray((tmp_path / NEWEST).read_bytes())
    data[-7] ^= 1
    (tmp_path / NEWEST).write_bytes(data)

    with pytest.raises(FormatError, match="checksum does not fit"):
        newest_whole(tmp_path)


def test_a_state_that_is_not_finite_is_known_before_it_is_saved(state: State) -> None:
    assert spoilt_tensors(state) == []
    with torch.no_grad():
        next(state.network.parameters())[0] = math.inf

    assert spoilt_tensors(state) == ["network.sections.0.conv.weight"]


def test_a_file_of_another_program_or_version_is_refused(state: State, tmp_path: Path) -> None:
    save_file({"x": torch.zeros(1)}, tmp_path / NEWEST)
    with pytest.raises(FormatError, match="got another program's file"):
        newest_whole(tmp_path)
    save_file({"x": torch.zeros(1)}, tmp_path / NEWEST, metadata={"onelook": "99", "state": "{}"})
    with pytest.raises(FormatError, match="version 2, got one of version 99"):
        newest_whole(tmp_path)


def test_a_disk_without_room_leaves_what_was_there(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_state(tmp_path, state, {}, good=True)
    before = load_file(tmp_path / NEWEST)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("onelook.structures.files.os.fsync", full)
        with pytest.raises(DiskFullError, match="expected room on the disk"):
            keep_state(tmp_path, state, {}, good=True)

    after = load_file(tmp_path / NEWEST)
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert {path.name for path in tmp_path.glob("*safetensors*")} == {NEWEST, GOOD}


def test_a_disk_too_small_is_refused_before_the_first_step(
    state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_full_disk(tmp_path / "a" / "run", state)
    monkeypatch.setattr(
        "onelook.training.survival.checkpoint.shutil.disk_usage", lambda _: type("Usage", (), {"free": 1000})
    )

    with pytest.raises(UserError, match=r"expected 0 MB of free disk for checkpoints and model, got 0 MB; make room"):
        refuse_full_disk(tmp_path / "a" / "run", state)


def test_what_a_kill_left_half_written_is_swept_away(tmp_path: Path) -> None:
    for name in (f".{NEWEST}.1.2.part", f".{NEWEST}.new", f".{GOOD}.link", NEWEST):
        (tmp_path / name).write_bytes(b"x")

    sweep(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == [NEWEST]
