"""One evaluation of a val2017-sized problem: 5,000 images, 36,781 boxes, 500,000 detections, beside its peers.

    .venv/bin/python benchmarks/evaluation.py [--peers /path/to/a/python/with/faster-coco-eval/and/torchmetrics]

Mark: equal to pycocotools to the last digit, at most 1.5 s and 300 MB as a whole process after import. Each runs in a process of
its own, is given the same arrays, and is timed from arrays to twelve numbers; `memory` is the process's largest resident size.
`nms_dense_output` times one image's dense output at confidence 0.001, grouped by class
and by the offset trick. torchmetrics needs torchvision, which must not be beside onelook: peers have an environment of their own.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

IMAGES, BOXES, DETECTIONS, CLASSES = 5_000, 36_781, 500_000, 80
OURS, ORACLE = "onelook", "pycocotools"
PEERS = ("faster-coco-eval", "torchmetrics")


def main() -> None:
    """Measure everybody, or one in this process with `--here NAME FILE`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--here", nargs=2, metavar=("NAME", "FILE"))
    parser.add_argument("--peers", default=sys.executable, help="the Python that has the peers")
    parser.add_argument("--only", nargs="*", default=[OURS, ORACLE, *PEERS])
    chosen = parser.parse_args()
    if chosen.here:
        print(json.dumps(WAYS[chosen.here[0]](dict(np.load(chosen.here[1])))))
        return
    from record import record

    load = os.getloadavg()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "problem.npz"
        np.savez(file, **generate(0))
        measured = {name: run(chosen.peers if name in PEERS else sys.executable, name, file) for name in chosen.only}
    ours = measured.get(OURS, {}).get("numbers")
    for result in measured.values():
        result["equal_to_onelook"] = result.pop("numbers", None) == ours if "numbers" in result else None
    facts = {"images": IMAGES, "boxes": BOXES, "detections": DETECTIONS, "classes": CLASSES}
    record("evaluation", load, {**facts, **measured, "nms_dense_output": nms_seconds()})


def run(python: str, name: str, file: Path) -> dict[str, Any]:
    """Return what one way measured in a process of its own; `error` where it could not run."""
    done = subprocess.run([python, __file__, "--here", name, str(file)], capture_output=True, text=True, check=False)
    if done.returncode:
        return {"error": done.stderr.strip().splitlines()[-1]}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def generate(seed: int) -> dict[str, np.ndarray]:
    """Return truth and detections as columns: image, class, box (x, y, w, h), crowd; the same with a score."""
    random = np.random.default_rng(seed)
    image = np.sort(random.integers(0, IMAGES, BOXES))
    label = np.minimum(random.geometric(0.08, BOXES) - 1, CLASSES - 1)
    corner, side = random.uniform(0, 500, (BOXES, 2)), random.lognormal(3.8, 1.0, (BOXES, 2)).clip(4, 400)
    box = np.concatenate([corner, side], 1).astype(np.float32)
    source = random.integers(0, BOXES, DETECTIONS)
    moved = box[source] + random.normal(0, 0.1, (DETECTIONS, 4)) * np.tile(box[source, 2:], 2)
    moved[:, 2:] = np.maximum(moved[:, 2:], 1)
    near = random.random(DETECTIONS) < 0.4
    away = np.concatenate(
        [random.uniform(0, 500, (DETECTIONS, 2)), random.lognormal(3.8, 1, (DETECTIONS, 2)).clip(4, 400)], 1
    )
    found = np.where(near[:, None], moved, away).astype(np.float32)
    found_image = np.where(near, image[source], random.integers(0, IMAGES, DETECTIONS))
    order = np.argsort(found_image, kind="stable")
    score = np.where(near, random.beta(3, 2, DETECTIONS), random.beta(1, 6, DETECTIONS)).astype(np.float32)
    found_label = np.where(
        near & (random.random(DETECTIONS) < 0.9), label[source], random.integers(0, CLASSES, DETECTIONS)
    )
    truth = {"image": image, "label": label, "box": box, "crowd": random.random(BOXES) < 0.012}
    seen = {"found_image": found_image, "found_label": found_label, "found_box": found, "score": score}
    return truth | {name: column[order] for name, column in seen.items()}


def onelook(columns: dict[str, np.ndarray]) -> dict[str, Any]:
    """Judge by onelook, through the function that every command calls."""
    from hotcoco import COCO  # noqa: F401 - imported before the clock runs, as it is for the peers

    from onelook.evaluation.evaluation import evaluate
    from onelook.structures.detections import Detections
    from onelook.structures.truth import Truth

    names = [str(index) for index in range(CLASSES)]
    truths, detections = [], []
    box, found = xyxy(columns["box"]), xyxy(columns["found_box"])
    edges = (np.searchsorted(columns[name], np.arange(IMAGES + 1)) for name in ("image", "found_image"))
    for begin, end in zip(*(np.stack([edge[:-1], edge[1:]], 1).tolist() for edge in edges), strict=True):
        a, b = slice(*begin), slice(*end)
        truths.append(Truth(box[a], columns["label"][a], None, columns["crowd"][a]))
        detections.append(Detections(found[b], columns["score"][b], columns["found_label"][b]))
    columns.clear()
    del box, found
    start = time.perf_counter()
    result = evaluate(truths, detections, names, "coco")
    assert result.coco is not None
    return told(start, list(result.coco.values()))


