"""Inference beside what its user would pick instead, on this machine, in one run.

    .venv/bin/python benchmarks/inference.py                       # everything, about 25 minutes
    .venv/bin/python benchmarks/inference.py --only network,files --files 64 --rounds 5 --no-record

Marks: network alone within 10 % of a bare ONNX Runtime and a bare OpenVINO; from JPEG files to boxes within 10 % of a
pipeline built by hand (`hand_built`, which shares nothing with the package but the computation), 30 images/s in
float32 and 50 in INT8 on two cores of their own; INT8 loses at most 0.01 AP50; a base install under 350 MB, `import
onelook` under 0.3 s, a first box under 1.5 s; 10,000 images without drift. Contestants take turns, so that other work
on the machine meets all of them; beside the wall clock stands the processor's time.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from inference_peers import darknet_in_c, opencv_reader, ultralytics_onnx
from record import RESULTS, SHARED, record

import onelook
from onelook.inference.onnx_graph import onnx_model
from onelook.inference.throughput import cores
from onelook.structures.bundle import Bundle, BundleSettings, find_model
from onelook.structures.network.cfg import read_cfg
from onelook.structures.network.layers import describe

WEIGHTS = SHARED / "weights"
TINY = WEIGHTS / "yolov3-tiny" / "yolov3-tiny.cfg"
FASTEST = WEIGHTS / "yolo-fastest" / "yolo-fastest-1.1_coco" / "yolo-fastest-1.1.cfg"
XL = FASTEST.with_name("yolo-fastest-1.1-xl.cfg")
COCO = SHARED / "data" / "coco128"
DOG = SHARED / "reference" / "images" / "img" / "dog.jpg"
YOLOV4 = Path(onelook.__file__).parent / "models" / "networks" / "yolov4.cfg"

Contestants = dict[str, Callable[[], object]]

PAUSE = 0.05
"""Seconds before each turn: the threads of a bare runtime spin on for a while, and would work in the next contestant's turn."""


