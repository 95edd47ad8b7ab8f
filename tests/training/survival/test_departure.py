"""A rank ends at once with everything said; any other process ends as ever."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from onelook.training.survival.departure import is_rank, leaving

SCRIPT = """
import atexit, sys
from onelook.training.survival.departure import leaving
atexit.register(lambda: print("taken apart"))
with leaving():
    print("said")
    {end}
"""


def ended(end: str, **more: str) -> subprocess.CompletedProcess[str]:
    here = {**os.environ, **more}
    return subprocess.run([sys.executable, "-c", SCRIPT.format(end=end)], capture_output=True, text=True, env=here)


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [
        ("pass", 0, ""),
        ("sys.exit(130)", 130, ""),
        ("sys.exit('in words')", 1, "in words\n"),
        ("raise ValueError('of a kind')", 1, "ValueError: of a kind\n"),
    ],
)
def test_a_rank_says_all_and_leaves_with_its_code_before_it_is_taken_apart(end: str, code: int, told: str) -> None:
    done = ended(end, TORCHELASTIC_RUN_ID="x")

    assert (done.returncode, done.stdout) == (code, "said\n")
    assert done.stderr.endswith(told) and bool(done.stderr) == bool(told)


def test_any_other_process_ends_as_ever() -> None:
    assert not is_rank()
    with pytest.raises(SystemExit), leaving():
        raise SystemExit(3)
    with leaving():
        pass


ENDINGS = """
import os, socket, sys
import torch
from torch import distributed
from onelook.training.ranks import joined
from onelook.training.survival.departure import leaving

def work():
    with joined() as ranks:
        weights = torch.full((1000,), float(ranks.rank), requires_grad=True)
        for step in range(3):
            weights.square().sum().backward()
            ranks.average([weights.grad])
            ranks.gather(step)
        assert weights.grad.unique().numel() == 1

found = []
for _ in range(int(sys.argv[1])):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    ranks = []
    for rank in ("0", "1"):
        child = os.fork()
        if not child:
            both = dict(WORLD_SIZE="2", LOCAL_WORLD_SIZE="2", MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
            os.environ.update(RANK=rank, LOCAL_RANK=rank, TORCHELASTIC_RUN_ID="endings", **both)
            with leaving():
                work()
        ranks.append(child)
    found += [os.waitpid(child, 0)[1] for child in ranks]
print(found)
"""


@pytest.mark.slow
def test_two_ranks_end_well_time_after_time(tmp_path: Path) -> None:
    script = tmp_path / "endings.py"
    script.write_text(ENDINGS)
    done = subprocess.run([sys.executable, str(script), "16"], capture_output=True, text=True, timeout=300)

    assert done.stdout.strip() == str([0] * 32), done.stderr
