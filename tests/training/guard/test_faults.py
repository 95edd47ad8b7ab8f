"""Twelve faults, each put into a run: it survives, or ends with the right cause named, and no checkpoint is torn or not finite."""

import errno
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from onelook.datasets.loader import Batch
from onelook.models.network import Network
from onelook.structures.errors import UserError
from onelook.structures.files import DiskFullError
from onelook.training.loop import DivergenceError, StepResult
from onelook.training.run import Run
from onelook.training.session import Session
from onelook.training.survival.checkpoint import NEWEST, PREVIOUS, newest_whole, read_facts
from onelook.training.tasks.detection import DetectionTask
from onelook.training.train import TrainResult, train

SETTINGS = {
    "max_batches": 40,
    "batch": 4,
    "learning_rate": 0.002,
    "eval_every": 5,
    "workers": 0,
    "threads": 1,
    "burn_in": 2,
    "mosaic": 0,
}

Begin = Callable[..., TrainResult]


@pytest.fixture
def begin(network: Path, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Begin:
    """Return what trains the small network on the squares, to `tmp_path/run` if not told otherwise; nothing is proved after."""
    told: list[str] = []

    def run(name: str = "run", resume: bool = False, **settings: object) -> TrainResult:
        chosen = None if resume else {**SETTINGS, **settings}
        return train(network, squares, out=tmp_path / name, settings=chosen, resume=resume, say=told.append)

    run.told = told  # type: ignore[attr-defined]
    monkeypatch.setattr(DetectionTask, "prove", lambda *_: None)
    monkeypatch.setattr("onelook.training.session.draw_chart", lambda *_: None)
    return run


def events(folder: Path) -> list[dict[str, Any]]:
    return [event for event in Run(folder).read_events() if event["kind"] == "guard"]


def all_whole(folder: Path) -> bool:
    """Return whether every checkpoint of a run can be read, with nothing in it that is no finite number."""
    paths = sorted((folder / "last").glob("*.safetensors"))
    assert [path for path in paths if path.name == NEWEST]
    return all(np.isfinite(array).all() for path in paths for array in load_file(path).values())


def with_batches(monkeypatch: pytest.MonkeyPatch, change: Callable[[Batch], Batch]) -> None:
    """Let every batch of a run go through `change`."""
    made = DetectionTask.batches

    def changed(task: DetectionTask, *arguments: Any) -> Iterator[Batch]:
        for batch in made(task, *arguments):
            yield change(batch)

    monkeypatch.setattr(DetectionTask, "batches", changed)


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, act: Callable[[Session], None]) -> None:
    """Let `act` happen once, after step number `step`."""
    after, done = Session._after_step, []

    def also(session: Session, result: StepResult, *arguments: Any) -> None:
        after(session, result, *arguments)
        if result.step == step and not done:
            done.append(step)
            act(session)

    monkeypatch.setattr(Session, "_after_step", also)


def same_weights(first: Path, second: Path) -> bool:
    states = [load_file(folder / "last" / NEWEST) for folder in (first, second)]
    return states[0].keys() == states[1].keys() and all(np.array_equal(states[0][n], states[1][n]) for n in states[0])


