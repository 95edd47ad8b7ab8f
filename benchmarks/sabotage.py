"""Set-ups that were broken on purpose: is the first cause that `onelook eval --explain` names the right one?

    .venv/bin/python benchmarks/sabotage.py [--only NAME ...]

Mark: the first-ranked cause is right in at least 18 of 20, and no cause is claimed on healthy runs. Two small networks are
trained on generated blood smears (half a minute each); most set-ups break what they are given, some are trainings of their own.
"""

import argparse
import copy
import dataclasses
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from record import SHARED

from onelook.datasets.dataset import Dataset
from onelook.datasets.generated import make_blood
from onelook.datasets.reading import read
from onelook.structures.bundle import Bundle, find_model
from onelook.structures.images import read_image, write_jpeg
from onelook.structures.letterbox import Image
from onelook.structures.network.cfg import parse_cfg
from onelook.training.explaining.case import Past, read_past
from onelook.training.explaining.causes import Explanation
from onelook.training.explaining.explain import explain
from onelook.training.train import train

IMAGES, SIZE = {"train": 100, "val": 40}, (384, 192)
"""Pictures twice as wide as high, so that stretching and letterboxing differ."""

STEPS = {"max_batches": 180, "batch": 8, "learning_rate": 0.003, "workers": 0, "eval_every": 1000, "aspect": 1.0}

CONVOLUTIONS = ((16, 2), (32, 2), (64, 1), (64, 2), (96, 1), (128, 2), (128, 1))
"""Filters and stride of each: a network of a quarter of a million numbers for an input of 224 x 224."""


def cfg_text(anchors: str = "10,10, 18,18, 26,26, 34,34, 48,48, 64,64") -> str:
    """Return the small network's cfg."""
    one = "[convolutional]\nbatch_normalize=1\nfilters={}\nsize=3\nstride={}\npad=1\nactivation=leaky\n\n"
    body = "".join(one.format(filters, stride) for filters, stride in CONVOLUTIONS)
    head = "[convolutional]\nsize=1\nstride=1\npad=1\nfilters=48\nactivation=linear\n\n"
    yolo = f"[yolo]\nmask=0,1,2,3,4,5\nanchors={anchors}\nclasses=3\nnum=6\n"
    return f"[net]\nwidth=224\nheight=224\nchannels=3\n\n{body}{head}{yolo}"


@dataclass(frozen=True)
class Setup:
    """What is to be explained."""

    bundle: Bundle
    images: Dataset
    train: Dataset
    past: Past = dataclasses.field(default_factory=Past)
    score: float | None = None

    def explained(self) -> Explanation:
        """Return the explanation."""
        return explain(self.bundle, self.images, self.train, self.past, self.score)


class Workshop:
    """A folder with data, two healthy runs, and whatever else is trained in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        if not (folder / "data").exists():
            make_blood(folder / "data", IMAGES, 0, SIZE)
        (folder / "small.cfg").write_text(cfg_text())
        self.data = read(folder / "data")
        self.letterbox = self.trained("letterbox", resize="letterbox")
        self.stretch = self.trained("stretch", resize="stretch", seed=1)

    def trained(self, name: str, cfg: str = "small.cfg", **settings: Any) -> Setup:
        """Return the set-up of a training with settings beside the usual ones."""
        out = self.folder / name
        given = {**STEPS, "resize": "letterbox", **settings}
        if not (out / "predictions.json").is_file():
            train(self.folder / cfg, self.folder / "data", out=out, settings=given, say=lambda _: None)
        return Setup(find_model(out), self.data.split("val"), self.data.split("train"), read_past(out))


def with_boxes(setup: Setup, change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Setup:
    """Return the set-up whose truth is `change(boxes (m, 4), image sizes (m, 2))`."""
    images = setup.images
    sizes = np.repeat(images.sizes, np.diff(images.offsets), axis=0).astype(np.float32)
    return replace(setup, images=replace(images, boxes=change(images.boxes, sizes)))


def with_classes(setup: Setup, places: list[int]) -> Setup:
    """Return the set-up whose truth has class `places[k]` in place of k."""
    return replace(setup, images=replace(setup.images, classes=np.asarray(places)[setup.images.classes]))


def with_labels_of(setup: Setup, others: np.ndarray) -> Setup:
    """Return the set-up in which image k has the labels of image `others[k]`."""
    other = setup.images.select(others)
    return replace(setup, images=replace(other, paths=setup.images.paths, sizes=setup.images.sizes))


def with_pictures(setup: Setup, folder: Path, change: Callable[[Image], Image]) -> Setup:
    """Return the set-up whose pictures are changed."""
    folder.mkdir(exist_ok=True)
    paths = []
    for path in setup.images.paths:
        paths.append(folder / path.name)
        write_jpeg(paths[-1], np.ascontiguousarray(change(read_image(path))))
    return replace(setup, images=replace(setup.images, paths=tuple(paths)))


def with_arrays(setup: Setup, change: Callable[[dict[str, np.ndarray]], None]) -> Setup:
    """Return the set-up whose weights are changed in place by `change`."""
    arrays = copy.deepcopy(dict(setup.bundle.arrays))
    change(arrays)
    return replace(setup, bundle=replace(setup.bundle, arrays=arrays))


def with_bundle(setup: Setup, **settings: Any) -> Setup:
    """Return the set-up whose bundle.toml says otherwise."""
    return replace(setup, bundle=replace(setup.bundle, settings=replace(setup.bundle.settings, **settings)))


def head(arrays: Mapping[str, np.ndarray]) -> int:
    """Return the index of the layer before the head."""
    return max(int(name.partition(".")[0]) for name in arrays)


def not_a_number(arrays: dict[str, np.ndarray]) -> None:
    """Put one NaN into the third layer."""
    arrays["2.weights"].reshape(-1)[5] = np.nan


def dead_head(arrays: dict[str, np.ndarray]) -> None:
    """Let the head say nothing, whatever it sees."""
    arrays[f"{head(arrays)}.weights"][:] = 0


def silent_head(arrays: dict[str, np.ndarray]) -> None:
    """Let the head say that no cell sees anything."""
    arrays[f"{head(arrays)}.biases"].reshape(6, 8)[:, 4] = -30


def loud_head(arrays: dict[str, np.ndarray]) -> None:
    """Let the head say that every cell sees every class."""
    arrays[f"{head(arrays)}.biases"].reshape(6, 8)[:, 4:] = 40


def lost_statistics(arrays: dict[str, np.ndarray]) -> None:
    """Put the running statistics back to where they begin."""
    for name, array in arrays.items():
        if name.endswith("rolling_mean"):
            array[:] = 0
        if name.endswith("rolling_variance"):
            array[:] = 1


def renamed_anchors(setup: Setup, anchors: str) -> Setup:
    """Return the set-up whose cfg has other anchors than it was trained with."""
    cfg = parse_cfg(cfg_text(anchors), "network.cfg")
    return replace(setup, bundle=replace(setup.bundle, cfg=cfg))


def mirrored(boxes: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the boxes of pictures that were mirrored left to right."""
    return np.stack([sizes[:, 0] - boxes[:, 2], boxes[:, 1], sizes[:, 0] - boxes[:, 0], boxes[:, 3]], 1)


