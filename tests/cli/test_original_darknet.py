"""Debian's `darknet`, the original of 2018, beside ours: it trains on what is converted, and sees what is exported.

Where the program cannot be had (`apt-get install darknet`), these tests are skipped, loudly.
"""

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.models.tiny import three_levels, two_heads
from typer.testing import CliRunner

from onelook.cli.main import build_app
from onelook.datasets.generated import make_blood
from onelook.datasets.reading import read
from onelook.inference.export import generated_pictures
from onelook.inference.model import Detector, load
from onelook.models.adapt import adapt
from onelook.models.known import find_network
from onelook.structures.bundle import Bundle, BundleSettings, find_model, write_bundle
from onelook.structures.classes import read_names
from onelook.structures.images import read_image
from onelook.structures.letterbox import Image
from onelook.structures.network.cfg import format_cfg, read_cfg
from onelook.structures.network.layers import describe

NAMES = ("red", "green", "blue")


def original(folder: Path, *words: object) -> str:
    """Run the original in `folder` and return what it prints. A training may end in its own race with its loading threads."""
    if not (program := shutil.which("darknet")):
        pytest.skip("ORIGINAL DARKNET ABSENT: `apt-get install darknet` brings it; this comparison was not made")
    command = [program, *map(str, words)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, errors="replace")
    assert done.returncode == 0 or "Saving weights" in done.stderr, done.stderr[-2000:]
    return done.stdout


def onelook(*words: object) -> None:
    done = CliRunner().invoke(build_app(), list(map(str, words)), catch_exceptions=False)
    assert done.exit_code == 0, done.output


def test_what_convert_writes_is_trained_on_by_the_original(tmp_path: Path) -> None:
    make_blood(tmp_path / "cells", {"train": 10, "val": 2}, seed=0)
    (tmp_path / "two_heads.cfg").write_text(format_cfg(two_heads()))
    project = tmp_path / "project"
    onelook("data", "convert", tmp_path / "cells", "--to", "darknet", "--out", project)
    onelook(
        *("data", "convert", tmp_path / "cells", "--to", "darknet", "--out", tmp_path / "small"),
        *("--network", tmp_path / "two_heads.cfg"),
    )
    cfg = (tmp_path / "small" / "obj.cfg").read_text()
    cfg = re.sub("max_batches=.*", "max_batches=3", re.sub("subdivisions=.*", "subdivisions=1", cfg))
    (project / "short.cfg").write_text(re.sub("batch=.*", "batch=2", cfg, count=1))

    original(project, "detector", "train", "obj.data", "short.cfg")

    trained = find_model(project / "short.cfg", project / "backup" / "short_final.weights")
    assert trained.names == read_names(project / "obj.names")
    assert trained.settings.seen == 6
    assert all(np.isfinite(array).all() for array in trained.arrays.values())
    assert describe(read_cfg(project / "obj.cfg"))[-1].out_shape[0] == 3 * (5 + len(trained.names))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a Tiny-YOLOv3 of 96 x 96 and random weights, exported for Darknet, and eight pictures."""
    folder = tmp_path_factory.mktemp("exported")
    cfg, _ = adapt(find_network("yolov3-tiny"), len(NAMES), (96, 96))
    random = np.random.default_rng(5)
    arrays = {}
    for layer in describe(cfg):
        for name, shape in layer.arrays:
            spread = 1.4 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.3
            values = random.normal(0, spread, shape)
            arrays[f"{layer.index}.{name}"] = np.float32(
                1 + abs(values) if name in ("scales", "rolling_variance") else values
            )
    settings = BundleSettings(96, 96, "letterbox")
    write_bundle(folder / "bundle", Bundle(cfg, NAMES, arrays, settings))
    return exported_with(folder / "bundle", folder / "tiny", generated_pictures(8))


def exported_with(model: Path, folder: Path, pictures: Sequence[Image]) -> Path:
    """Export `model` to `folder` with a list of `pictures` for `detector valid`, and return the folder."""
    onelook("export", model, "--to", "darknet", "--out", folder)
    for number, picture in enumerate(pictures):
        cv2.imwrite(str(folder / f"{number}.png"), cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    (folder / "valid.txt").write_text("".join(f"{number}.png\n" for number in range(len(pictures))))
    (folder / "results").mkdir()
    with (folder / f"{folder.name}.data").open("a") as data:
        data.write("valid = valid.txt\n")
    return folder


def ours(folder: Path) -> Detector:
    return load(find_model(folder / "tiny.cfg", exact=True), threads=1)


def compare(folder: Path) -> int:
    """Assert that the original lists our boxes for the folder's eight pictures; return how many."""
    original(folder, "detector", "valid", "tiny.data", "tiny.cfg", "tiny.weights")
    theirs: dict[tuple[str, int], list[list[float]]] = {}
    names = read_names(folder / "tiny.names")
    for index, name in enumerate(names):
        for line in (folder / "results" / f"comp4_det_test_{name}.txt").read_text().splitlines():
            image, *numbers = line.split()
            theirs.setdefault((image, index), []).append([float(number) for number in numbers])
    detector = ours(folder)
    compared = 0
    for number in range(8):
        image = read_image(folder / f"{number}.png")
        found = detector.list_as_darknet(image)
        height, width = image.shape[:2]
        # valid counts pixels from 1 and keeps boxes inside the picture.
        boxes = np.clip(found.boxes + 1, [1, 1, -np.inf, -np.inf], [np.inf, np.inf, width, height])
        for index in range(len(names)):
            rows = np.column_stack([found.scores, boxes])[found.classes == index]
            listed = np.asarray(theirs.get((str(number), index), [])).reshape(-1, 5)

            assert len(rows) == len(listed)
            same = (np.abs(rows[:, None] - listed) <= [1e-4, 0.05, 0.05, 0.05, 0.05]).all(axis=2)
            assert same.any(axis=0).all() and same.any(axis=1).all()
            compared += len(rows)
    return compared


