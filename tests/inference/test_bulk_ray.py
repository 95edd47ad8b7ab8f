"""Shards on Ray: the same bytes as by processes of this machine."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from onelook.inference.bulk import Job, make_plan
from onelook.inference.bulk_ray import run_on_ray
from onelook.structures.errors import UserError


def test_without_ray_the_way_out_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    job = Job(str(tmp_path / "out"), str(tmp_path), "model")

    with pytest.raises(UserError, match=r"--engine ray: expected the package ray, got none; pip install"):
        list(run_on_ray(job, make_plan(job, ["a.jpg"], 1), [0], 1))


@pytest.mark.slow
def test_ray_does_the_same_as_processes_of_this_machine(model: Path, pictures: Path, tmp_path: Path) -> None:
    if find_spec("ray") is None:
        pytest.skip("RAY ABSENT: this comparison was not made")
    words = [
        sys.executable,
        "-W",
        "ignore",
        "-m",
        "onelook",
        "predict",
        "model",
        "pictures/**",
        "--shards",
        "3",
        "--score",
        "0.5",
    ]
    for engine in ("local", "ray"):
        done = subprocess.run(
            [*words, "--engine", engine, "--workers", "2", "--out", engine],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        if "expected Ray to answer" in done.stderr:
            pytest.skip(f"RAY DID NOT START, so this comparison was not made: {done.stderr}")
        assert done.returncode == 0, done.stderr

    shards = sorted((tmp_path / "local").glob("shard-*"))
    assert len(shards) == 3
    for shard in shards:
        assert shard.read_bytes() == (tmp_path / "ray" / shard.name).read_bytes()
