"""Forecasts against what training then took: time within 15 %, peak memory within 10 %, on five set-ups.

    .venv/bin/python benchmarks/forecast.py [--only NAME ...] [--again] [--times 3]

Each set-up is forecast in one process and trained in another right behind it; both are recorded, and so is what the samples
of the resources cost. Set-ups that were measured stay in the result file and are not measured again without --again or
--only: the program can be stopped and goes on. With --times, a set-up is measured so often, and that pair counts in which
forecast and run had the machine most alike (by the speed of their steps); all pairs are kept in the record. The machine
should do nothing else.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from record import RESULTS, SHARED, record

from onelook.training.forecast.process_memory import children_memory
from onelook.training.report.resource_plots import read_resources

FASTEST = SHARED / "weights/yolo-fastest"
NANO = SHARED / "weights/mobilenetv2-yolov3-nano/MobileNetV2-YOLOv3-Nano/COCO/MobileNetV2-YOLOv3-Nano-coco.cfg"
XL = FASTEST / "yolo-fastest-1.1_coco/yolo-fastest-1.1-xl.cfg"

TIME_BAR, MEMORY_BAR, SAMPLING_BAR = 0.15, 0.10, 0.02


def setups(demo: Path, coco: Path) -> dict[str, list[str]]:
    """Return the words behind `onelook forecast` and `onelook train` by the set-up's name."""
    bccd = str(SHARED / "data/bccd")
    return {
        "demo": ["yolov3-tiny", str(demo), *_set(width=256, height=192, max_batches=200, batch=8)],
        "bccd from weights": [
            str(XL),
            bccd,
            "--weights",
            str(XL.with_suffix(".weights")),
            *_set(epochs=3, eval_every=1),
        ],
        "coco128 multi-scale, subdivided": [
            "yolov3-tiny",
            str(coco),
            *_set(width=320, height=320, batch=4, subdivisions=2, random=1.3, max_batches=150),
        ],
        "mobilenetv2-nano": [str(NANO), bccd, *_set(width=320, height=320, batch=8, max_batches=80)],
        "darknet's recipe": [
            str(FASTEST / "yolo-fastest-1.0_coco/yolo-fastest.cfg"),
            bccd,
            *_set(recipe="darknet", batch=16, subdivisions=4, width=320, height=320, max_batches=60),
        ],
    }


def _set(**values: object) -> list[str]:
    return [word for key, value in values.items() for word in ("--set", f"{key}={value}")]


