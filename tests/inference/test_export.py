"""Exports: the same model in other programs' files, and nothing kept that is not."""

import dataclasses
import json
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
from tests.structures.small_models import small_bundle

from onelook.inference import export as exporting
from onelook.inference import onnx_heads
from onelook.inference.export import Proof, export
from onelook.inference.gate import Difference, GateError, Tolerance
from onelook.inference.model import Detector, load
from onelook.structures.boxes import clip
from onelook.structures.bundle import find_model
from onelook.structures.errors import UserError
from onelook.structures.images import read_image
from onelook.structures.letterbox import Image, fit
from onelook.structures.network.heads import Head, decode
from onelook.structures.network.nms import suppress


def test_an_onnx_file_holds_all_that_another_program_needs(tmp_path: Path, detector: Detector, picture: Image) -> None:
    export(small_bundle(), "onnx", tmp_path / "model.onnx", Proof([picture]))

    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    said = session.get_modelmeta().custom_metadata_map
    names, heads = json.loads(said["names"]), json.loads(said["heads"])
    _, height, width, _ = session.get_inputs()[0].shape
    outputs = session.run(list(heads), {"images": cv2.resize(picture, (width, height))[None]})
    (head,) = heads.values()
    made = Head(np.float32(head["anchors"]), head["classes"], head["scale_x_y"], head["new_coords"])
    found = suppress(decode(outputs[0][0], made, (width, height), float(said["score"])), float(said["nms"]))
    expected = detector.predict(picture)
    assert (names, said["resize"], said["colour"]) == (["red", "white"], "stretch", "rgb")
    assert len(found) == len(expected)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-5)
    in_image = clip(fit((80, 50), (width, height), letterbox=False).back(found.boxes), (80, 50))
    np.testing.assert_allclose(in_image, expected.boxes, atol=1e-2)
    onnx.checker.check_model(onnx.load(tmp_path / "model.onnx"), full_check=True)


def test_the_difference_of_an_export_is_stated(tmp_path: Path) -> None:
    written = export(small_bundle(), "onnx", tmp_path / "model.onnx")

    assert written.files == (tmp_path / "model.onnx",)
    assert (written.difference.images, written.difference.missing) == (3, 0)
    assert written.difference.boxes > 100
    assert written.difference.score < 1e-4
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]


def test_darknet_files_read_back_as_the_same_model(tmp_path: Path, picture: Image) -> None:
    bundle = small_bundle(resize="letterbox", seen=640, darknet_version=(0, 2, 0))

    written = export(bundle, "darknet", tmp_path / "cells", Proof([picture]))

    assert sorted(path.name for path in (tmp_path / "cells").iterdir()) == [
        "cells.cfg",
        "cells.data",
        "cells.names",
        "cells.weights",
    ]
    assert set(written.files) == set((tmp_path / "cells").iterdir())
    assert (written.difference.score, written.difference.box) == (0, 0)
    again = find_model(tmp_path / "cells")
    assert (again.names, again.settings.resize, again.settings.size) == (("red", "white"), "letterbox", (64, 48))
    assert (again.settings.seen, again.settings.darknet_version) == (640, (0, 2, 0))
    assert (tmp_path / "cells" / "cells.data").read_text() == "classes = 2\nnames = cells.names\n"


def test_an_input_size_and_a_way_to_resize_that_are_not_the_cfg_s_go_along(tmp_path: Path) -> None:
    bundle = small_bundle(darknet_version=(0, 2, 0))
    bundle = dataclasses.replace(bundle, settings=dataclasses.replace(bundle.settings, width=96, height=64))

    export(bundle, "darknet", tmp_path / "cells")

    again = find_model(tmp_path / "cells")
    assert (again.settings.size, again.settings.resize) == ((96, 64), "stretch")


@pytest.mark.parametrize(("to", "out"), [("onnx", "model.onnx"), ("openvino", "model.xml"), ("darknet", "cells")])
def test_an_export_that_differs_is_not_kept(tmp_path: Path, to: str, out: str, picture: Image) -> None:
    (tmp_path / "model.onnx").write_bytes(b"older")

    with pytest.raises(GateError):
        export(small_bundle(), to, tmp_path / out, Proof([picture], tolerance=Tolerance(score=-1)))

    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    assert (tmp_path / "model.onnx").read_bytes() == b"older"


def test_a_writer_s_mistake_is_found_by_the_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = exporting.write_weights

    def wrong(path: Path, layers: object, arrays: dict[str, np.ndarray], *rest: object) -> None:
        write(path, layers, {**arrays, "0.biases": -arrays["0.biases"]}, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(exporting, "write_weights", wrong)
    with pytest.raises(GateError):
        export(small_bundle(), "darknet", tmp_path / "cells")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("to", "out", "message"),
    [
        ("onx", "model.onnx", "--to: expected onnx, openvino, darknet, got 'onx'; did you mean 'onnx'"),
        ("onnx", "model", "expected a file name that ends in .onnx"),
        ("openvino", "model.onnx", "expected a file name that ends in .xml"),
        ("darknet", "full", "expected a new or empty folder"),
    ],
)
def test_a_place_or_form_that_cannot_be_is_one_line(tmp_path: Path, to: str, out: str, message: str) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")

    with pytest.raises(UserError, match=message):
        export(small_bundle(), to, tmp_path / out)

    assert [path.name for path in tmp_path.rglob("*")] == ["full", "mine"]


def test_real_weights_are_exported_with_the_bytes_that_came(shared: Path, tmp_path: Path) -> None:
    path = shared / "weights" / "yolo-fastest" / "yolo-fastest-1.1_coco" / "yolo-fastest-1.1-xl.weights"
    dog = read_image(shared / "reference" / "images" / "img" / "dog.jpg")

    written = export(find_model(path), "darknet", tmp_path / "xl", Proof([dog]))

    assert (tmp_path / "xl" / "xl.weights").read_bytes() == path.read_bytes()
    assert written.difference.boxes > 20
    assert load(tmp_path / "xl").names[0] == "person"


@pytest.mark.parametrize("outputs", ["boxes", "detections"])
@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_a_graph_that_decodes_is_proved_and_is_for_other_programs(tmp_path: Path, to: str, outputs: str) -> None:
    if to == "openvino":
        pytest.importorskip("openvino", reason="OPENVINO ABSENT: its exports were not made")
    bundle = small_bundle()
    bundle = dataclasses.replace(bundle, arrays={**bundle.arrays, "1.weights": bundle.arrays["1.weights"] / 10})

    written = export(bundle, to, tmp_path / ("x.onnx" if to == "onnx" else "x.xml"), outputs=outputs)

    assert isinstance(written.difference, Difference)
    assert written.difference.boxes > 20
    assert written.difference.score < 1e-4
    with pytest.raises(UserError, match=f"expected raw outputs, got {outputs}; export it without --outputs"):
        load(written.files[0])


def test_a_decoding_that_is_wrong_is_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_heads, "FARTHEST", 20.0)

    with pytest.raises(GateError):
        export(small_bundle(), "onnx", tmp_path / "x.onnx", outputs="boxes")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("to", "outputs", "message"),
    [
        ("onnx", "box", r"--outputs: expected raw, boxes, detections, got 'box'; did you mean 'boxes'\?"),
        ("darknet", "boxes", "--outputs boxes: expected a detector --to onnx or openvino, in float32; leave it out"),
    ],
)
def test_a_form_of_outputs_that_cannot_be_is_one_line(tmp_path: Path, to: str, outputs: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        export(small_bundle(), to, tmp_path / "x", outputs=outputs)
