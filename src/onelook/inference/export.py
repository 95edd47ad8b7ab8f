"""A bundle written for other programs. Every export is read back and must see what its source sees, or is not kept."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np
import onnx

from onelook.inference.gate import Difference, Tolerance, check
from onelook.inference.model import Detector, load
from onelook.inference.onnx_graph import onnx_model
from onelook.inference.runtime import OnnxRuntime
from onelook.structures.bundle import Bundle
from onelook.structures.errors import UserError, nearest
from onelook.structures.files import new_folder, write_bytes, write_text
from onelook.structures.letterbox import Image
from onelook.structures.network.cfg import Cfg, format_cfg
from onelook.structures.network.heads import Head, head_of
from onelook.structures.network.weights_file import write_weights


@dataclass(frozen=True)
class Export:
    """What was written, and how far it is from its source."""

    files: tuple[Path, ...]
    difference: Difference


def export(
    bundle: Bundle, to: str, out: Path, pictures: Sequence[Image] = (), tolerance: Tolerance | None = None
) -> Export:
    """Write the bundle as `to`, a key of EXPORTS, to `out`; it appears only when it sees the same on the pictures.

    Without pictures, generated ones are compared. Raises UserError for an unknown form or a place that cannot be taken,
    GateError when the export differs beyond the tolerance.
    """
    if to not in EXPORTS:
        raise UserError(f"--to: expected {' or '.join(EXPORTS)}, got {to!r}{nearest(to, EXPORTS)}")
    return EXPORTS[to](bundle, out, pictures or generated_pictures(), tolerance or Tolerance())


def _to_onnx(bundle: Bundle, out: Path, pictures: Sequence[Image], tolerance: Tolerance) -> Export:
    if out.suffix != ".onnx" or out.is_dir():
        raise UserError(f"{out}: expected a file name that ends in .onnx")
    model = onnx_model(bundle.layers(), bundle.arrays)
    onnx.helper.set_model_props(model, _described(bundle))
    unproved = out.with_name(f".{out.stem}.unproved.onnx")
    write_bytes(unproved, model.SerializeToString())
    try:
        again = Detector(bundle, OnnxRuntime(unproved.read_bytes(), optimise=False, where=str(out)))
        difference = check(load(bundle), again, pictures, tolerance)
        unproved.replace(out)
    finally:
        unproved.unlink(missing_ok=True)
    return Export((out,), difference)


def _described(bundle: Bundle) -> dict[str, str]:
    """Return what a program must know beside the graph: names, resizing, thresholds and how each output becomes boxes."""
    heads = {f"{layer.kind}{layer.index}": _head(head_of(layer)) for layer in bundle.layers() if layer.is_head}
    settings = bundle.settings
    return {
        "names": json.dumps(bundle.names, ensure_ascii=False),
        "heads": json.dumps(heads),
        "resize": settings.resize,
        "colour": settings.colour,
        "score": str(settings.score),
        "nms": str(settings.nms),
        "licence": settings.licence,
    }


def _head(head: Head) -> dict[str, object]:
    values = {field.name: getattr(head, field.name) for field in fields(head)}
    return {**values, "anchors": head.anchors.tolist()}


def _to_darknet(bundle: Bundle, out: Path, pictures: Sequence[Image], tolerance: Tolerance) -> Export:
    name, settings = out.name, bundle.settings
    major, minor, revision = settings.darknet_version
    with new_folder(out) as folder:
        write_text(folder / f"{name}.cfg", format_cfg(_as_trained(bundle)))
        write_text(folder / f"{name}.names", "".join(f"{each}\n" for each in bundle.names))
        write_text(folder / f"{name}.data", f"classes = {len(bundle.names)}\nnames = {name}.names\n")
        write_weights(
            folder / f"{name}.weights", bundle.layers(), bundle.arrays, settings.seen, (major, minor, revision)
        )
        difference = check(load(bundle), load(folder / f"{name}.cfg"), pictures, tolerance)
    return Export(tuple(out / f"{name}.{ending}" for ending in ("cfg", "weights", "names", "data")), difference)


def _as_trained(bundle: Bundle) -> Cfg:
    """Return the cfg with the bundle's input size and its way of resizing."""
    width, height = bundle.settings.size
    net = bundle.cfg.net.changed(width=width, height=height, letter_box=int(bundle.settings.letterbox))
    return Cfg(net, bundle.cfg.layers)


def generated_pictures(count: int = 3, seed: int = 0) -> list[Image]:
    """Return pictures (h, w, 3) of coloured shapes over noise, always the same ones."""
    random = np.random.default_rng(seed)
    pictures = []
    for _ in range(count):
        height, width = (int(side) for side in random.integers(240, 720, 2))
        picture = cv2.resize(random.integers(0, 256, (12, 16, 3), dtype=np.uint8), (width, height))
        for _ in range(12):
            x, y = int(random.integers(width)), int(random.integers(height))
            axes = tuple(int(axis) for axis in random.integers(8, 120, 2))
            colour = tuple(int(value) for value in random.integers(0, 256, 3))
            cv2.ellipse(picture, (x, y), axes, float(random.integers(180)), 0, 360, colour, -1, cv2.LINE_AA)
        pictures.append(np.asarray(picture, np.uint8))
    return pictures


EXPORTS: dict[str, Callable[[Bundle, Path, Sequence[Image], Tolerance], Export]] = {
    "onnx": _to_onnx,
    "darknet": _to_darknet,
}
"""From the word after --to to the function that writes and proves it."""