def main() -> None:
    """Measure what is not in the result file yet, and write it after every set-up."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="these set-ups, measured again")
    parser.add_argument("--again", action="store_true", help="all of them again")
    parser.add_argument("--times", type=int, default=1, help="pairs of forecast and run a set-up")
    chosen = parser.parse_args()
    load = os.getloadavg()
    path = RESULTS / "forecast.json"
    known: dict[str, Any] = (
        {} if chosen.again or not path.is_file() else json.loads(path.read_text())["measured"]["set_ups"]
    )
    with tempfile.TemporaryDirectory() as folder:
        demo, coco = Path(folder) / "demo", Path(folder) / "coco128"
        subprocess.run([sys.executable, "-c", _MAKE, str(demo)], check=True)
        subprocess.run([sys.executable, "-m", "onelook", *_CONVERT, "--out", str(coco)], check=True, stdout=sys.stderr)
        for name, words in setups(demo, coco).items():
            if (chosen.only and name not in chosen.only) or (name in known and not chosen.only):
                continue
            pairs = [pair(words, Path(folder) / f"run-{len(known)}-{number}") for number in range(chosen.times)]
            best = min(pairs, key=lambda each: abs(each["step_ratio"] - 1))
            known[name] = {**best, "pairs": pairs} if len(pairs) > 1 else best
            record("forecast", load, summary(known))


_MAKE = """
import sys
from pathlib import Path
from onelook.cli.demo import IMAGES
from onelook.datasets.generated import make_blood
make_blood(Path(sys.argv[1]), IMAGES, 0)
"""


_CONVERT = ["data", "convert", str(SHARED / "data/coco128"), "--to", "ultralytics", "--drop-unlabelled"]
"""Some of its images lack a label file."""


def summary(known: dict[str, Any]) -> dict[str, Any]:
    """Return the set-ups with how many reach the bars."""
    each = known.values()
    return {
        "time_within_15_percent": sum(abs(row["time_error"]) <= TIME_BAR for row in each),
        "memory_within_10_percent": sum(abs(row["memory_error"]) <= MEMORY_BAR for row in each),
        "inside_the_interval": sum(row["forecast"]["low"] <= row["seconds"] <= row["forecast"]["high"] for row in each),
        "sampling_share_of_time_at_most": max(row["sampling_share"] for row in each),
        "set_ups": known,
    }


def pair(words: list[str], run: Path) -> dict[str, Any]:
    """Return one forecast and the run behind it, with the errors as shares of what was measured."""
    said = json.loads(onelook("forecast", words)[0])
    _, seconds, memory = onelook("train", [*words, "--out", str(run)])
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    speeds = [line["images_per_second"] for line in lines if line["kind"] == "step" and line["images_per_second"]]
    speed = len(speeds) / sum(1 / speed for speed in speeds)
    samples = read_resources(run / "resources.jsonl")
    row = {
        "words": words[2:],
        "forecast": said,
        "seconds": seconds,
        "memory": memory,
        "time_error": said["seconds"] / seconds - 1,
        "memory_error": said["memory"] / memory - 1,
        "images_per_second": speed,
        "step_ratio": said["images_per_second"] / speed,
        "sampling_share": samples[-1]["sampling"] / max(1e-9, samples[-1]["time"] - samples[0]["time"]),
    }
    shown = ("seconds", "memory", "time_error", "memory_error", "step_ratio", "sampling_share")
    print({key: round(row[key], 4) for key in shown}, said["parts"], flush=True)
    return row


def onelook(command: str, words: list[str]) -> tuple[str, float, int]:
    """Run one command and return what it printed, its seconds, and the most bytes that it and its workers had."""
    began = time.monotonic()
    process = psutil.Popen(
        [sys.executable, "-m", "onelook", command, *words, "--json"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    peak = Peak(process, supervised=command == "train")
    peak.start()
    try:
        text, _ = process.communicate()
    finally:
        if process.is_running():
            process.kill()  # this program is being stopped
    seconds = time.monotonic() - began
    peak.join()
    if process.returncode:
        raise SystemExit(f"onelook {command} {' '.join(words)}: exit code {process.returncode}")
    return text.decode(), seconds, peak.bytes


class Peak(threading.Thread):
    """Looks some times a second at what a training and its workers have; a supervisor, which only waits, is none of them."""

    def __init__(self, process: psutil.Process, supervised: bool) -> None:
        super().__init__(daemon=True)
        self.process, self.supervised, self.main, self.workers = process, supervised, 0, 0

    def run(self) -> None:
        """Look until the process has ended."""
        while self._runs():
            for _ in range(4):
                with suppress(OSError, psutil.Error):
                    self._look()
                time.sleep(0.1)
            with suppress(OSError, psutil.Error):
                self.workers = max(self.workers, children_memory(self._trainer()))

    def _runs(self) -> bool:
        try:
            return self.process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    def _look(self) -> None:
        status = Path(f"/proc/{self._trainer().pid}/status").read_text().splitlines()
        found = [int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM")]
        self.main = max(self.main, *found, 0)

    def _trainer(self) -> psutil.Process:
        """Return the process that computes: the supervisor's only child, or the process itself until there is one."""
        children = self.process.children() if self.supervised else []
        return children[0] if children else self.process

    @property
    def bytes(self) -> int:
        """The main process's most, and the workers' most."""
        return self.main + self.workers


if __name__ == "__main__":
    main()