def from_centre(boxes: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Return the boxes with their centres as corners."""
    half = np.tile((boxes[:, 2:] - boxes[:, :2]) / 2, 2)
    return boxes + half


def frozen(shop: Workshop) -> Setup:
    """Return a training whose optimizer never changes anything."""
    with mock.patch("torch.optim.AdamW.step"):
        return shop.trained("frozen", max_batches=12)


def empty(setup: Setup) -> Setup:
    """Return the set-up whose labels hold no box."""
    images = setup.images
    columns = {name: getattr(images, name)[:0] for name in ("boxes", "classes", "difficult", "crowd", "truncated")}
    return replace(setup, images=replace(images, offsets=np.zeros(len(images) + 1, np.int64), **columns))


def badly_anchored(shop: Workshop) -> Setup:
    """Return a training with anchors a few pixels wide that nobody fitted."""
    (shop.folder / "anchors.cfg").write_text(cfg_text("1,1, 1,2, 2,1, 2,2, 2,3, 3,3"))
    return shop.trained("anchors", "anchors.cfg", anchors="keep", max_batches=40)


SABOTAGES: dict[str, tuple[str, Callable[[Workshop], Setup]]] = {
    "classes permuted": ("classes-permuted", lambda shop: with_classes(shop.letterbox, [1, 2, 0])),
    "two names exchanged": ("classes-permuted", lambda shop: with_classes(shop.stretch, [1, 0, 2])),
    "labels shifted by one image": (
        "labels-shifted",
        lambda shop: with_labels_of(shop.letterbox, np.roll(np.arange(IMAGES["val"]), 1)),
    ),
    "labels of random other images": (
        "labels-shuffled",
        lambda shop: with_labels_of(shop.letterbox, np.random.default_rng(0).permutation(IMAGES["val"])),
    ),
    "boxes in 0..1 taken for pixels": (
        "boxes-in-fractions",
        lambda shop: with_boxes(shop.letterbox, lambda boxes, sizes: boxes / np.tile(sizes, 2)),
    ),
    "boxes of the picture at twice its size": (
        "boxes-scaled",
        lambda shop: with_boxes(shop.stretch, lambda boxes, sizes: boxes * 2),
    ),
    "boxes with x and y exchanged": (
        "boxes-transposed",
        lambda shop: with_boxes(shop.letterbox, lambda boxes, sizes: boxes[:, [1, 0, 3, 2]]),
    ),
    "pictures mirrored, boxes not": ("boxes-mirrored", lambda shop: with_boxes(shop.stretch, mirrored)),
    "centres taken for corners": ("boxes-from-centre", lambda shop: with_boxes(shop.letterbox, from_centre)),
    "RGB for BGR": (
        "colours",
        lambda shop: with_pictures(shop.letterbox, shop.folder / "bgr", lambda image: image[..., ::-1]),
    ),
    "stretched instead of letterboxed": ("resize", lambda shop: with_bundle(shop.letterbox, resize="stretch")),
    "letterboxed instead of stretched": ("resize", lambda shop: with_bundle(shop.stretch, resize="letterbox")),
    "another input size": ("input-size", lambda shop: with_bundle(shop.letterbox, width=64, height=64)),
    "dead head": ("weights-zero", lambda shop: with_arrays(shop.letterbox, dead_head)),
    "a head that sees nothing": ("scores-zero", lambda shop: with_arrays(shop.stretch, silent_head)),
    "every class everywhere at 100 %": ("scores-one", lambda shop: with_arrays(shop.letterbox, loud_head)),
    "NaN in the weights": ("weights-nan", lambda shop: with_arrays(shop.letterbox, not_a_number)),
    "lost batch norm statistics": ("batch-norm", lambda shop: with_arrays(shop.letterbox, lost_statistics)),
    "anchors of another data set": (
        "anchors",
        lambda shop: renamed_anchors(shop.letterbox, "30,30, 54,54, 78,78, 102,102, 144,144, 192,192"),
    ),
    "trained with tiny anchors": ("anchors", badly_anchored),
    "learning rate zero": ("learning-rate-zero", lambda shop: shop.trained("still", max_batches=12, learning_rate=0.0)),
    "frozen everything": ("frozen", frozen),
    "val without labels": ("no-truth", lambda shop: empty(shop.letterbox)),
    "blank pictures": (
        "pictures-blank",
        lambda shop: with_pictures(shop.letterbox, shop.folder / "blank", lambda image: np.full_like(image, 127)),
    ),
    "a threshold of 0.999": ("threshold", lambda shop: replace(shop.letterbox, score=0.9999)),
    "NMS that removes nothing": ("nms", lambda shop: with_bundle(shop.letterbox, nms=1.0)),
    "eight steps": ("undertrained", lambda shop: shop.trained("short", max_batches=8)),
    "pictures unlike the training's": (
        "validation-differs",
        lambda shop: with_pictures(shop.letterbox, shop.folder / "negative", lambda image: 255 - image),
    ),
}
"""What was done, the code of the cause, and how."""


def on_coco(network: str, folder: str) -> Setup:
    """Return a network with its official weights on coco128."""
    data = read(SHARED / "data/coco128", report=lambda finding: None)  # two pictures have no label file
    cfg = next((SHARED / "weights" / folder).rglob(f"{network}.cfg"))
    bundle = find_model(cfg, cfg.with_suffix(".weights"), SHARED / "weights/yolov3-tiny/coco.names")
    return Setup(bundle, data.split("val"), data.split("train"))


HEALTHY: dict[str, Callable[[Workshop], Setup]] = {
    "letterbox": lambda shop: shop.letterbox,
    "stretch": lambda shop: shop.stretch,
    "letterbox, training images": lambda shop: replace(shop.letterbox, images=shop.data.split("train")),
    "yolov3-tiny on coco128": lambda _: on_coco("yolov3-tiny", "yolov3-tiny"),
    "yolo-fastest-1.1-xl on coco128": lambda _: on_coco("yolo-fastest-1.1-xl", "yolo-fastest"),
}
"""Set-ups that nothing is wrong with: both trainings, one on its training images, and real networks."""


def main() -> None:
    """Explain every set-up, or those of `--only` beside what was recorded of the others, and record which causes were right."""
    from record import RESULTS, record

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", help="some of the set-ups; `healthy` for those")
    parser.add_argument("--folder", type=Path, help="where trainings are kept for another time")
    given = parser.parse_args()
    load, file = os.getloadavg(), RESULTS / "sabotage.json"
    before = (
        json.loads(file.read_text())["measured"] if given.only and file.is_file() else {"told": {}, "healthy_told": {}}
    )
    told, claimed = before["told"], before["healthy_told"]
    with tempfile.TemporaryDirectory() as folder:
        shop = Workshop(given.folder or Path(folder))
        for name, (code, make) in SABOTAGES.items():
            if not given.only or name in given.only:
                told[name] = {"expected": code, **answer(make(shop))}
                print(name, told[name], flush=True)
        for name, make_healthy in HEALTHY.items():
            if not given.only or "healthy" in given.only or name in given.only:
                claimed[name] = answer(make_healthy(shop))
                print(name, claimed[name], flush=True)
    right = sum(each["first"] == each["expected"] for each in told.values())
    wrongly = sum(each["first"] is not None for each in claimed.values())
    facts = {"set_ups": len(told), "first_cause_right": right, "healthy": len(claimed), "healthy_with_a_cause": wrongly}
    record("sabotage", load, {**facts, "told": told, "healthy_told": claimed})


def answer(setup: Setup) -> dict[str, Any]:
    """Return AP50, the first cause and the others."""
    explanation = setup.explained()
    codes = [cause.code for cause in explanation.causes]
    if not codes or os.environ.get("TELL"):
        print("\n".join(explanation.lines()))
    return {"ap50": explanation.ap50, "first": codes[0] if codes else None, "others": codes[1:]}


if __name__ == "__main__":
    main()