def main() -> None:
    """Measure what --only names, else everything, print it and keep it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(PARTS), help="of " + ", ".join(PARTS))
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--soak", type=int, default=10_000)
    parser.add_argument("--no-record", action="store_true")
    asked = parser.parse_args()
    load = os.getloadavg()
    print(f"load before: {load}; cores: {cores()}")
    measured = {**kept(), "cores": cores()}
    for part in asked.only.split(","):
        found = PARTS[part](asked)
        when = {"measured": time.strftime("%Y-%m-%d %H:%M"), "load": round(os.getloadavg()[0], 1)}
        measured[part] = {**found, **when, "files": asked.files, "rounds": asked.rounds}
        print(part, json.dumps(measured[part], indent=1), flush=True)
    if not asked.no_record:
        record("inference", load, measured)


def kept() -> dict[str, Any]:
    """Return the parts that were recorded before, which stay until they are measured again: each says when it was."""
    path = RESULTS / "inference.json"
    return dict(json.loads(path.read_text())["measured"]) if path.is_file() else {}


def in_turns(contestants: Contestants, rounds: int) -> dict[str, dict[str, float]]:
    """Return median and best wall milliseconds, and median processor milliseconds, of each; the first round is left out."""
    walls: dict[str, list[float]] = {name: [] for name in contestants}
    busy: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(rounds + 1):
        for name, run in contestants.items():
            time.sleep(PAUSE)
            wall, processor = time.perf_counter(), time.process_time()
            run()
            walls[name].append((time.perf_counter() - wall) * 1e3)
            busy[name].append((time.process_time() - processor) * 1e3)
    return {
        name: {
            "median": round(statistics.median(walls[name][1:]), 2),
            "best": round(min(walls[name][1:]), 2),
            "processor": round(statistics.median(busy[name][1:]), 2),
        }
        for name in contestants
    }


def network(asked: argparse.Namespace) -> dict[str, Any]:
    """Tiny-YOLOv3 at 416, the network alone on every core: ours, the bare runtimes, and other programs."""
    bundle = find_model(TINY)
    found = in_turns(_ours_and_bare(bundle), asked.rounds)
    peers = {
        "Darknet in C": darknet_in_c(TINY, DOG),
        "OpenCV 4": opencv_reader(TINY, asked.rounds),
        "Ultralytics ONNX, yolov3-tinyu": ultralytics_onnx(DOG, asked.rounds),
    }
    ours = found["onelook openvino"]["best"]
    ratios = {name: round(ms / ours, 2) for name, ms in peers.items() if isinstance(ms, float)}
    return {"ms": found, "peers best ms": peers, "peers over onelook openvino": ratios, **_ratios(found)}


def yolov4(asked: argparse.Namespace) -> dict[str, Any]:
    """YOLOv4 at 416 with random weights: the time does not depend on them."""
    cfg = read_cfg(YOLOV4)
    layers, rng = describe(cfg, (416, 416)), np.random.default_rng(0)
    arrays = {}
    for layer in layers:
        for name, shape in layer.arrays:
            scale = np.sqrt(2 / max(1, int(np.prod(shape[1:])))) if name == "weights" else 0.1
            values = (rng.normal(0, scale, shape)).astype(np.float32)
            arrays[f"{layer.index}.{name}"] = np.ones_like(values) if name in ("rolling_variance", "scales") else values
    bundle = Bundle(cfg, tuple(f"class{index}" for index in range(80)), arrays, BundleSettings(416, 416))
    found = in_turns(_ours_and_bare(bundle), max(3, asked.rounds // 3))
    return {"weights": "random", "ms": found, **_ratios(found)}


def _ours_and_bare(bundle: Bundle) -> Contestants:
    import onnxruntime
    import openvino

    width, height = bundle.settings.size
    pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), dtype=np.uint8)
    planes = np.ascontiguousarray(pixels.transpose(0, 3, 1, 2).astype(np.float32) / 255)
    data = onnx_model(bundle.layers(), bundle.arrays, "float32").SerializeToString()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    core = openvino.Core()
    read = core.read_model(data, b"")
    read.reshape([1, 3, height, width])
    compiled = core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()
    ours = {name: onelook.load(bundle, runtime=name).runtime for name in ("onnxruntime", "openvino", "openvino-bf16")}
    return {
        "bare onnxruntime": lambda: session.run(None, {"images": planes}),
        "onelook onnxruntime": lambda: ours["onnxruntime"].run(pixels),
        "bare openvino": lambda: request.infer([planes], share_inputs=True),
        "onelook openvino": lambda: ours["openvino"].run(pixels),
        "onelook openvino-bf16": lambda: ours["openvino-bf16"].run(pixels),
    }


def _ratios(found: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return our time over the bare runtime's, by wall clock (median and best) and by processor time."""
    return {
        f"onelook over bare {name}": {
            kind: round(found[f"onelook {name}"][kind] / found[f"bare {name}"][kind], 3)
            for kind in found[f"bare {name}"]
        }
        for name in ("onnxruntime", "openvino")
    }


def files(asked: argparse.Namespace) -> dict[str, Any]:
    """From JPEG files to boxes with yolov3-tiny at 416: by hand, by the API, by the command."""
    pictures = sorted((COCO / "images" / "train2017").glob("*.jpg"))
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{index:06d}.jpg" for index in range(asked.files)]
        for index, path in enumerate(paths):  # files of their own: the command looks at no file twice
            path.symlink_to(pictures[index % len(pictures)])
        quantised = Path(folder) / "tiny-int8.xml"
        _typed("export", TINY, "--to", "openvino", "--int8", COCO, "--out", quantised)
        for name, model, runtime in (
            ("float32 openvino", TINY, "openvino"),
            ("float32 onnxruntime", TINY, "onnxruntime"),
            ("int8 openvino", quantised, "openvino"),
            ("bfloat16 openvino", TINY, "openvino-bf16"),
        ):
            results[name] = _rates(model, runtime, paths)
    return results


