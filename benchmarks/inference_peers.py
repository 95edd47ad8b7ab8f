"""Other programs on the same network, each in an environment of its own; what is not there is told, and the rest goes on.

ONELOOK_PEER_CV names a Python that has OpenCV 4 (its reader of .cfg is gone in 5), ONELOOK_PEER_ULTRALYTICS one with Ultralytics,
onnx and onnxruntime. Darknet in C is Debian's package.
"""

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

CV = os.environ.get("ONELOOK_PEER_CV", "/tmp/peer-cv/env/bin/python")
ULTRALYTICS = os.environ.get("ONELOOK_PEER_ULTRALYTICS", "/tmp/peer/env/bin/python")

_OPENCV = """
import sys, time, cv2, numpy as np
net = cv2.dnn.readNetFromDarknet(sys.argv[1], sys.argv[2])
image = np.random.default_rng(0).integers(0, 256, (416, 416, 3), dtype=np.uint8)
names, times = net.getUnconnectedOutLayersNames(), []
for _ in range(int(sys.argv[3]) + 1):
    net.setInput(cv2.dnn.blobFromImage(image, 1 / 255))
    start = time.perf_counter(); net.forward(names); times.append(time.perf_counter() - start)
print("ms", min(times[1:]) * 1e3)
"""

_ULTRALYTICS = """
import sys, os
os.environ["YOLO_OFFLINE"] = "true"
from types import ModuleType, SimpleNamespace
vision = ModuleType("torchvision")  # which does not load beside CPU torch; its NMS is not what is measured
vision.ops = SimpleNamespace(nms=lambda boxes, scores, overlap: scores.argsort(descending=True)[:300])
sys.modules["torchvision"] = vision
from ultralytics import YOLO
path = YOLO("yolov3-tiny.yaml").export(format="onnx", imgsz=416, verbose=False)
model = YOLO(path, task="detect")
times = [model(sys.argv[1], imgsz=416, verbose=False, device="cpu")[0].speed["inference"] for _ in range(int(sys.argv[2]) + 1)]
print("ms", min(times[1:]))
"""


def darknet_in_c(cfg: Path, image: Path, runs: int = 5) -> float | str:
    """Return the best milliseconds that Debian's Darknet tells of one picture."""
    program = shutil.which("darknet")
    if program is None:
        return "absent: apt-get install darknet"
    with tempfile.TemporaryDirectory() as folder:
        words = [program, "detect", str(cfg), str(cfg.with_suffix(".weights")), str(image)]
        words += ["-out", "predictions"]  # it would else open a window and wait for a key
        names = Path(folder) / "data"
        names.mkdir()
        shutil.copy(cfg.with_name("coco.names"), names / "coco.names")
        (Path(folder) / "cfg").mkdir()
        (Path(folder) / "cfg" / "coco.data").write_text("classes=80\nnames=data/coco.names\n")
        try:
            told = [
                subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False, timeout=120).stdout
                for _ in range(runs)
            ]
        except subprocess.TimeoutExpired:
            return "failed: took more than 120 s"
    seconds = [float(each) for text in told for each in re.findall(r"Predicted in ([\d.]+) seconds", text)]
    return min(seconds) * 1e3 if seconds else f"failed: {told[-1][-200:]}"


def opencv_reader(cfg: Path, rounds: int) -> float | str:
    """Return the best milliseconds of OpenCV 4's own reader and network, every core."""
    return _milliseconds(CV, _OPENCV, str(cfg), str(cfg.with_suffix(".weights")), str(rounds))


def ultralytics_onnx(image: Path, rounds: int) -> float | str:
    """Return the best milliseconds that Ultralytics tells of its own yolov3-tiny, of random weights, through ONNX Runtime."""
    return _milliseconds(ULTRALYTICS, _ULTRALYTICS, str(image), str(rounds))


def _milliseconds(python: str, program: str, *words: str) -> float | str:
    if not Path(python).exists():
        return f"absent: {python}"
    with tempfile.TemporaryDirectory() as folder:
        try:
            done = subprocess.run(
                [python, "-c", program, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=300
            )
        except subprocess.TimeoutExpired:
            return "failed: took more than 300 s"
    found = re.findall(r"^ms ([\d.]+)", done.stdout, re.MULTILINE)
    return float(found[-1]) if found else f"failed: {(done.stderr or done.stdout)[-200:]}"
