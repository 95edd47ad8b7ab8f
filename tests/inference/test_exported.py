"""What was exported is a model itself: read back, used, and refused where it is somebody else's."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.inference.test_classifier import CFG, NAMES, named_bundle
from tests.structures.small_models import random_arrays, small_bundle

import onelook
from onelook.inference.classifier import ImageClassifier
from onelook.inference.export import export
from onelook.inference.exported import read_exported
from onelook.inference.model import Detector, load
from onelook.structures.bundle import Bundle, BundleSettings
from onelook.structures.errors import FormatError, UserError
from onelook.structures.letterbox import Image
from onelook.structures.named_bundle import NamedBundle
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.layers import describe

ENDINGS = {"onnx": "model.onnx", "openvino": "model.xml"}


def exported(bundle: Bundle | NamedBundle, to: str, folder: Path) -> Path:
    """Return the file that an export of the bundle wrote."""
    if to == "openvino":
        pytest.importorskip("openvino", reason="OPENVINO ABSENT: its exports were not made")
    return export(bundle, to, folder / ENDINGS[to]).files[0]


@pytest.mark.parametrize("to", ["onnx", "openvino"])
def test_an_exported_detector_is_a_model_that_sees_the_same(
    tmp_path: Path, to: str, picture: Image, detector: Detector
) -> None:
    again = onelook.load(exported(small_bundle(resize="letterbox", score=0.3, nms=0.4, licence="MIT"), to, tmp_path))

    assert isinstance(again, Detector)
    assert (again.names, again.settings.resize, again.settings.score, again.settings.nms) == (
        ("red", "white"),
        "letterbox",
        0.3,
        0.4,
    )
    expected = load(small_bundle(resize="letterbox"), runtime="onnxruntime").predict(picture, 0.3, 0.4)
    found = again.predict(picture)
    assert len(found) == len(expected) > 0
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-4)
    np.testing.assert_allclose(found.boxes, expected.boxes, atol=1e-2)


@pytest.mark.parametrize("to", ["onnx", "openvino"])
@pytest.mark.parametrize("named", [True, False])
def test_an_exported_classifier_is_a_model_that_says_the_same(
    tmp_path: Path, to: str, named: bool, picture: Image
) -> None:
    bundle: Bundle | NamedBundle
    if named:
        _, bundle = named_bundle()
    else:
        cfg = parse_cfg(CFG)
        bundle = Bundle(cfg, NAMES, random_arrays(describe(cfg)), BundleSettings(32, 32))

    again = onelook.load(exported(bundle, to, tmp_path))

    source = onelook.load(bundle, runtime="onnxruntime")
    assert isinstance(again, ImageClassifier) and isinstance(source, ImageClassifier)
    assert again.predict(picture).scores == pytest.approx(source.predict(picture).scores, abs=1e-4)
    assert float(again.predict(picture).scores.sum()) == pytest.approx(1, abs=1e-4)


def test_an_xml_is_openvino_s_alone(tmp_path: Path) -> None:
    path = exported(small_bundle(), "openvino", tmp_path)

    with pytest.raises(UserError, match=r"--runtime: expected openvino for .*, got 'onnxruntime'; export it --to onnx"):
        onelook.load(path, runtime="onnxruntime")
    assert "bfloat16" in onelook.load(path, runtime="openvino-bf16").runtime.description


def test_an_xml_without_its_numbers_or_torn_is_one_line(tmp_path: Path) -> None:
    path = exported(small_bundle(), "openvino", tmp_path)
    path.with_suffix(".bin").unlink()
    with pytest.raises(FormatError, match=r"model\.xml: expected an OpenVINO model with its \.bin, got: \S") as caught:
        onelook.load(path)
    assert "\n" not in str(caught.value)

    path.write_text(path.read_text()[:500])
    with pytest.raises(FormatError, match=r"expected an OpenVINO model with its \.bin"):
        onelook.load(path)


def test_a_graph_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = exported(small_bundle(), "onnx", tmp_path)
    model = onnx.load(path)
    del model.metadata_props[:]
    onnx.save(model, path)

    with pytest.raises(FormatError, match="expected a model that `onelook export` wrote, got one without names, width"):
        read_exported(path)


@pytest.mark.parametrize(("word", "value"), [("width", "wide"), ("resize", "crop"), ("names", "3"), ("names", "{")])
def test_a_word_that_is_none_is_one_line(tmp_path: Path, word: str, value: str) -> None:
    path = exported(small_bundle(), "onnx", tmp_path)
    model = onnx.load(path)
    next(each for each in model.metadata_props if each.key == word).value = value
    onnx.save(model, path)

    with pytest.raises(FormatError, match=r"model\.onnx: expected what `onelook export` wrote, got ") as caught:
        read_exported(path)
    assert "\n" not in str(caught.value)


def test_weights_beside_an_export_are_refused(tmp_path: Path) -> None:
    path = exported(small_bundle(), "onnx", tmp_path)

    with pytest.raises(UserError, match="an export has its own weights and names"):
        onelook.load(path, names=tmp_path / "x.names")


def test_a_classifier_by_name_has_no_darknet_files(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"--to darknet: expected a network of a \.cfg, got resnet18; --to onnx writes it"
    ):
        export(named_bundle()[1], "darknet", tmp_path / "x")
