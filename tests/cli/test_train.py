"""`onelook train` and `onelook eval` as a user types them: one JSON object, or one line of what is wrong."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

TINY = """[net]
width=32
height=32
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=4
pad=1
activation=leaky
[convolutional]
filters=7
size=1
activation=linear
[yolo]
mask=0
anchors=10,10
classes=2
num=1
"""

QUICK = ("--set", "max_batches=2", "--set", "batch=2", "--set", "workers=0", "--set", "threads=1")


def onelook(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "onelook", *map(str, words)], capture_output=True, text=True)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a folder with a cfg and a Darknet data set of four pictures, each with one black square."""
    (tmp_path / "net.cfg").write_text(TINY)
    (tmp_path / "pics").mkdir()
    for index in range(4):
        image = np.full((32, 32, 3), 200, np.uint8)
        image[4:14, 4 + index : 14 + index] = 0
        cv2.imwrite(str(tmp_path / "pics" / f"{index}.png"), image)
        (tmp_path / "pics" / f"{index}.txt").write_text(f"0 {(9 + index) / 32} {9 / 32} {10 / 32} {10 / 32}\n")
    for split, numbers in (("train", (0, 1, 2)), ("val", (3,))):
        (tmp_path / f"{split}.txt").write_text("".join(f"{tmp_path}/pics/{number}.png\n" for number in numbers))
    (tmp_path / "x.names").write_text("square\n")
    (tmp_path / "x.data").write_text(
        f"classes=1\ntrain={tmp_path}/train.txt\nvalid={tmp_path}/val.txt\nnames={tmp_path}/x.names\n"
    )
    return tmp_path


def test_train_and_eval_print_one_object_each(project: Path) -> None:
    trained = onelook("train", project / "net.cfg", project / "x.data", "--out", project / "run", *QUICK, "--json")
    judged = onelook("eval", project / "run", project / "x.data", "--json")
    darknet = onelook("eval", project / "run", project / "x.data", "--rules", "darknet", "--json")

    assert trained.returncode == judged.returncode == darknet.returncode == 0, trained.stderr + judged.stderr
    assert {"run", "ap50", "seconds"} <= json.loads(trained.stdout).keys()
    words = {"ap", "ap50", "ap75", "per_class", "precision", "recall", "f1", "average_iou", "rules"}
    assert words <= json.loads(judged.stdout).keys()
    assert "map50" in json.loads(darknet.stdout)


def broken(project: Path, what: str) -> None:
    label, cfg = project / "pics" / "0.txt", project / "net.cfg"
    if what == "missing image":
        (project / "pics" / "0.png").unlink()
    elif what == "unlabelled image":
        label.unlink()
    elif what == "class beyond the list":
        label.write_text("3 .5 .5 .2 .2\n")
    elif what == "empty data set":
        (project / "train.txt").write_text("")
    elif what == "cfg of another program":
        cfg.write_text("[server]\nport = 80\n")
    elif what == "truncated image":
        picture = project / "pics" / "0.png"
        picture.write_bytes(picture.read_bytes()[:40])


@pytest.mark.parametrize(
    ("what", "where"),
    [
        ("missing image", "0.png"),
        ("unlabelled image", "0.png"),
        ("class beyond the list", "0.txt:1"),
        ("empty data set", "expected images in the train split, got none"),
        ("cfg of another program", "net.cfg:1"),
        ("truncated image", "0.png"),
    ],
)
def test_a_users_mistake_is_one_line_exit_2_and_nothing_written(project: Path, what: str, where: str) -> None:
    broken(project, what)

    done = onelook("train", project / "net.cfg", project / "x.data", "--out", project / "run", *QUICK)

    assert done.returncode == 2, done.stdout + done.stderr
    assert where in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("onelook: ")]) == 1
    assert "Traceback" not in done.stderr
    assert not (project / "run").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--set", "epoch=3"), "did you mean 'epochs'?"),
        (("--set", "epochs"), "expected key=value"),
        (("--weights", "nowhere.weights"), "nowhere.weights: expected weights"),
        (("--format", "vocc"), "voc"),
    ],
)
def test_a_wrong_word_is_named_with_the_way_out(project: Path, words: tuple[str, ...], said: str) -> None:
    done = onelook("train", project / "net.cfg", project / "x.data", "--out", project / "run", *words)

    assert done.returncode == 2
    assert said in done.stderr
    assert not (project / "run").exists()


def test_a_model_of_other_classes_is_not_judged_as_if_it_knew_these(project: Path) -> None:
    onelook("train", project / "net.cfg", project / "x.data", "--out", project / "run", *QUICK)
    (project / "x.names").write_text("circle\n")

    done = onelook("eval", project / "run", project / "x.data")

    assert done.returncode == 2
    assert "expected classes of the data (circle), got square" in done.stderr
