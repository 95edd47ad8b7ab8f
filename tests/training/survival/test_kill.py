"""Killed outright at random moments and resumed, a run ends as one that was never killed; benchmarks/kill.py does so 20 times."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[3] / "benchmarks"
PROGRAM = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from kill import measure
if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[2]), kills=3, steps=40, seed=1)))
"""


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_with_the_weights_and_metrics_of_one_that_was_not(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(BENCHMARKS), str(tmp_path)], capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr
    measured = json.loads(done.stdout.splitlines()[-1])
    assert measured["kills"] == 3
    assert measured["bit_equal"]
    assert measured["metrics_equal"]
