"""The same training step by Ultralytics and by the original Darknet, each a program of its own that is only run."""

import json
import os
import re
import statistics
import subprocess
from pathlib import Path
from typing import Any

from onelook.datasets.converting import convert
from onelook.datasets.dataset import Dataset
from onelook.models.adapt import adapt, with_net
from onelook.models.known import find_network
from onelook.structures.network.cfg import format_cfg

SCRIPT = Path(__file__).with_name("ultralytics_step.py")
DARKNET_STEPS, DARKNET_BATCH = 3, 2
"""It takes some ten seconds an image, one after another whatever the batch."""

LONGEST = 900
"""Seconds that a peer may take."""


def ultralytics(python: Path, dataset: Dataset, folder: Path, side: int, batch: int, warm_up: int) -> dict[str, Any]:
    """Return median and best seconds an image of Ultralytics' yolov3-tiny; `python` is that of an environment that has it."""
    convert(dataset, "ultralytics", folder / "ultralytics")
    environment = {**os.environ, "YOLO_CONFIG_DIR": str(folder), "YOLO_OFFLINE": "true", "PYTHONPATH": ""}
    words = [python, SCRIPT, folder / "ultralytics/data.yaml", "yolov3-tiny.yaml", side, batch, warm_up]
    done = _run([str(word) for word in words], folder / "ultralytics", environment)
    if done.returncode:
        raise SystemExit(f"{python}: {done.stderr[-2000:]}")
    measured = json.loads(done.stdout.splitlines()[-1])
    return {"version": measured["version"], **summary(measured["seconds"])}


def darknet(program: str, dataset: Dataset, folder: Path, side: int) -> dict[str, Any]:
    """Return median and best seconds an image of the original's `detector train`, as it prints them, without loading."""
    convert(dataset, "darknet", folder / "darknet")
    cfg, _ = adapt(find_network("yolov3-tiny"), len(dataset.names), (side, side))
    cfg, _ = with_net(cfg, batch=DARKNET_BATCH, subdivisions=1, max_batches=DARKNET_STEPS + 1, width=side, height=side)
    text = re.sub(r"^random *= *1$", "random=0", format_cfg(cfg), flags=re.MULTILINE)
    (folder / "darknet/tiny.cfg").write_text(text)
    data = next((folder / "darknet").glob("*.data"))
    done = _run([program, "detector", "train", data.name, "tiny.cfg"], folder / "darknet", dict(os.environ))
    found = [float(number) / DARKNET_BATCH for number in re.findall(r"rate, ([\d.]+) seconds, \d+ images", done.stdout)]
    if len(found) < 2:
        raise SystemExit(f"{program}: {done.stdout[-500:]} {done.stderr[-500:]}")
    return {"batch": DARKNET_BATCH, **summary(found[1:])}


def _run(words: list[str], folder: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words, check=False, capture_output=True, text=True, cwd=folder, env=environment, timeout=LONGEST
    )


def summary(seconds: list[float]) -> dict[str, Any]:
    """Return median and best of seconds an image, and of how many steps."""
    return {"median_seconds_an_image": statistics.median(seconds), "best": min(seconds), "steps": len(seconds)}
