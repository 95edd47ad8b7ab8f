"""A bundle written for other programs. Every export is read back and must see what its source sees, or is not kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from onelook.inference.class_gate import ClassDifference, check_classes
from onelook.inference.classifier import ImageClassifier
from onelook.inference.exported import ROOM, described, is_exported, read_exported
from onelook.inference.gate import EXACT, INT8, Difference, Labels, Tolerance, check
from onelook.inference.graph_gate import check_in_graph
from onelook.inference.loading import is_classifier, load
from onelook.inference.model import Detector
from onelook.inference.named_graph import named_model
from onelook.inference.onnx_graph import OUTPUTS, RAW, Leaving, onnx_model
from onelook.inference.openvino_runtime import read_model
from onelook.inference.quantising import quantised
from onelook.inference.sources import pixels_of
from onelook.structures.bundle import Bundle
from onelook.structures.errors import UserError, nearest
from onelook.structures.files import new_folder, unwritable, write_text
from onelook.structures.letterbox import Image
from onelook.structures.named_bundle import NamedBundle
from onelook.structures.network.cfg import Cfg, format_cfg
from onelook.structures.network.weights_file import write_weights
from onelook.structures.onnx_messages import read_onnx
from onelook.structures.progress import track

Pictures = Sequence[Image | Path]


@dataclass(frozen=True)
class Export:
    """What was written, and how far it is from its source."""

    files: tuple[Path, ...]
    difference: Difference | ClassDifference


@dataclass(frozen=True)
class Proof:
    """What an export is compared on, and how far it may be from its source."""

    pictures: Pictures
    labels: Labels | None = None
    """Of a detector's pictures, where a person labelled them."""
    classes: Sequence[int | None] | None = None
    """Of a classifier's pictures, under the model's names, None for one that it does not know."""
    tolerance: Tolerance = EXACT


def export(
    bundle: Bundle | NamedBundle,
    to: str,
    out: Path,
    proof: Proof | None = None,
    calibration: Pictures = (),
    outputs: str = RAW,
) -> Export:
    """Write the bundle as `to`, a key of EXPORTS, to `out`; it appears only when it sees the same on the proof's pictures.

    Without a proof, generated pictures are compared. With pictures for `calibration` the export computes in INT8. `outputs`,
    one of OUTPUTS, is the form in which a detector's graph gives what it says; NMS in it has the bundle's thresholds. Raises
    UserError for an unknown form or a place that cannot be taken, GateError when the export differs beyond the tolerance.
    """
    if to not in EXPORTS:
        raise UserError(f"--to: expected {', '.join(EXPORTS)}, got {to!r}{nearest(to, EXPORTS)}")
    if calibration and to != "openvino":
        raise UserError(f"--int8: expected --to openvino, which computes it faster, got --to {to}")
    if outputs not in OUTPUTS:
        raise UserError(f"--outputs: expected {', '.join(OUTPUTS)}, got {outputs!r}{nearest(outputs, OUTPUTS)}")
    if outputs != RAW and (to == "darknet" or calibration or is_classifier(bundle)):
        raise UserError(f"--outputs {outputs}: expected a detector --to onnx or openvino, in float32; leave it out")
    default = Proof(generated_pictures(), tolerance=INT8 if calibration else EXACT)
    return EXPORTS[to](bundle, out, proof or default, calibration, outputs)


def _to_onnx(bundle: Bundle | NamedBundle, out: Path, proof: Proof, _: Pictures, outputs: str) -> Export:
    _check_name(out, ".onnx")
    model = _graph(bundle, outputs)
    for word, value in described(bundle, outputs).items():
        model.metadata_props.add(key=word, value=value)
    with _beside(out) as folder:
        (folder / out.name).write_bytes(model.SerializeToString())
        difference = _proved(bundle, folder / out.name, proof)
        return Export((_kept(folder / out.name, out),), difference)


def _to_openvino(bundle: Bundle | NamedBundle, out: Path, proof: Proof, calibration: Pictures, outputs: str) -> Export:
    _check_name(out, ".xml")
    model = read_model(_graph(bundle, outputs).SerializeToString())
    if calibration:
        model = quantised(model, _inputs(bundle, calibration))
    for word, value in described(bundle, outputs).items():
        model.set_rt_info(value, [ROOM, word])
    with _beside(out) as folder:
        import openvino

        openvino.save_model(model, folder / out.name, compress_to_fp16=False)
        difference = _proved(bundle, folder / out.name, proof)
        numbers = _kept((folder / out.name).with_suffix(".bin"), out.with_suffix(".bin"))
        return Export((_kept(folder / out.name, out), numbers), difference)


