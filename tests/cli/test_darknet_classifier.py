"""Darknet's command lines for classifiers: data told apart by paths, the original's words and result lines."""

import re
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from onelook.datasets.reading import read
from onelook.structures.errors import FormatError

CFG = """[net]
width=16
height=16
channels=3
batch=8
subdivisions=1
learning_rate=0.05
max_batches=30
policy=poly
power=4
momentum=0.9
decay=0.0005

[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky

[convolutional]
filters=2
size=1
stride=1
pad=1
activation=linear

[avgpool]

[softmax]
groups=1
"""

RED, BLUE = (220, 30, 30), (30, 30, 220)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A .data file of red and blue pictures, 12 to train on and 4 to judge, and a cfg."""
    rng = np.random.default_rng(0)
    lists: dict[str, list[str]] = {"train": [], "valid": []}
    for number in range(16):
        kind, colour = (("red", RED), ("blue", BLUE))[number % 2]
        picture = np.clip(np.full((20, 24, 3), colour) + rng.integers(-20, 20, (20, 24, 3)), 0, 255).astype(np.uint8)
        name = f"pictures/{number}_{kind}.png"
        (tmp_path / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / name), picture[..., ::-1])
        lists["train" if number < 12 else "valid"].append(name)
    for split, names in lists.items():
        (tmp_path / f"{split}.list").write_text("".join(f"{name}\n" for name in names))
    (tmp_path / "labels.txt").write_text("red\nblue\n")
    (tmp_path / "names.txt").write_text("Red thing\nBlue thing\n")
    lines = "classes=2\ntrain=train.list\nvalid=valid.list\nlabels=labels.txt\nnames=names.txt\nbackup=backup\ntop=2\n"
    (tmp_path / "colours.data").write_text(lines)
    (tmp_path / "colours.cfg").write_text(CFG)
    return tmp_path


def darknet(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "onelook", "darknet", "classifier", *words], capture_output=True, text=True, cwd=folder
    )


def test_a_picture_s_path_tells_its_class(project: Path) -> None:
    dataset = read(project / "colours.data")

    assert dataset.names == ("Red thing", "Blue thing")
    assert dataset.labels.tolist() == [0, 1] * 8
    assert len(dataset.splits["train"]) == 12
    assert len(dataset.boxes) == 0


def test_a_label_within_another_s_counts_for_neither_twice_nor_wrongly(project: Path) -> None:
    (project / "labels.txt").write_text("red\n_red\n")
    (project / "valid.list").write_text("pictures/12_red.png\n")
    (project / "train.list").write_text("pictures/0_red.png\n")

    assert read(project / "colours.data").labels.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("labels.txt", "red\n", "classes = 1, as labels.txt has labels, got 2"),
        ("names.txt", "Red thing\n", "expected 2 names, as there are labels, got 1"),
        ("labels.txt", "green\nyellow\n", "expected one of the 2 labels in the path pictures/0_red.png, got none"),
        ("train.list", "pictures/99_red.png\n", "expected an image pictures/99_red.png, got none"),
    ],
)
def test_lists_that_do_not_fit_are_named_with_file_and_line(project: Path, file: str, text: str, said: str) -> None:
    (project / file).write_text(text)

    with pytest.raises(FormatError, match=rf"\.(data|list):\d+: .*{re.escape(said)}"):
        read(project / "colours.data")


def test_a_classifier_is_trained_judged_and_asked_in_darknet_s_words(project: Path) -> None:
    trained = darknet(project, "train", "colours.data", "colours.cfg", "-topk", "-dont_show")
    weights = "backup/colours/colours_best.weights"
    judged = darknet(project, "valid", "colours.data", "colours.cfg", weights)
    asked = darknet(project, "predict", "colours.data", "colours.cfg", weights, "pictures/13_blue.png", "-t", "1")

    assert trained.returncode == 0, trained.stderr
    last = judged.stdout.splitlines()[-1]
    assert last == "3: top 1: 1.000000, top 2: 1.000000"
    assert last in trained.stdout
    told, best = asked.stdout.splitlines()
    assert re.fullmatch(r"pictures/13_blue.png: Predicted in [\d.]+ milli-seconds\.", told)
    assert re.fullmatch(r"Blue thing: 0\.\d{6}|Blue thing: 1\.000000", best)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("validate",), "expected train, predict, valid, got 'validate'"),
        (("valid", "colours.data"), "expected a .cfg file as word 2"),
        (("predict", "colours.data", "colours.cfg", "no.weights", "a.png"), "no.weights"),
    ],
)
def test_a_user_s_mistake_is_one_line_and_exits_2(project: Path, words: tuple[str, ...], said: str) -> None:
    result = darknet(project, *words)

    assert result.returncode == 2
    assert said in result.stderr
    assert result.stderr.count("\n") == 1
