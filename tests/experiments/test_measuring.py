import os
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from onelook.experiments.measuring import Ended, TreeWatch, added, wait_for
from onelook.experiments.outcome import Measured

BUSY = """
import os, time
if os.fork() == 0:  # a child that computes and holds 60 MB of its own
    held = bytearray(b"x") * 60_000_000
    until = time.process_time() + {seconds}
    while time.process_time() < until:
        sum(range(1000))
    with open({file!r}, "wb") as file:
        file.write(os.urandom(1 << 20))
        os.fsync(file.fileno())
    os._exit(0)
os.wait()
"""


def watched(words: list[str]) -> tuple[Measured, Ended, float]:
    """Return what was measured of a program, and the processor time that it took by this process's own count."""
    process = subprocess.Popen(words)
    watch = TreeWatch(process.pid)
    while (ended := wait_for(process.pid)) is None:
        watch.look()
        time.sleep(0.05)
    process.returncode = ended.code
    return watch.at_end(ended), ended, watch.own_seconds


def test_the_whole_tree_is_measured(tmp_path: Path) -> None:
    measured, ended, own = watched([sys.executable, "-I", "-c", BUSY.format(seconds=0.6, file=str(tmp_path / "file"))])

    assert ended.code == 0
    assert measured.user_seconds is not None
    assert 0.5 < measured.user_seconds + (measured.system_seconds or 0) < 1.5
    assert measured.peak_memory_bytes is not None
    assert 60e6 < measured.peak_memory_bytes < 110e6, "the child's, the parent's once"
    assert measured.wall_seconds >= 0.6
    assert measured.disk_written_bytes is not None
    assert own == measured.measuring_seconds
    assert own < 0.5 * measured.wall_seconds


@pytest.mark.skipif(shutil.which("time") is None, reason="/usr/bin/time ABSENT: this comparison was not made")
def test_figures_are_those_of_usr_bin_time(tmp_path: Path) -> None:
    told = tmp_path / "told"
    busy = [sys.executable, "-I", "-c", BUSY.format(seconds=1.0, file=str(tmp_path / "file"))]

    measured, _, _ = watched([str(shutil.which("time")), "-f", "%e %U %S %M", "-o", str(told), *busy])

    wall, user, system, largest = (float(word) for word in told.read_text().split()[-4:])
    assert measured.wall_seconds == pytest.approx(wall, abs=0.02 * wall + 0.1)
    assert measured.user_seconds == pytest.approx(user, abs=0.02 * user + 0.02)
    assert measured.system_seconds == pytest.approx(system, abs=0.02 * system + 0.02)
    assert measured.largest_process_bytes == pytest.approx(1024 * largest, rel=0.05), (
        "smaller than this process: looked at"
    )


def test_the_kernels_word_on_the_largest_process_counts_where_it_cannot_be_this_one() -> None:
    watch = TreeWatch(os.getpid())
    watch.look()
    own = watch.at_end(Ended(0, 1.0, 1.0, 1000, 0, 0)).largest_process_bytes

    assert own is not None
    assert own > 1e6
    assert watch.at_end(Ended(0, 1.0, 1.0, 10 * own, 0, 0)).largest_process_bytes == 10 * own


def test_a_run_under_way_has_taken_something_already() -> None:
    process = subprocess.Popen([sys.executable, "-I", "-c", "import time\nwhile True: time.time()"])
    watch = TreeWatch(process.pid)
    try:
        time.sleep(0.5)
        watch.look()
        so_far = watch.so_far()
    finally:
        process.kill()
        process.wait()

    assert so_far.user_seconds is not None
    assert so_far.user_seconds + (so_far.system_seconds or 0) > 0
    assert so_far.peak_memory_bytes is not None
    assert watch.look() == 0, "it is gone"


def test_two_parts_of_a_run_go_together() -> None:
    first = Measured(10.0, 5.0, 1.0, 60.0, 100, 90, 10, 20, measuring_seconds=0.1, temperature=50.0)
    second = Measured(30.0, 20.0, 2.0, 73.3, 80, 95, None, 5, 8.0, 1.0, 0.2)

    first, second = replace(first, cores_percent=(100.0, 0.0)), replace(second, cores_percent=(20.0, 40.0))
    both = added(first, second)

    assert both.cores_percent == (40.0, 30.0)
    assert added(first, replace(second, cores_percent=(1.0,))).cores_percent == (1.0,)
    assert added(None, second) == second
    assert (both.wall_seconds, both.user_seconds, both.system_seconds) == (40.0, 25.0, 3.0)
    assert both.cpu_percent == pytest.approx(70.0)
    assert (both.peak_memory_bytes, both.largest_process_bytes, both.temperature) == (100, 95, 50.0)
    assert (both.disk_read_bytes, both.disk_written_bytes, both.images_per_second) == (10, 25, 8.0)
