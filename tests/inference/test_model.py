"""A bundle and an image in, boxes in that image's pixels out; the same as the original Darknet's."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow
from tests.structures.small_models import small_bundle, small_cfg

from onelook.inference.model import Detector, load
from onelook.inference.onnx_graph import onnx_model
from onelook.inference.runtime import OnnxRuntime
from onelook.structures.bundle import Bundle, BundleSettings, find_model, write_bundle
from onelook.structures.detections import Detections
from onelook.structures.errors import FormatError, UserError
from onelook.structures.images import read_image, write_jpeg
from onelook.structures.letterbox import Image
from onelook.structures.network.cfg import Cfg


class OneBox:
    """A runtime that always sees class 1 in cell (row 6, column 8) of 12 x 16 with the first anchor, 10 x 10."""

    description, at_once = "one box", 1

    def __init__(self) -> None:
        self.images: NDArray[np.generic] = np.zeros(0)

    def run(self, images: NDArray[np.generic]) -> list[NDArray[np.float32]]:
        self.images = images
        raw = np.full((1, 2, 7, 12, 16), -20, np.float32)
        raw[0, 0, :, 6, 8] = [0, 0, 0, 0, 20, -20, 20]
        return [raw.reshape(1, 14, 12, 16)]


def assert_equal(first: Detections, second: Detections) -> None:
    np.testing.assert_allclose(first.boxes, second.boxes, atol=1e-3)
    np.testing.assert_allclose(first.scores, second.scores, atol=1e-5)
    np.testing.assert_array_equal(first.classes, second.classes)


def test_boxes_come_back_in_the_image_s_pixels_from_a_stretched_input(picture: Image) -> None:
    runtime = OneBox()
    found = Detector(small_bundle(), runtime).predict(picture)

    # middle of the cell in the input: (34, 26) of 64 x 48; the image has 80 x 50
    np.testing.assert_allclose(found.boxes, [[29 * 80 / 64, 21 * 50 / 48, 39 * 80 / 64, 31 * 50 / 48]], rtol=1e-5)
    assert found.classes.tolist() == [1]
    assert runtime.images.shape == (1, 48, 64, 3)
    assert runtime.images.dtype == np.uint8


def test_boxes_come_back_from_a_letterboxed_input(picture: Image) -> None:
    runtime = OneBox()
    found = Detector(small_bundle(resize="letterbox"), runtime).predict(picture)

    # 80 x 50 becomes 64 x 40 with 4 rows of grey above and below
    np.testing.assert_allclose(found.boxes, [[29 * 1.25, (21 - 4) * 1.25, 39 * 1.25, (31 - 4) * 1.25]], rtol=1e-5)
    assert (runtime.images[0, :4] == 127).all()


def test_a_box_is_cut_to_the_image_and_one_outside_is_left_out() -> None:
    flat = np.zeros((4, 80, 3), np.uint8)  # letterboxed to rows 23..25 of 48: the box covers more
    tall = np.zeros((80, 4, 3), np.uint8)  # letterboxed to columns 31..32 of 64
    narrow = np.zeros((4000, 4, 3), np.uint8)  # one column, 31: what is right of it is outside

    detector = Detector(small_bundle(resize="letterbox"), OneBox())

    np.testing.assert_allclose(detector.predict(flat).boxes[0, [1, 3]], [0, 4])
    assert detector.predict(tall).boxes[0, 0] == 0
    assert detector.predict(narrow).boxes.max() <= 4000
    assert len(detector.predict(np.zeros((50, 2000, 3), np.uint8))) == 1


def test_every_form_of_an_image_gives_the_same(detector: Detector, picture: Image, tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    Pillow.fromarray(picture).save(path)
    expected = detector.predict(picture)

    assert len(expected) > 0
    for form in (path, str(path), path.read_bytes(), Pillow.fromarray(picture)):
        assert_equal(detector.predict(form), expected)


def test_a_list_of_images_gives_a_list(detector: Detector, picture: Image) -> None:
    several = detector.predict([picture, picture[:30]])

    assert len(several) == 2
    assert_equal(several[0], detector.predict(picture))
    assert_equal(several[1], detector.predict(picture[:30]))
    assert detector.predict([]) == []


def test_thresholds_default_to_the_bundle_s_and_may_be_given(picture: Image) -> None:
    strict = load(small_bundle(score=0.9), threads=1)

    assert strict.predict(picture).scores.min() > 0.9
    assert len(strict.predict(picture, score=0.1)) > len(strict.predict(picture))
    assert len(strict.predict(picture, score=0.1, nms=1)) > len(strict.predict(picture, score=0.1))


def test_the_best_come_first_and_every_box_lies_in_the_image(detector: Detector, picture: Image) -> None:
    found = detector.predict(picture, score=0.01)

    assert (np.diff(found.scores) <= 0).all()
    assert found.boxes.min() >= 0
    assert (found.boxes[:, [0, 2]] <= 80).all()
    assert (found.boxes[:, [1, 3]] <= 50).all()


@pytest.mark.parametrize("wrong", [{"score": 1.5}, {"nms": -0.1}, {"score": float("nan")}])
def test_a_threshold_outside_0_to_1_is_refused(detector: Detector, picture: Image, wrong: dict[str, float]) -> None:
    with pytest.raises(UserError, match="expected a number from 0 to 1"):
        detector.predict(picture, **wrong)


def test_a_model_is_loaded_by_any_of_its_names(model: Path, picture: Image, detector: Detector) -> None:
    for name in (model, str(model)):
        assert_equal(load(name).predict(picture), detector.predict(picture))
    with pytest.raises(UserError, match="got nothing there"):
        load(model / "absent")


def test_a_network_without_a_head_is_refused() -> None:
    cfg = small_cfg()
    cut = Cfg(cfg.net, cfg.layers[:-1])
    bundle = Bundle(cut, ("red", "white"), small_bundle().arrays, BundleSettings(64, 48), where="some.cfg")

    with pytest.raises(UserError, match=r"some\.cfg: expected a detector with \[yolo\] layers"):
        load(bundle)


def test_threads_that_share_a_detector_do_not_disturb_each_other(detector: Detector) -> None:
    rng = np.random.default_rng(5)
    images = [rng.integers(0, 256, (rng.integers(20, 90), rng.integers(20, 90), 3), dtype=np.uint8) for _ in range(24)]
    alone = [detector.predict(image) for image in images]

    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(detector.predict, images))

    for first, second in zip(alone, together, strict=True):
        assert_equal(first, second)


def test_a_file_that_is_no_picture_is_a_format_error(detector: Detector, tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"no picture")

    with pytest.raises(FormatError, match=r"x\.jpg: expected a picture"):
        detector.predict(tmp_path / "x.jpg")


MODELS = {
    "yolov3-tiny": "yolov3-tiny/yolov3-tiny.cfg",
    "yolo-fastest-1.1": "yolo-fastest/yolo-fastest-1.1_coco/yolo-fastest-1.1.cfg",
    "yolo-fastest-1.1-xl": "yolo-fastest/yolo-fastest-1.1_coco/yolo-fastest-1.1-xl.cfg",
    "mobilenetv2-yolov3-nano": "mobilenetv2-yolov3-nano/MobileNetV2-YOLOv3-Nano/COCO/MobileNetV2-YOLOv3-Nano-coco.cfg",
}


@pytest.mark.parametrize("name", MODELS)
def test_heads_of_real_weights_get_what_darknet_gives_them(shared: Path, name: str) -> None:
    bundle = find_model(shared / "weights" / MODELS[name])
    stored = np.load(shared / "reference" / "images" / f"{name}.dog.yolo_layers.npz")
    layers = bundle.layers()
    runtime = OnnxRuntime(onnx_model(layers, bundle.arrays, "float32").SerializeToString())
    heads = [layer for layer in layers if layer.kind == "yolo"]

    outputs = runtime.run(network_input(shared, bundle.settings.size))

    for head, output in zip(heads, outputs, strict=True):
        expected = stored[f"layer{head.index}_in"]
        assert np.abs(output[0] - expected).max() <= 1e-4 * np.abs(expected).max()


def network_input(shared: Path, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return dog.jpg as Darknet stretches it, (1, 3, h, w): stored for 416, for other sizes by its rule, bilinear corners."""
    if size == (416, 416):
        return np.asarray(
            np.load(shared / "reference" / "images" / "dog.input416.plain.npz")["input"][None], np.float32
        )
    image = read_image(shared / "reference" / "images" / "img" / "dog.jpg").astype(np.float32) / np.float32(255)
    for axis, side in ((0, size[1]), (1, size[0])):
        places = np.arange(side) * np.float32((image.shape[axis] - 1) / (side - 1))
        low = np.minimum(places.astype(np.int64), image.shape[axis] - 2)
        part = (places - low).astype(np.float32).reshape(-1, *[1] * (2 - axis))
        image = image.take(low, axis) * (1 - part) + image.take(low + 1, axis) * part
    return np.ascontiguousarray(image.transpose(2, 0, 1))[None]


