"""Several processes train as one does: the same samples, losses and weights, one that speaks, one end for all."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tests.training.test_train import quiet, stopped_after

from onelook.datasets.reading import read
from onelook.structures.bundle import read_bundle
from onelook.structures.errors import UserError
from onelook.structures.network.cfg import read_cfg
from onelook.training.forecast.micro_batch import ROOM, fitting_subdivisions, step_bytes
from onelook.training.guard.gradients import RunningStatistics
from onelook.training.ranks import ALONE, Ranks, joined
from onelook.training.run import Run
from onelook.training.settings import make_train_settings
from onelook.training.tasks.choosing import choose
from onelook.training.tasks.preparation import prepare
from onelook.training.train import train

SETTINGS = {
    "max_batches": 12,
    "batch": 4,
    "learning_rate": 0.01,
    "eval_every": 1,
    "workers": 0,
    "threads": 1,
    "burn_in": 2,
    "optimizer": "sgd",
}

DRIVER = """
import json
import sys
import torch
from onelook.structures.errors import UserError
from onelook.training.session import Session
from onelook.training.settings import settings_toml
from onelook.training.survival.departure import leaving
from onelook.training.train import train
import onelook.training.loop as loop

folder, network, data, fails, words = sys.argv[1:]
ended = Session.train

def kept(session, stop):
    rank = session.ranks.rank
    if fails == str(rank):
        run_parts = loop._run_parts
        def parts(state, *rest):
            if state.step == 2:
                raise UserError("this one fails")
            return run_parts(state, *rest)
        loop._run_parts = parts
    if fails == "stop":
        after = Session._after_step
        def also(session, result, *rest):
            after(session, result, *rest)
            stop.wished = rank == 1 and result.step == 6
        Session._after_step = also
    done = ended(session, stop)
    torch.save(session.state.network.state_dict(), f"{folder}/weights-{rank}.pt")
    found = {"step": session.state.step, "settings": settings_toml(session.settings)}
    with open(f"{folder}/found-{rank}.json", "w") as file:
        json.dump(found, file)
    return done

Session.train = kept
with leaving():
    try:
        train(network, data, out=f"{folder}/run", **json.loads(words))
    except UserError as error:
        sys.exit(f"told: {error}")
