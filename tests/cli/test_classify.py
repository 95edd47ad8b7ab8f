"""`onelook predict` and `onelook eval` with a classifier, as a user types them."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from onelook.cli.main import build_app
from onelook.structures.bundle import Bundle, BundleSettings, write_bundle
from onelook.structures.errors import UserError
from onelook.structures.network.cfg import parse_cfg

CFG = """[net]
width=16
height=16
channels=3
[convolutional]
filters=3
size=1
activation=linear
[avgpool]
[softmax]
"""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Return a classifier that answers with the strongest of the three channels."""
    return write_classifier(tmp_path / "model")


def write_classifier(folder: Path) -> Path:
    """Write that classifier's bundle and return its folder."""
    arrays = {
        "0.biases": np.zeros(3, np.float32),
        "0.weights": np.eye(3, dtype=np.float32).reshape(3, 3, 1, 1) * 20,
    }
    write_bundle(folder, Bundle(parse_cfg(CFG), ("red", "green", "blue"), arrays, BundleSettings(16, 16)))
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Return folders by class: two red, one green, one blue picture in the folder of red."""
    for name, channels in (("red", (0, 0, 2)), ("green", (1,))):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number, channel in enumerate(channels):
            image = np.full((16, 16, 3), 30, np.uint8)
            image[..., channel] = 220
            cv2.imwrite(str(tmp_path / "data" / name / f"{number}.png"), image[..., ::-1])
    return tmp_path / "data"


def typed(*words: str | Path) -> tuple[int, str]:
    done = CliRunner().invoke(build_app(), [str(word) for word in words], catch_exceptions=True)
    if isinstance(done.exception, UserError):
        raise done.exception
    return done.exit_code, done.stdout


def test_predict_tells_the_likeliest_classes(model: Path, pictures: Path) -> None:
    code, out = typed("predict", model, pictures / "green", "--json")
    (image,) = json.loads(out)["images"]

    assert code == 0
    assert next(each["class"] for each in image["classes"]) == "green"
    assert image["classes"][0]["score"] > 0.99
    assert (image["width"], image["height"]) == (16, 16)


def test_predict_goes_on_after_a_broken_picture(model: Path, pictures: Path) -> None:
    (pictures / "red" / "0.png").write_bytes(b"\x89PNG cut")
    code, out = typed("predict", model, pictures / "red")

    assert code == 1
    assert "blue 1.000" in out


def test_predict_draws_the_classes_into_a_folder(model: Path, pictures: Path, tmp_path: Path) -> None:
    code, out = typed("predict", model, pictures / "red", "--out", tmp_path / "drawn")

    assert code == 0
    assert out.endswith(f"drawn into {tmp_path / 'drawn'}/\n")
    assert [path.name for path in sorted((tmp_path / "drawn").iterdir())] == ["0.jpg", "1.jpg", "2.jpg"]
    assert cv2.imread(str(tmp_path / "drawn" / "0.jpg")).shape == (16, 16, 3)


def test_predict_looks_at_several_pictures_at_once_and_tells_them_in_order(model: Path, pictures: Path) -> None:
    code, out = typed("predict", model, *[pictures / "red" / "2.png", pictures / "red" / "0.png"], "--json")
    told = json.loads(out)

    assert code == 0
    assert [row["classes"][0]["class"] for row in told["images"]] == ["blue", "red"]
    assert "threads: 1" in told["runtime"]


def test_what_is_about_boxes_is_refused_for_a_classifier(model: Path, pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--crops: expected a detector"):
        typed("predict", model, pictures / "red", "--crops", tmp_path / "crops")


def test_eval_counts_by_class(model: Path, pictures: Path) -> None:
    code, out = typed("eval", model, pictures, "--json")
    words = json.loads(out)

    assert code == 0
    assert words["top1"] == 0.75
    assert words["mean_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert [(row["class"], row["right"], row["images"]) for row in words["per_class"]] == [
        ("green", 1, 1),
        ("red", 2, 3),
    ]


def test_eval_prints_a_table(model: Path, pictures: Path) -> None:
    _, out = typed("eval", model, pictures)

    assert out.startswith("4 images (all): top-1 0.750 (")
    assert "red" in out
