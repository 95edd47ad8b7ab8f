"""Killed and stopped at random under load, every job has one result; benchmarks/service_faults.py does so with 10,000 jobs."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PROGRAM = """
import argparse, json, sys
from service_faults import on_a_database
print(json.dumps(on_a_database(argparse.Namespace(**json.loads(sys.argv[1])))))
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_with_kills_and_stops_at_random_every_job_has_exactly_one_result(
    kind: str, postgres_program: ModuleType
) -> None:
    if kind == "postgresql" and postgres_program.programs() is None:
        pytest.skip("POSTGRESQL ABSENT: apt-get install postgresql; the service was not tested on it")
    chosen = {"database": kind, "jobs": 150, "workers": 2, "seed": 1, "seconds": 12, "gap": 2.0}
    # in a process of its own: it forks its workers, which the threads of other tests would not live through
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(chosen)],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert ran.returncode == 0, ran.stderr[-2000:]
    told = json.loads(ran.stdout.splitlines()[-1])
    assert sum(told["harm"].values()) > 1
    assert (told["lost"], told["made_twice"], told["late_writes_accepted"]) == (0, 0, 0)
    assert told["states"] == {"done": told["jobs"]}
    assert told["results"] == told["jobs"] >= 150
    assert told["counts_agree"]
