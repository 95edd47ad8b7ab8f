"""torch, ONNX Runtime and OpenVINO see the same on the original's sample images: scores to 1e-3, boxes to half a pixel."""

from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.inference.test_original_detections import MODELS

from onelook.inference.model import Detector, load
from onelook.models.network import Network
from onelook.structures.bundle import Bundle, find_model
from onelook.structures.detections import Detections

LEAST = 0.05


class Torch:
    """A network in torch as a runtime."""

    description, at_once = "torch", 1

    def __init__(self, bundle: Bundle) -> None:
        self.network = Network(bundle.cfg).eval()
        self.network.load(bundle.arrays)

    def run(self, images: NDArray[np.generic]) -> list[NDArray[np.float32]]:
        with torch.inference_mode():
            raws = self.network.raw_outputs(torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2))
        return [raw.contiguous().numpy() for raw in raws]


def assert_seen(theirs: Detections, ours: Detections) -> None:
    """Assert that whatever is surely in theirs is in ours."""
    for box, score, kind in zip(theirs.boxes, theirs.scores, theirs.classes, strict=True):
        if score > LEAST + 1e-3:
            apart = np.abs(ours.boxes - box).max(axis=1) / 0.5
            apart = np.maximum(apart, np.abs(ours.scores - score) / 1e-3)
            assert apart[ours.classes == kind].min(initial=np.inf) <= 1, (box, score, kind)


@pytest.mark.parametrize("name", ["yolov3-tiny", "yolo-fastest-1.1-xl"])
def test_every_runtime_gives_the_same_detections(shared: Path, name: str) -> None:
    pytest.importorskip("openvino", reason="OPENVINO ABSENT: it was not compared")
    path = shared / "weights" / MODELS[name]
    bundle = find_model(Path(f"{path}.cfg"), names=path.parent / "coco.names")
    detectors = [load(bundle, threads=1, runtime=runtime) for runtime in ("onnxruntime", "openvino")]
    detectors.append(Detector(bundle, Torch(bundle)))

    for image in ("dog.jpg", "person.jpg", "horses.jpg"):
        found = [each.predict(shared / "reference" / "images" / "img" / image, score=LEAST) for each in detectors]
        assert len(found[0]) > 3
        for other in found[1:]:
            assert_seen(found[0], other)
            assert_seen(other, found[0])