"""


def torchrun(*words: object) -> list[str]:
    """Return the command that starts two processes on this machine."""
    port = "--rdzv-endpoint=localhost:0"
    start = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d", port]
    return start + [str(word) for word in words]


def driven(
    tmp_path: Path,
    network: Path,
    data: Path,
    fails: str = "",
    settings: Mapping[str, object] = SETTINGS,
    **words: object,
) -> subprocess.CompletedProcess[str]:
    script = tmp_path / "driver.py"
    script.write_text(DRIVER)
    command = torchrun(script, tmp_path, network, data, fails, json.dumps({"settings": settings, **words}))
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def weights_of_both(tmp_path: Path) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    one, two = (torch.load(tmp_path / f"weights-{rank}.pt", weights_only=True) for rank in (0, 1))
    return one, two


def found_by_both(tmp_path: Path) -> list[dict[str, object]]:
    return [json.loads((tmp_path / f"found-{rank}.json").read_text()) for rank in (0, 1)]


def losses_of(run: Path) -> list[float]:
    return [line["loss"] for line in Run(run).read_metrics() if line["kind"] == "step"]


def test_two_processes_end_with_the_same_weights_those_of_one_process_with_the_same_batch(
    network: Path, squares: Path, tmp_path: Path
) -> None:
    alone = train(str(network), squares, out=tmp_path / "alone", settings={**SETTINGS, "subdivisions": 2}, say=quiet)
    done = driven(tmp_path, network, squares)

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("step 12/12") == 1, "one of them speaks"
    one, two = weights_of_both(tmp_path)
    assert all(torch.equal(one[name], two[name]) for name in one)
    first, second = (Run(run).read_metrics() for run in (alone.run, tmp_path / "run"))
    assert [line["step"] for line in first] == [line["step"] for line in second]
    assert losses_of(alone.run) == pytest.approx(losses_of(tmp_path / "run"), rel=1e-4)
    states = [load_file(run / "last" / "state.safetensors") for run in (alone.run, tmp_path / "run")]
    for name in states[0]:
        if "num_batches_tracked" not in name:
            np.testing.assert_allclose(states[0][name], states[1][name], rtol=1e-3, atol=1e-4, err_msg=name)
    assert read_bundle(tmp_path / "run" / "model").names == ("red", "blue")


@pytest.mark.slow
def test_two_processes_that_were_stopped_go_on_to_the_same_weights_bit_for_bit(
    network: Path, squares: Path, tmp_path: Path
) -> None:
    folders = whole, parted = tmp_path / "whole", tmp_path / "parted"
    for folder in folders:
        folder.mkdir()
    done = [
        driven(whole, network, squares),
        driven(parted, network, squares, "stop"),
        driven(parted, network, squares, resume=True),
    ]

    assert [each.returncode for each in done] == [0] * 3, [each.stderr for each in done]
    assert "stopped after step 6;" in done[1].stdout
    assert "going on after step 6 of 12" in done[2].stdout
    states = [load_file(folder / "run" / "last" / "state.safetensors") for folder in folders]
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])


@pytest.mark.slow
def test_two_processes_train_a_classifier_as_one_does(classifier: Path, colours: Path, tmp_path: Path) -> None:
    chosen = {**SETTINGS, "mixup": 0.5}
    alone = train(str(classifier), colours, out=tmp_path / "alone", settings={**chosen, "subdivisions": 2}, say=quiet)
    done = driven(tmp_path, classifier, colours, settings=chosen)

    assert done.returncode == 0, done.stderr
    one, two = weights_of_both(tmp_path)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert losses_of(alone.run) == pytest.approx(losses_of(tmp_path / "run"), rel=1e-4)


@pytest.mark.slow
def test_a_time_budget_gives_all_processes_one_schedule_and_one_end(
    network: Path, squares: Path, tmp_path: Path
) -> None:
    done = driven(tmp_path, network, squares, settings={**SETTINGS, "max_batches": 10**6}, time_budget="30s")

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("time budget: max_batches 1000000 -> ") == 1, done.stdout
    one, two = found_by_both(tmp_path)
    assert one == two
    weights = weights_of_both(tmp_path)
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


@pytest.mark.parametrize("kind", ["detector", "classifier"])
def test_two_ranks_take_in_turn_the_micro_batches_of_one(
    kind: str, network: Path, squares: Path, classifier: Path, colours: Path
) -> None:
    choice = choose(str(network if kind == "detector" else classifier), SETTINGS)
    task = choice.build(read(squares if kind == "detector" else colours), None, choice.settings)
    whole = list(task.batches(range(4, 8), 2, ()))
    halves = [list(task.batches(range(4 + rank, 8, 2), 2, ())) for rank in (0, 1)]

    assert len(whole) == 4
    for batch, same in zip(whole, (halves[0][0], halves[1][0], halves[0][1], halves[1][1]), strict=True):
        assert torch.equal(batch.images, same.images)
        assert torch.equal(batch.targets, same.targets)


def test_memory_at_hand_cuts_a_batch_into_a_multiple_of_the_processes(network: Path, squares: Path) -> None:
    choice = choose(str(network), {**SETTINGS, "batch": 12}, processes=2)
    task = choice.build(read(squares), None, choice.settings)
    always, an_image = step_bytes(task)
    memory = int((always + 4.5 * an_image) / ROOM)

    assert fitting_subdivisions(task, memory)[0] == 3
    assert fitting_subdivisions(task, memory, Ranks(0, 2, 0, 2))[0] == 4


@pytest.mark.slow
def test_an_error_of_one_process_ends_all_and_each_tells_its_own(network: Path, squares: Path, tmp_path: Path) -> None:
    done = driven(tmp_path, network, squares, fails="1")

    assert done.returncode != 0
    assert "told: this one fails" in done.stderr
    assert "told: another process of the training ended" in done.stderr
    assert "onelook/training" not in done.stderr, "no traceback of ours"


@pytest.mark.slow
def test_a_signal_stops_all_at_one_step_and_one_process_goes_on_where_two_were(
    network: Path, squares: Path, tmp_path: Path
) -> None:
    chosen = {**SETTINGS, "max_batches": 4000, "eval_every": 1000}
    sets = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
    command = torchrun("-m", "onelook", "train", network, squares, "--out", tmp_path / "run", *sets)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    metrics, began = tmp_path / "run" / "metrics.jsonl", time.monotonic()
    while time.monotonic() - began < 120 and not (metrics.is_file() and '"step": 10' in metrics.read_text()):
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)

    assert out.count("stopped after step") == 1, out + err
    step = int(out.partition("stopped after step ")[2].split(";")[0])
    assert step >= 10
    told: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        stopped_after(step + 1, patch)
        train(str(network), squares, out=tmp_path / "run", resume=True, say=told.append)
    assert any(f"going on after step {step} of 4000" in line for line in told)


@pytest.mark.parametrize(("ranks", "updates"), [(2, 1), (3, 2)])
def test_running_statistics_of_ranks_together_are_those_of_one_after_another(ranks: int, updates: int) -> None:
    generator = torch.Generator().manual_seed(0)
    pictures = torch.randn(ranks, updates, 4, 3, 5, 5, generator=generator)
    whole = torch.nn.BatchNorm2d(3, momentum=0.2)
    frozen = torch.nn.Sequential(torch.nn.BatchNorm2d(3), torch.nn.BatchNorm2d(3, momentum=0.2))
    each = [
        torch.nn.Sequential(torch.nn.BatchNorm2d(3).eval(), torch.nn.BatchNorm2d(3, momentum=0.2)) for _ in range(ranks)
    ]
    kept = [RunningStatistics(network) for network in each]
    for rank, network in enumerate(each):
        for batch in pictures[rank]:
            network[1](batch)
            whole(batch)

    shares = [statistics.shares(updates, rank, ranks) for rank, statistics in enumerate(kept)]
    for statistics in kept:
        statistics.together([torch.stack(same).mean(0) for same in zip(*shares, strict=True)], updates, ranks)

    for network in each:
        torch.testing.assert_close(network[1].running_mean, whole.running_mean)
        torch.testing.assert_close(network[1].running_var, whole.running_var)
        assert torch.equal(network[0].running_var, frozen[0].running_var)


def test_without_torchrun_a_process_is_alone() -> None:
    with joined() as ranks:
        assert ranks is ALONE
        assert ranks.first
        assert ranks.gather(3) == [3]
        assert ranks.of_first("x") == "x"
        assert not ranks.any(False, torch.device("cpu"))


def test_a_batch_that_the_processes_cannot_share_is_refused(network: Path, squares: Path) -> None:
    data, chosen = read(squares), make_train_settings({"batch": 9}, "--set")
    with pytest.raises(UserError, match="batch=9: expected a multiple of the 2 processes that train together"):
        prepare(read_cfg(network), data, None, chosen, 2)
    task = prepare(read_cfg(network), data, None, make_train_settings({"batch": 12, "subdivisions": 3}, "--set"), 2)
    assert task.settings.subdivisions == 4