def _to_darknet(bundle: Bundle | NamedBundle, out: Path, proof: Proof, _: Pictures, __: str) -> Export:
    if isinstance(bundle, NamedBundle):
        raise UserError(f"--to darknet: expected a network of a .cfg, got {bundle.network.name}; --to onnx writes it")
    name, settings = out.name, bundle.settings
    major, minor, revision = settings.darknet_version
    with new_folder(out) as folder:
        write_text(folder / f"{name}.cfg", format_cfg(_as_trained(bundle)))
        write_text(folder / f"{name}.names", "".join(f"{each}\n" for each in bundle.names))
        write_text(folder / f"{name}.data", f"classes = {len(bundle.names)}\nnames = {name}.names\n")
        write_weights(
            folder / f"{name}.weights", bundle.layers(), bundle.arrays, settings.seen, (major, minor, revision)
        )
        difference = _proved(bundle, folder / f"{name}.cfg", proof)
    return Export(tuple(out / f"{name}.{ending}" for ending in ("cfg", "weights", "names", "data")), difference)


def _graph(bundle: Bundle | NamedBundle, outputs: str) -> Message:
    """Return the computation from pixels on: to what the heads receive or beyond, or to a classifier's likelihoods."""
    if isinstance(bundle, NamedBundle):
        return read_onnx(named_model(bundle, likelihoods=True))
    pixels, settings = "float32" if bundle.settings.exact else "uint8", bundle.settings
    return onnx_model(bundle.layers(), bundle.arrays, pixels, Leaving(outputs, settings.score, settings.nms))


def _inputs(bundle: Bundle | NamedBundle, pictures: Pictures) -> list[NDArray[np.generic]]:
    """Return what the network is given of each picture, (1, ...)."""
    seer = load(bundle, runtime="onnxruntime")
    images = (pixels_of(picture) for picture in track(pictures, len(pictures), "reading"))
    return [(seer.fitted(image)[1] if isinstance(seer, Detector) else seer.fitted(image))[None] for image in images]


def _proved(bundle: Bundle | NamedBundle, file: Path, proof: Proof) -> Difference | ClassDifference:
    """Return how far the model in the file is from the bundle, computed by ONNX Runtime. Raises GateError beyond tolerance."""
    source = load(bundle, runtime="onnxruntime")
    runtime = "openvino" if file.suffix == ".xml" else "onnxruntime"
    if isinstance(source, Detector) and is_exported(file) and read_exported(file).outputs != RAW:
        return check_in_graph(source, read_exported(file), runtime, proof.pictures, proof.tolerance)
    again = load(file, runtime=runtime)
    if isinstance(source, Detector) and isinstance(again, Detector):
        return check(source, again, proof.pictures, proof.tolerance, proof.labels)
    assert isinstance(source, ImageClassifier) and isinstance(again, ImageClassifier)
    return check_classes(source, again, proof.pictures, proof.tolerance, proof.classes)


def _check_name(out: Path, ending: str) -> None:
    if out.suffix != ending or out.is_dir():
        raise UserError(f"{out}: expected a file name that ends in {ending}")


@contextmanager
def _beside(out: Path) -> Iterator[Path]:
    """Give a hidden folder on the same disk, gone at the end. Raises UserError when it cannot be made."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder = TemporaryDirectory(prefix=f".{out.stem}.", dir=out.parent)
    except OSError as error:
        raise unwritable(out, error) from None
    with folder as name:
        yield Path(name)


def _kept(proved: Path, out: Path) -> Path:
    try:
        return proved.replace(out)
    except OSError as error:
        raise unwritable(out, error) from None


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


EXPORTS: dict[str, Callable[[Bundle | NamedBundle, Path, Proof, Pictures, str], Export]] = {
    "onnx": _to_onnx,
    "openvino": _to_openvino,
    "darknet": _to_darknet,
}
"""From the word after --to to the function that writes and proves it."""