def pycocotools(columns: dict[str, np.ndarray]) -> dict[str, Any]:
    """Judge by pycocotools, the reference."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    return by_annotations(columns, COCO, COCOeval)


def faster(columns: dict[str, np.ndarray]) -> dict[str, Any]:
    """Judge by faster-coco-eval."""
    from faster_coco_eval import COCO, COCOeval_faster

    return by_annotations(columns, COCO, COCOeval_faster)


def by_annotations(columns: dict[str, np.ndarray], coco: Any, evaluation: Any) -> dict[str, Any]:
    """Judge by anything with pycocotools' interface."""
    box, found = widened(xyxy(columns["box"])).tolist(), widened(xyxy(columns["found_box"]))
    rows = zip(columns["image"].tolist(), columns["label"].tolist(), box, columns["crowd"].tolist(), strict=True)
    content = {
        "images": [{"id": index} for index in range(IMAGES)],
        "categories": [{"id": index + 1, "name": str(index)} for index in range(CLASSES)],
        "annotations": [
            {"id": n + 1, "image_id": image, "category_id": label + 1, "bbox": box, "area": box[2] * box[3]}
            | {"iscrowd": int(crowd)}
            for n, (image, label, box, crowd) in enumerate(rows)
        ],
        "info": {},
    }
    table = np.column_stack(
        [columns["found_image"], found, columns["score"].astype(np.float64), columns["found_label"] + 1]
    )
    start = time.perf_counter()
    truth = coco()
    truth.dataset = content
    truth.createIndex()
    judged = evaluation(truth, truth.loadRes(table), "bbox")
    for step in (judged.evaluate, judged.accumulate, judged.summarize):
        step()
    return told(start, [float(value) for value in judged.stats[:12]])


def torchmetrics(columns: dict[str, np.ndarray]) -> dict[str, Any]:
    """Judge by torchmetrics, in its default settings."""
    import torch
    from torchmetrics.detection import MeanAveragePrecision

    metric = MeanAveragePrecision()
    edges = [np.searchsorted(columns[name], np.arange(IMAGES + 1)) for name in ("image", "found_image")]
    box, found = xyxy(columns["box"]), xyxy(columns["found_box"])
    preds, target = [], []
    for k in range(IMAGES):
        a, b = (slice(edge[k], edge[k + 1]) for edge in edges)
        target.append(tensors(torch, boxes=box[a], labels=columns["label"][a], iscrowd=columns["crowd"][a].astype(int)))
        preds.append(tensors(torch, boxes=found[b], scores=columns["score"][b], labels=columns["found_label"][b]))
    start = time.perf_counter()
    metric.update(preds, target)
    result = metric.compute()
    words = ("map", "map_50", "map_75", "map_small", "map_medium", "map_large")
    recalls = ("mar_1", "mar_10", "mar_100", "mar_small", "mar_medium", "mar_large")
    return told(start, [float(result[word]) for word in words + recalls])


def tensors(torch: Any, **columns: np.ndarray) -> dict[str, Any]:
    """Return the columns as tensors."""
    return {name: torch.from_numpy(np.ascontiguousarray(column)) for name, column in columns.items()}


def xyxy(box: np.ndarray) -> np.ndarray:
    """Return x, y, width, height as float32 corners, which is what every way is given."""
    return np.concatenate([box[:, :2], box[:, :2] + box[:, 2:]], 1, dtype=np.float32)


def widened(corners: np.ndarray) -> np.ndarray:
    """Return corners as x, y, width, height in float64."""
    wide = corners.astype(np.float64)
    return np.concatenate([wide[:, :2], wide[:, 2:] - wide[:, :2]], 1)


def told(start: float, numbers: list[float]) -> dict[str, Any]:
    """Return seconds since `start`, the process's largest memory in MB, and the numbers."""
    seconds = time.perf_counter() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(seconds, 3), "megabytes": round(memory), "numbers": numbers, "ap": numbers[0]}


def nms_seconds(count: int = 8_000, classes: int = 20) -> dict[str, float]:
    """Return seconds for one image's dense output (boxes over the threshold, classes): by class, and by the offset trick."""
    from onelook.structures.detections import Detections
    from onelook.structures.network.nms import suppress

    random = np.random.default_rng(0)
    corner, side = random.uniform(0, 350, (count, 2)), random.uniform(8, 120, (count, 2))
    boxes = np.concatenate([corner, corner + side], 1)
    labels = random.integers(0, classes, count)
    apart = boxes + 1000.0 * labels[:, None]
    scores = random.random(count)
    grouped = Detections(boxes, scores, labels)  # type: ignore[arg-type]  # made arrays there
    offset = Detections(apart, scores, np.zeros(count, np.int64))  # type: ignore[arg-type]  # made arrays there
    return {
        "boxes": count,
        "by_class_seconds": best(lambda: suppress(grouped)),
        "offset_seconds": best(lambda: suppress(offset)),
    }


def best(call: Callable[[], object], times: int = 3) -> float:
    """Return the least seconds of a few calls."""
    taken = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return round(min(taken), 4)


WAYS = {OURS: onelook, ORACLE: pycocotools, PEERS[0]: faster, PEERS[1]: torchmetrics}

if __name__ == "__main__":
    main()
