"""Killed and stopped at random under load, every job has one result; benchmarks/service_faults.py does so with 10,000 jobs."""

import argparse
import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def program() -> Iterator[ModuleType]:
    """Return benchmarks/service_faults.py as a module."""
    spec = importlib.util.spec_from_file_location("service_faults", BENCHMARKS / "service_faults.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["service_faults"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["service_faults"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_with_kills_and_stops_at_random_every_job_has_exactly_one_result(
    kind: str, program: ModuleType, postgres_program: ModuleType, tmp_path: Path
) -> None:
    chosen = argparse.Namespace(database=kind, jobs=150, workers=2, seed=1, seconds=12, gap=2.0)
    if kind == "sqlite":
        told = program.measure(tmp_path, f"sqlite:///{tmp_path}/onelook.db", None, chosen)
    else:
        if postgres_program.programs() is None:
            pytest.skip("POSTGRESQL ABSENT: apt-get install postgresql; the service was not tested on it")
        with postgres_program.running() as server:
            told = program.measure(tmp_path, server.url, server, chosen)

    assert sum(told["harm"].values()) > 1
    assert (told["lost"], told["late_writes_accepted"]) == (0, 0)
    assert told["states"] == {"done": told["jobs"]}
    assert told["results"] == told["jobs"] >= 150
    assert told["counts_agree"]
