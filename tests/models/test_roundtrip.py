"""Every real weights file comes back byte for byte from a network that it was loaded into."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from onelook.models.network import Network
from onelook.structures.network.cfg import read_cfg
from onelook.structures.network.layers import describe
from onelook.structures.network.weights_file import read_weights, split_weights, write_weights

FILES = (
    "mobilenetv2-yolov3-nano/MobileNetV2-YOLOv3-Nano/COCO/MobileNetV2-YOLOv3-Nano-coco",
    "mobilenetv2-yolov3-nano/MobileNetV2-YOLOv3-Nano/VOC/MobileNetV2-YOLOv3-Nano-voc",
    "yolo-fastest/yolo-fastest-1.0_coco/yolo-fastest-xl",
    "yolo-fastest/yolo-fastest-1.0_coco/yolo-fastest",
    "yolo-fastest/yolo-fastest-1.1_body/yolo-fastest-1.1_body",
    "yolo-fastest/yolo-fastest-1.1_coco/yolo-fastest-1.1-xl",
    "yolo-fastest/yolo-fastest-1.1_coco/yolo-fastest-1.1",
    "yolov3-tiny/yolov3-tiny",
)
"""Those of the reference's list that are at hand."""


@pytest.fixture(scope="module")
def facts(shared: Path) -> dict[str, dict[str, Any]]:
    listed = json.loads((shared / "reference/roundtrip/roundtrip.json").read_text())
    return {entry["file"].removesuffix(".weights"): entry for entry in listed["files"]}


def test_the_list_names_every_file_that_is_at_hand(shared: Path, facts: dict[str, dict[str, Any]]) -> None:
    present = {name for name in facts if (shared / "weights" / f"{name}.weights").is_file()}

    assert present == set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_real_file_is_the_same_after_a_network_had_it(
    shared: Path, tmp_path: Path, facts: dict[str, dict[str, Any]], name: str
) -> None:
    path = shared / "weights" / f"{name}.weights"
    file, network = read_weights(path), Network(read_cfg(path.with_suffix(".cfg")))
    network.load(split_weights(file, network.layers))

    write_weights(tmp_path / "out.weights", network.layers, network.arrays(), file.seen, file.version)

    fact, written = facts[name], (tmp_path / "out.weights").read_bytes()
    assert hashlib.sha256(written).hexdigest() == fact["sha256"]
    assert (file.seen, len(file.values)) == (fact["seen"], fact["floats"])


def test_as_darknet_saves_it_only_the_header_differs(
    shared: Path, tmp_path: Path, facts: dict[str, dict[str, Any]]
) -> None:
    path = shared / "weights" / f"{FILES[3]}.weights"
    layers = describe(read_cfg(path.with_suffix(".cfg")))

    write_weights(tmp_path / "out.weights", layers, split_weights(read_weights(path), layers))

    expected = facts[FILES[3]]["after_darknet_load_and_save"]["sha256"]
    assert hashlib.sha256((tmp_path / "out.weights").read_bytes()).hexdigest() == expected
