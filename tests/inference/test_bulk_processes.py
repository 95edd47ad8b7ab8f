"""Processes that do the shards, and what is left when one of them is killed."""

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from onelook.inference.bulk import Job, make_plan
from onelook.inference.bulk_processes import run_locally
from onelook.structures.errors import UserError
from onelook.structures.images import write_jpeg
from onelook.structures.letterbox import Image


@pytest.fixture
def many(tmp_path: Path, picture: Image) -> Path:
    """Write 120 names of one picture into a folder and return it."""
    folder = tmp_path / "many"
    write_jpeg(folder / "000.jpg", picture)
    for number in range(1, 120):
        os.link(folder / "000.jpg", folder / f"{number:03d}.jpg")
    return folder


def files_told(out: Path) -> list[str]:
    """Return the file of every line of every shard."""
    lines = [line for shard in sorted(out.glob("shard-*")) for line in shard.read_text().splitlines()]
    return [Path(json.loads(line)["file"]).name for line in lines]


def test_a_run_that_is_killed_goes_on_and_nothing_is_told_twice_or_lost(
    model: Path, many: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    words = [sys.executable, "-m", "onelook", "predict", str(model), str(many), "--out", str(out), "--score", "0.9"]
    words += ["--shards", "30", "--workers", "1"]
    running = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while len(list(out.glob("shard-*"))) < 3:
        time.sleep(0.005)
        assert running.poll() is None
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = {path.name: path.stat().st_mtime_ns for path in out.glob("shard-*")}
    assert 3 <= len(before) < 30

    done = subprocess.run(words, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "of 30 shards were done before" in done.stderr
    assert files_told(out) == [f"{number:03d}.jpg" for number in range(120)]
    assert all((out / name).stat().st_mtime_ns == when for name, when in before.items())
    assert not list(out.glob(".*.part"))


def test_a_process_that_dies_is_one_line_and_the_shards_that_are_done_stay(
    model: Path, many: Path, tmp_path: Path
) -> None:
    job = Job(str(tmp_path / "out"), str(tmp_path), str(model), score=0.9)
    plan = make_plan(job, [str(path) for path in sorted(many.iterdir())], 30)
    running = run_locally(job, plan, plan.left(tmp_path / "out"), 1)
    next(running)
    (worker,) = [child.pid for child in multiprocessing.active_children() if child.pid]
    os.kill(worker, signal.SIGKILL)

    with pytest.raises(UserError, match=r"a process ended with signal 9; .* run the command again to go on"):
        list(running)
    assert plan.left(tmp_path / "out")


def test_a_model_that_cannot_be_loaded_is_one_line(tmp_path: Path) -> None:
    job = Job(str(tmp_path / "out"), str(tmp_path), str(tmp_path / "absent"))
    plan = make_plan(job, ["a.jpg"], 1)

    with pytest.raises(UserError, match="absent: expected a bundle"):
        list(run_locally(job, plan, [0], 1))
