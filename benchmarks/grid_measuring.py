"""What does it cost to be measured, and are the figures right? Runs of `onelook train` alone, and watched.

    .venv/bin/python benchmarks/grid_measuring.py [--rounds 3] [--steps 150]

The same small training, alone and watched as a grid watches its runs, in turns, so that both meet the same machine. Overhead is the
watcher's processor time as a share of the run's wall time, and the ratio of the median wall times. The agreement is of one and the
same process: /usr/bin/time stands between the watcher and the training, and both tell of it.
"""

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from onelook.datasets.generated import make_blood
from onelook.experiments.measuring import TreeWatch, wait_for
from onelook.experiments.outcome import Measured

TIME = "/usr/bin/time"


def main() -> None:
    """Measure in turns and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=150)
    chosen = parser.parse_args()
    if not Path(TIME).is_file():
        sys.exit(f"{TIME}: expected GNU time, got none")
    from record import record

    load = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        measured = measure(Path(folder), chosen.rounds, chosen.steps)
    record("grid_measuring", load, measured)


def measure(folder: Path, rounds: int, steps: int) -> dict[str, object]:
    """Return overhead and agreement over some rounds of a training of so many steps."""
    make_blood(folder / "data", {"train": 48, "val": 8}, 0, (160, 120))
    settings = {"max_batches": steps, "batch": 8, "width": 96, "height": 96, "workers": 1, "threads": 1}
    pairs = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    words = [sys.executable, "-m", "onelook", "train", "yolov3-tiny", str(folder / "data"), *pairs, "--out"]
    alone, watched, shares, agreements = [], [], [], []
    for number in range(rounds):
        alone.append(timed([*words, str(folder / f"alone{number}")]))
        run, seconds, told = both([*words, str(folder / f"watched{number}")], folder / "told.txt")
        watched.append(seconds)
        shares.append((run.measuring_seconds or 0.0) / run.wall_seconds)
        agreements.append({name: ours / theirs for name, (ours, theirs) in compared(run, told).items() if theirs})
    worst = {name: max(abs(each[name] - 1) for each in agreements) for name in agreements[0]}
    return {
        "rounds": rounds,
        "steps": steps,
        "wall_alone": alone,
        "wall_watched": watched,
        "wall_ratio": statistics.median(watched) / statistics.median(alone),
        "measuring_share_of_wall": max(shares),
        "worst_difference_from_time": worst,
    }


def timed(words: list[str]) -> float:
    """Return the seconds of a program that nobody watches."""
    began = time.monotonic()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.monotonic() - began


def both(words: list[str], told: Path) -> tuple[Measured, float, dict[str, float]]:
    """Return what the grid's watch and /usr/bin/time tell of one and the same process."""
    shutil.rmtree(told, ignore_errors=True)
    began = time.monotonic()
    process = subprocess.Popen(
        [TIME, "-v", "-o", str(told), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    watch = TreeWatch(process.pid)
    while (ended := wait_for(process.pid)) is None:
        watch.look()
        time.sleep(0.2)
    process.returncode = ended.code
    if ended.code:
        sys.exit(f"the training ended with {ended.code}")
    return watch.at_end(ended), time.monotonic() - began, read_time(told.read_text())


def read_time(text: str) -> dict[str, float]:
    """Return what `time -v` says: seconds and bytes."""
    found = dict(re.findall(r"^\s*(.+): ([\d:.%]+)$", text, re.MULTILINE))
    wall = 0.0
    for part in found["Elapsed (wall clock) time (h:mm:ss or m:ss)"].split(":"):
        wall = 60 * wall + float(part)
    return {
        "wall": wall,
        "user": float(found["User time (seconds)"]),
        "system": float(found["System time (seconds)"]),
        "memory": 1024 * float(found["Maximum resident set size (kbytes)"]),
        "written": 512 * float(found["File system outputs"]),
    }


def compared(run: Measured, told: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Return our figure and that of /usr/bin/time by name."""
    ours = {
        "wall": run.wall_seconds,
        "user": run.user_seconds,
        "system": run.system_seconds,
        "memory": run.largest_process_bytes,
        "written": run.disk_written_bytes,
    }
    return {name: (float(value or 0), told[name]) for name, value in ours.items()}


if __name__ == "__main__":
    main()