@pytest.mark.parametrize(
    ("name", "classes"), [("dog.jpg", {"dog", "bicycle", "car"}), ("person.jpg", {"person", "dog", "horse"})]
)
def test_yolov3_tiny_finds_what_is_on_darknet_s_pictures(shared: Path, name: str, classes: set[str]) -> None:
    detector = load(shared / "weights" / "yolov3-tiny" / "yolov3-tiny.cfg")

    found = detector.predict(shared / "reference" / "images" / "img" / name)

    assert classes <= {detector.names[index] for index in found.classes}


def test_the_bundle_of_a_run_sees_the_same_wherever_it_goes(tmp_path: Path, picture: Image) -> None:
    bundle = dataclasses.replace(small_bundle(seed=4, resize="letterbox"), metrics={"ap50": 0.5})
    write_bundle(tmp_path / "here" / "model", bundle)
    before = load(tmp_path / "here").predict(picture)
    (tmp_path / "here").rename(tmp_path / "there")

    assert_equal(load(tmp_path / "there").predict(picture), before)


@pytest.mark.parametrize("name", ["yolov3-tiny", "yolov4-tiny"])
def test_torch_and_onnx_runtime_compute_the_same(name: str) -> None:
    torch = pytest.importorskip("torch")
    from onelook.models.known import find_network
    from onelook.models.network import Network

    known = find_network(name)
    cfg = Cfg(known.net.changed(width=96, height=64), known.layers)
    torch.manual_seed(0)
    network = Network(cfg).eval()
    images = np.random.default_rng(0).integers(0, 256, (2, 64, 96, 3), dtype=np.uint8)

    by_onnx = OnnxRuntime(onnx_model(network.layers, network.arrays()).SerializeToString()).run(images)

    with torch.no_grad():
        by_torch = network.raw_outputs(torch.from_numpy(images.transpose(0, 3, 1, 2).copy()))
    for one, other in zip(by_onnx, by_torch, strict=True):
        assert np.abs(one - other.numpy()).max() <= 1e-5 * np.abs(one).max()


def test_a_large_file_is_reduced_in_decoding_and_boxes_stay_in_its_own_pixels(tmp_path: Path) -> None:
    large = np.random.default_rng(0).integers(0, 256, (750, 1201, 3), dtype=np.uint8)
    write_jpeg(tmp_path / "large.jpg", large)
    whole, reduced = OneBox(), OneBox()

    expected = Detector(small_bundle(resize="letterbox"), whole).predict(large)
    found = Detector(small_bundle(resize="letterbox"), reduced).predict(tmp_path / "large.jpg")

    np.testing.assert_array_equal(found.boxes, expected.boxes)
    assert (found.size, found.image().shape) == ((1201, 750), (750, 1201, 3))
    assert reduced.images.shape == whole.images.shape
    assert (reduced.images != whole.images).any()
