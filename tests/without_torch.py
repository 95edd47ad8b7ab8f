"""Run by `make wheel`, by the Python of an environment that holds the wheel and no torch: a user without training.

Not a pytest file: that environment has only what `pip install onelook` brings.
"""

import importlib.util
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from onelook.datasets.generated import NAMES, make_blood
from onelook.structures.bundle import Bundle, BundleSettings, write_bundle
from onelook.structures.network.cfg import parse_cfg
from onelook.structures.network.layers import describe

CFG = """[net]
width=64
height=64
channels=3
[convolutional]
filters=8
size=3
stride=4
pad=1
activation=leaky
[convolutional]
filters=16
size=1
activation=linear
[yolo]
mask=0,1
anchors=10,10, 24,24
classes=3
num=2
"""


def small_model(folder: Path) -> Path:
    """Write a detector of the generated cells with seeded weights and return its bundle."""
    rng = np.random.default_rng(0)
    cfg = parse_cfg(CFG, "small.cfg")
    arrays = {
        f"{layer.index}.{name}": rng.normal(0, 1, shape).astype(np.float32)
        for layer in describe(cfg)
        for name, shape in layer.arrays
    }
    write_bundle(folder, Bundle(cfg, NAMES, arrays, BundleSettings(64, 64)))
    return folder


def typed(*words: str | Path) -> str:
    """Return what `onelook WORDS` prints; whatever fails is shown and ends the program."""
    command = Path(sys.executable).with_name("onelook")
    done = subprocess.run([command, *map(str, words)], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"onelook {' '.join(map(str, words))}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def answer(*words: str | Path) -> Any:
    """Return the JSON object that `onelook WORDS --json` prints."""
    return json.loads(typed(*words, "--json"))


def files_of_pages(package: Path) -> set[str]:
    """Return the files of the pages below a package's folder."""
    return {path.relative_to(package).as_posix() for path in (package / "ui").rglob("*") if path.is_file()}


def main() -> None:
    """Use the installed package as someone would who only predicts."""
    import onelook

    assert importlib.util.find_spec("torch") is None, "this environment was to hold no torch"
    assert "site-packages" in onelook.__file__, f"expected the installed wheel, got {onelook.__file__}"
    source = Path(__file__).resolve().parents[1] / "src" / "onelook"
    missing = files_of_pages(source) - files_of_pages(Path(onelook.__file__).parent)
    assert not missing, f"the wheel lacks {sorted(missing)}"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = small_model(folder / "model")
        make_blood(folder / "data", {"test": 2}, seed=0, size=(80, 48))
        image = next((folder / "data").rglob("*.jpg"))
        assert "predict" in typed("--help")
        assert answer("summary", "yolov3-tiny")["parameters"] > 8_000_000
        found = answer("predict", model, image)["images"][0]
        assert (found["width"], found["height"]) == (80, 48), found
        detections = onelook.load(model).predict(image, score=0.001)
        assert len(detections.boxes) > 0, "a score of 0.001 was to let something through"
        typed("export", model, "--to", "onnx", "--out", folder / "model.onnx")
        assert (folder / "model.onnx").stat().st_size > 0
        assert answer("data", "check", folder / "data")["errors"] == 0
        assert answer("eval", model, folder / "data", "--split", "test")["rules"] == "coco"
    print("without torch: help, summary, predict, export, data and eval work from the wheel")


if __name__ == "__main__":
    main()
