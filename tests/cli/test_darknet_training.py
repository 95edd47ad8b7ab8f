"""`onelook darknet ... train` is watched over as `onelook train` is: a death is told, with its cause."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.training.conftest import CFG, make_squares

from onelook.training.run import Run
from onelook.training.survival.heartbeat import read_heartbeat


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, 128 + signal.SIGKILL), (signal.SIGTERM, 130)])
def test_a_training_by_darknet_s_words_that_is_ended_from_outside_says_by_what(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    data, cfg = make_squares(tmp_path / "squares"), tmp_path / "tiny.cfg"
    data.write_text(data.read_text() + f"backup = {tmp_path}/backup\n")
    cfg.write_text(CFG.replace("channels=3", "channels=3\nmax_batches=5000"))
    run = Run(tmp_path / "backup" / "tiny")
    process = subprocess.Popen(
        [sys.executable, "-m", "onelook", "darknet", "detector", "train", str(data), str(cfg)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while (beat := read_heartbeat(run.alive)) is None and process.poll() is None:
        time.sleep(0.05)
    if beat:
        os.kill(beat["pid"], number)
    out, err = process.communicate(timeout=120)

    assert beat is not None, out + err
    assert beat["pid"] != process.pid, "a parent watches"
    assert process.returncode == code
    if number == signal.SIGKILL:
        assert "killed by SIGKILL" in err and "go on with --resume" in err
        assert "killed by SIGKILL" in run.diagnosis.read_text()
    else:
        assert "stopped after step" in out