def test_an_exported_network_has_the_same_boxes_in_the_original(exported: Path) -> None:
    assert compare(exported) > 50


def test_a_trained_network_has_the_same_boxes_in_the_original(tmp_path: Path) -> None:
    make_blood(tmp_path / "cells", {"train": 16, "val": 8}, seed=0)
    (tmp_path / "three_levels.cfg").write_text(format_cfg(three_levels()))
    chosen = ("max_batches=100", "batch=4", "learning_rate=0.005", "burn_in=4", "workers=0", "threads=1", "mosaic=0")
    onelook(
        *("train", tmp_path / "three_levels.cfg", tmp_path / "cells", "--out", tmp_path / "run"),
        *(word for each in (*chosen, "resize=letterbox", "eval_every=25") for word in ("--set", each)),
    )
    val = read(tmp_path / "cells").split("val")

    exported_with(tmp_path / "run", tmp_path / "tiny", [read_image(path) for path in val.paths])

    assert compare(tmp_path / "tiny") > 50
    assert max(float(ours(tmp_path / "tiny").predict(path, score=0).scores.max()) for path in val.paths) > 0.1


def test_an_exported_network_prints_the_same_percentages_in_the_original(exported: Path) -> None:
    detector = ours(exported)
    files = ("tiny.data", "tiny.cfg", "tiny.weights", "1.png")

    said = original(exported, "detector", "test", *files, "-thresh", "0.3", "-out", "drawn")

    found = detector.list_as_darknet(exported / "1.png", score=0.3)
    lines = [f"{NAMES[index]}: {score * 100:.0f}%" for index, score in zip(found.classes, found.scores, strict=True)]
    assert len(lines) > 5
    assert sorted(re.findall(r"(?:red|green|blue): \d+%", said)) == sorted(lines)