def _rates(model: Path, runtime: str, paths: list[Path]) -> dict[str, Any]:
    """Return images a second of the three ways; API and hand-built take turns, a fifth of the files each time."""
    api = onelook.load(model, threads=1, runtime=runtime)
    by_hand = hand_built(api)
    part = max(1, len(paths) // 5)
    parts = [paths[start : start + part] for start in range(0, len(paths), part)]
    seconds: dict[str, list[float]] = {"by hand": [], "api": []}
    by_hand(parts[0][:8]), api.predict(parts[0][:8])
    boxes = [0, 0]
    for each in parts:
        for index, (name, run) in enumerate((("by hand", by_hand), ("api", api.predict))):
            start, processor = time.perf_counter(), time.process_time()
            found = run(each)
            seconds[name].append(time.perf_counter() - start)
            seconds.setdefault(f"{name} processor", []).append(time.process_time() - processor)
            boxes[index] += sum(len(one) for one in found)
    told = json.loads(_typed("predict", model, *paths, "--json", "--runtime", runtime))
    rates = {name: round(len(paths) / sum(values), 1) for name, values in seconds.items()}
    rates["command"] = round(len(told["images"]) / told["seconds"], 1)
    return {
        "images/s": rates,
        "api over by hand": round(rates["api"] / rates["by hand"], 3),
        "api over by hand, best fifth": round(min(seconds["by hand"]) / min(seconds["api"]), 3),
        "api over by hand, processor": round(sum(seconds["by hand processor"]) / sum(seconds["api processor"]), 3),
        "api over command": round(rates["api"] / rates["command"], 3),
        "boxes": {"by hand": boxes[0], "api": boxes[1]},
    }


def hand_built(model: Any) -> Callable[[list[Path]], list[Any]]:
    """Return a pipeline of one thread a core as a user would write it around the same computation, for [yolo] heads.

    Decoding by simplejpeg, letterbox by OpenCV, objectness before sigmoid, NMS by class by OpenCV.
    """
    import cv2
    import simplejpeg

    from onelook.structures.network.heads import heads_of

    width, height = model.settings.size
    heads = [(head.anchors, 5 + head.classes) for head in heads_of(model.layers)]
    compute, score, overlap = model.runtime.run, model.settings.score, model.settings.nms
    gate = float(np.log(score / (1 - score)))

    def look(path: Path) -> list[Any]:
        image = simplejpeg.decode_jpeg(path.read_bytes(), "RGB")
        scale = min(width / image.shape[1], height / image.shape[0])
        inner = int(image.shape[1] * scale), int(image.shape[0] * scale)
        canvas = np.full((1, height, width, 3), 127, np.uint8)
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        canvas[0, top : top + inner[1], left : left + inner[0]] = cv2.resize(image, inner)
        boxes, scores, classes = [], [], []
        for (anchors, channels), raw in zip(heads, compute(canvas), strict=True):
            grid = raw.reshape(len(anchors), channels, *raw.shape[2:])
            a, row, column = np.nonzero(grid[:, 4] > gate)
            cells = grid[a, :, row, column]
            probabilities = 1 / (1 + np.exp(-cells[:, 4:]))
            probabilities = probabilities[:, 1:] * probabilities[:, :1]
            which, kind = np.nonzero(probabilities > score)
            stride = width / grid.shape[3]
            centres = (1 / (1 + np.exp(-cells[:, :2])) + np.stack([column, row], 1)) * stride
            sides = np.exp(cells[:, 2:4]) * anchors[a]
            corner = (centres - sides / 2 - (left, top)) / scale
            boxes.append(np.concatenate([corner, sides / scale], 1)[which])
            scores.append(probabilities[which, kind])
            classes.append(kind)
        boxes, scores, classes = np.concatenate(boxes), np.concatenate(scores), np.concatenate(classes)
        kept = cv2.dnn.NMSBoxesBatched(boxes.tolist(), scores.tolist(), classes.tolist(), score, overlap)
        return [(boxes[index], scores[index], classes[index]) for index in kept]

    def run(paths: list[Path]) -> list[Any]:
        with ThreadPoolExecutor(cores()) as pool:
            return list(pool.map(look, paths))

    return run


def int8(_: argparse.Namespace) -> dict[str, Any]:
    """AP50 on coco128 before and after, as the export's own gate tells it."""
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for model in (TINY, XL):
            out = Path(folder) / f"{model.stem}.xml"
            told = json.loads(
                _typed("export", model, "--to", "openvino", "--int8", COCO, "--out", out, "--json", fails=True)
            )
            results[model.stem] = {
                word: told[word] for word in ("passed", "images", "source_ap50", "export_ap50", "ap50_loss")
            }
    return results


def install(_: argparse.Namespace) -> dict[str, Any]:
    """What `pip install onelook` takes on disk, how long `import onelook` lasts, and a first box from a cold command."""
    from installed_size import base_install

    sizes, with_bytecode = base_install(), sum(base_install(bytecode=True).values())
    plain, imported = ([sys.executable, "-c", code] for code in ("pass", "import onelook"))
    runs = {name: min(_seconds(words) for _ in range(5)) for name, words in (("plain", plain), ("import", imported))}
    predict = [sys.executable, "-m", "onelook", "predict", str(FASTEST), str(DOG), "--json"]
    ways = {"none named": [], **{name: ["--runtime", name] for name in ("onnxruntime", "openvino")}}
    cold = {name: min(_seconds([*predict, *words]) for _ in range(5)) for name, words in ways.items()}
    return {
        "base install MB": round(sum(sizes.values()) / 1e6, 1),
        "with Python's bytecode MB": round(with_bytecode / 1e6, 1),
        "largest MB": {name: round(size / 1e6, 1) for name, size in list(sizes.items())[:8]},
        "import onelook s": round(runs["import"] - runs["plain"], 3),
        "first box s": {name: round(value, 2) for name, value in cold.items()},
        "python itself s": round(runs["plain"], 3),
    }


def soak(asked: argparse.Namespace) -> dict[str, Any]:
    """Many images through one model: memory after each tenth, and whether any answer changed."""
    import psutil

    pictures = sorted((COCO / "images" / "train2017").glob("*.jpg"))
    model, process = onelook.load(FASTEST, threads=1), psutil.Process()
    first: dict[Path, bytes] = {}
    memory, changed, start = [], 0, time.perf_counter()
    tenth = max(1, asked.soak // 10)
    for begin in range(0, asked.soak, tenth):
        paths = [pictures[index % len(pictures)] for index in range(begin, min(begin + tenth, asked.soak))]
        for path, found in zip(paths, model.predict(paths), strict=True):
            answer = found.boxes.tobytes() + found.scores.tobytes()
            changed += first.setdefault(path, answer) != answer
        memory.append(round(process.memory_info().rss / 1e6, 1))
    return {
        "images": asked.soak,
        "answers that changed": changed,
        "memory MB after each tenth": memory,
        "images/s": round(asked.soak / (time.perf_counter() - start), 1),
    }


def _seconds(words: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(words, check=True, capture_output=True)
    return time.perf_counter() - start


def _typed(*words: object, fails: bool = False) -> str:
    """Return what `onelook WORDS` prints; exit code 1 is borne where `fails` is set."""
    command = [sys.executable, "-m", "onelook", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in ((0, 1) if fails else (0,)):
        sys.exit(f"{' '.join(command[:6])}: {done.stderr}")
    return done.stdout


PARTS: dict[str, Callable[[argparse.Namespace], dict[str, Any]]] = {
    "network": network,
    "yolov4": yolov4,
    "files": files,
    "int8": int8,
    "install": install,
    "soak": soak,
}


if __name__ == "__main__":
    main()