def test_no_number_in_a_picture_sets_it_aside(begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def poison(batch: Batch) -> Batch:
        if 3 not in batch.indices:
            return batch
        images = batch.images.float() / 255
        images[batch.indices.tolist().index(3), 0, 5, 5] = float("nan")
        return replace(batch, images=images)

    with_batches(monkeypatch, poison)
    begin()

    seen = events(tmp_path / "run")
    assert len(seen) == 1
    assert seen[0]["action"] == "set aside"
    assert [Path(path).name for path in seen[0]["pictures"]] == ["03.png"]
    assert all_whole(tmp_path / "run")


def test_a_huge_rate_is_lowered_until_the_run_learns(begin: Begin, tmp_path: Path) -> None:
    begin(learning_rate=10, optimizer="sgd", burn_in=0, clip=1e9)

    told = (tmp_path / "run" / "diagnosis.md").read_text()
    losses = [line["loss"] for line in Run(tmp_path / "run").read_metrics() if line["kind"] == "step"]
    assert "back to step 0" in told
    assert "begin the next run with learning rate x 0.04" in told
    assert losses[-1] < losses[0] < 20
    assert all_whole(tmp_path / "run")


def test_a_huge_rate_ends_a_run_that_is_not_to_recover_and_is_named(begin: Begin, tmp_path: Path) -> None:
    with pytest.raises(DivergenceError, match="the loss jumped to") as caught:
        begin(learning_rate=10, optimizer="sgd", burn_in=0, clip=1e9, guard="stop")

    told = (tmp_path / "run" / "diagnosis.md").read_text()
    assert caught.value.cause == "loss spike"
    assert "`learning_rate` is too high" in told
    assert all_whole(tmp_path / "run")


def test_an_overflow_of_half_precision_in_the_gradient_skips_the_step_and_names_the_layer(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def overflow(session: Session) -> None:
        weight = session.task.network.sections[1].conv.weight
        scaled = weight.register_hook(lambda grad: (grad * 1e9).half().float())
        at_step(monkeypatch, 12, lambda _: scaled.remove())

    at_step(monkeypatch, 10, overflow)
    begin(name="run")

    seen = events(tmp_path / "run")
    assert [(event["step"], event["action"]) for event in seen] == [(11, "skipped"), (12, "skipped")]
    assert seen[0]["cause"] == "gradient not finite"
    assert seen[0]["layers"] == ["1 convolutional"]
    assert all_whole(tmp_path / "run")


def test_a_loss_scale_that_float16_does_not_bear_is_lowered_and_costs_no_step(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onelook.training.session.choose_precision", lambda *_: torch.float16)
    scales: list[float] = []
    at_step(monkeypatch, 10, lambda session: setattr(session.state.loss_scale, "factor", 1e30))
    at_step(monkeypatch, 11, lambda session: scales.append(session.state.loss_scale.factor))
    begin(max_batches=16)

    assert 1 <= scales[0] < 1e20
    assert events(tmp_path / "run") == []
    assert all_whole(tmp_path / "run")


def test_a_box_without_area_sets_its_picture_aside(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def flatten(batch: Batch) -> Batch:
        targets = batch.targets.clone()
        if 7 in batch.indices:
            mine = targets[:, 0] == batch.indices.tolist().index(7)
            targets[mine, 4] = targets[mine, 2]
        return replace(batch, targets=targets)

    with_batches(monkeypatch, flatten)
    begin(**{"loss.box": "mse"})

    seen = events(tmp_path / "run")
    assert len(seen) == 1
    assert "a box without area" in seen[0]["what"]
    assert [Path(path).name for path in seen[0]["pictures"]] == ["07.png"]
    assert all_whole(tmp_path / "run")


def test_a_killed_loader_worker_ends_the_run_with_the_cause(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(_: Session) -> None:
        for process in multiprocessing.active_children():
            os.kill(process.pid or 0, signal.SIGKILL)

    at_step(monkeypatch, 6, kill)
    with pytest.raises(UserError, match="got one that was killed"):
        begin(workers=1, max_batches=2000)

    assert "got one that was killed" in (tmp_path / "run" / "diagnosis.md").read_text()
    assert all_whole(tmp_path / "run")


def test_a_full_disk_ends_the_run_in_one_line_and_it_goes_on_when_there_is_room(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin("whole")
    fsync, calls = os.fsync, iter(range(10_000))

    def full(number: int) -> None:
        if next(calls) > 12:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(number)

    with monkeypatch.context() as patch:
        patch.setattr("onelook.structures.files.os.fsync", full)
        with pytest.raises(DiskFullError, match=r"No space left on device; make some, then go on with --resume"):
            begin()
    assert all_whole(tmp_path / "run")
    begin(resume=True)

    assert same_weights(tmp_path / "whole", tmp_path / "run")
    assert not list((tmp_path / "run").rglob("*.part"))


def test_a_picture_that_breaks_in_the_middle_of_an_epoch_is_set_aside(
    begin: Begin, squares: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = squares.parent / "images" / "train" / "05.png"
    trained = Session.train

    def breaks(session: Session, *arguments: Any) -> bool:
        broken.write_bytes(broken.read_bytes()[:200])
        return trained(session, *arguments)

    monkeypatch.setattr(Session, "train", breaks)
    begin()

    seen = events(tmp_path / "run")
    assert [event["cause"] for event in seen] == ["picture unreadable"]
    assert "05.png" in seen[0]["what"]
    assert all_whole(tmp_path / "run")


def test_memory_that_runs_out_cuts_the_batch_and_a_stop_after_it_changes_nothing(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Network.forward

    def short(self: Network, images: torch.Tensor, targets: torch.Tensor | None = None) -> object:
        if targets is not None and len(images) > 2 and self.seen > 30:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory")
        self.seen += 0 if targets is None else len(images)
        return forward(self, images, targets)

    monkeypatch.setattr(Network, "forward", short)
    begin("whole")
    with monkeypatch.context() as patch:
        at_step(patch, 25, lambda _: os.kill(os.getpid(), signal.SIGINT))
        begin()
    begin(resume=True)

    seen = events(tmp_path / "run")
    assert [(event["cause"], event["action"]) for event in seen] == [("out of memory", "goes on with 2 subdivisions")]
    assert same_weights(tmp_path / "whole", tmp_path / "run")


def test_memory_for_not_even_one_picture_ends_the_run(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(*_: object) -> object:
        raise MemoryError("no room for an array")

    trained = Session.train

    def from_now_on(session: Session, *arguments: Any) -> bool:
        monkeypatch.setattr(Network, "forward", short)
        return trained(session, *arguments)

    monkeypatch.setattr(Session, "train", from_now_on)
    with pytest.raises(UserError, match=r"expected memory for one picture at 64 x 64, got none; take a smaller width"):
        begin()

    assert [event["action"] for event in events(tmp_path / "run")][:2] == [
        f"goes on with {n} subdivisions" for n in (2, 4)
    ]
    assert all_whole(tmp_path / "run")


def test_pictures_of_one_colour_whose_normalisation_has_no_variance_do_no_harm(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_batches(monkeypatch, lambda batch: replace(batch, images=torch.full_like(batch.images, 127)))
    result = begin()

    assert Run(result.run).read_metrics()[-1]["step"] == 40
    assert all_whole(tmp_path / "run")


def test_a_head_that_explodes_leads_back_and_the_run_goes_on(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def explode(session: Session) -> None:
        with torch.no_grad():
            session.task.network.sections[4].conv.weight.mul_(1e6)

    at_step(monkeypatch, 28, explode)
    result = begin()

    seen = events(tmp_path / "run")
    steps = [line["step"] for line in Run(result.run).read_metrics() if line["kind"] == "step"]
    assert [event["action"] for event in seen] == ["skipped"] * 4 + ["back to step 20"]
    assert seen[-1]["policy"] == "learning rate x 0.2, gradient clipped at 10"
    assert seen[-1]["cause"] == "loss spike"
    assert steps == sorted(set(steps))
    assert "back to step 20" in (result.run / "diagnosis.md").read_text()
    assert all_whole(tmp_path / "run")


def test_a_loss_that_is_frozen_is_named(begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = Network._losses

    def frozen(self: Network, *arguments: Any) -> dict[str, torch.Tensor]:
        return {name: 3 + 0 * loss for name, loss in losses(self, *arguments).items()}

    monkeypatch.setattr(Network, "_losses", frozen)
    with pytest.raises(DivergenceError, match="no layer had any gradient"):
        begin(guard="stop")

    assert "frozen loss" in (tmp_path / "run" / "diagnosis.md").read_text()
    assert all_whole(tmp_path / "run")


@pytest.mark.parametrize(
    "fault",
    [
        "torn in the middle",
        *(pytest.param(fault, marks=pytest.mark.slow) for fault in ("cut short", "not finite", "of no bytes")),
    ],
)
def test_a_checkpoint_that_is_broken_is_passed_over_and_the_end_is_the_same(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    begin("whole")
    with monkeypatch.context() as patch:
        at_step(patch, 25, lambda _: os.kill(os.getpid(), signal.SIGINT))
        begin()
    newest = tmp_path / "run" / "last" / NEWEST
    break_file(newest, fault)

    begin(resume=True)

    told = begin.told  # type: ignore[attr-defined]
    assert any(f"{NEWEST}: expected" in line and f"going on from {PREVIOUS}" in line for line in told)
    assert same_weights(tmp_path / "whole", tmp_path / "run")
    assert all_whole(tmp_path / "run")


def break_file(path: Path, fault: str) -> None:
    data = bytearray(path.read_bytes())
    if fault == "cut short":
        data = data[: len(data) // 2]
    elif fault == "torn in the middle":
        data[len(data) // 2 : len(data) // 2 + 4096] = bytes(4096)
    elif fault == "not finite":
        data[-4:] = np.float32("nan").tobytes()
    else:
        data = bytearray()
    path.unlink()  # it may be the good one by another name
    path.write_bytes(data)


def test_without_any_whole_checkpoint_a_run_is_refused_in_one_line(
    begin: Begin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin(max_batches=4)
    for path in (tmp_path / "run" / "last").glob("*.safetensors"):
        path.write_bytes(path.read_bytes()[:100])

    with pytest.raises(UserError, match="expected a whole checkpoint") as caught:
        begin(resume=True)
    assert "\n" not in str(caught.value)


def test_the_facts_of_a_checkpoint_name_cfg_and_data(begin: Begin, tmp_path: Path) -> None:
    begin(max_batches=4)
    path, told = newest_whole(tmp_path / "run" / "last")

    facts = read_facts(path)
    assert told == []
    assert facts["data"]["classes"] == ["red", "blue"]
    assert facts["data"]["train"] == 16
