"""A detector small enough to train in a test, and pictures simple enough for it."""

from pathlib import Path

import cv2
import numpy as np
import pytest

CFG = """
[net]
batch=4
width=64
height=64
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=leaky
[dropout]
probability=.1
[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=leaky
[convolutional]
filters=14
size=1
activation=linear
[yolo]
mask=0,1
anchors=12,12, 24,24
classes=2
num=2
"""


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """Return a cfg of three small convolutions and one head of stride 8."""
    path = tmp_path / "tiny.cfg"
    path.write_text(CFG)
    return path


@pytest.fixture
def squares(tmp_path: Path) -> Path:
    """Return a Darknet data set: red and blue squares on grey, 16 images to train on and 6 to validate."""
    return make_squares(tmp_path / "squares")


def make_squares(root: Path, train: int = 16, val: int = 6) -> Path:
    """Make a Darknet data set of red and blue squares on grey and return its .data file."""
    for split, count in (("train", train), ("val", val)):
        (root / "images" / split).mkdir(parents=True)
        (root / "labels" / split).mkdir(parents=True)
        paths = []
        for index in range(count):
            rng = np.random.default_rng((split == "val", index))
            image = np.full((64, 64, 3), 128, np.uint8)
            lines = []
            for kind in (0, 1):
                side = int(rng.integers(10, 22))
                x, y = (int(v) for v in rng.integers(0, 64 - side, 2))
                image[y : y + side, x : x + side] = (220, 30, 30) if kind == 0 else (30, 30, 220)
                lines.append(f"{kind} {(x + side / 2) / 64} {(y + side / 2) / 64} {side / 64} {side / 64}\n")
            path = root / "images" / split / f"{index:02d}.png"
            cv2.imwrite(str(path), image[..., ::-1])
            (root / "labels" / split / f"{index:02d}.txt").write_text("".join(lines))
            paths.append(str(path))
        (root / f"{split}.txt").write_text("\n".join(paths) + "\n")
    (root / "squares.names").write_text("red\nblue\n")
    (root / "squares.data").write_text(
        f"classes=2\ntrain={root}/train.txt\nvalid={root}/val.txt\nnames={root}/squares.names\n"
    )
    return root / "squares.data"


CLASSIFIER = """
[net]
batch=8
width=16
height=16
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky
[convolutional]
filters=1000
size=1
activation=linear
[avgpool]
[softmax]
[cost]
type=sse
"""


@pytest.fixture
def classifier(tmp_path: Path) -> Path:
    """Return the cfg of a classifier of two convolutions, for 1,000 classes."""
    path = tmp_path / "classifier.cfg"
    path.write_text(CLASSIFIER)
    return path


@pytest.fixture
def colours(tmp_path: Path) -> Path:
    """Return folders by class: red, green and blue pictures of 16 x 16, 24 a class to train on, 4 to validate, 4 to test."""
    root = tmp_path / "colours"
    for split, count in (("train", 24), ("val", 4), ("test", 4)):
        for channel, name in enumerate(("red", "green", "blue")):
            folder = root / split / name
            folder.mkdir(parents=True)
            for index in range(count):
                rng = np.random.default_rng((channel, index, len(split)))
                image = rng.integers(0, 120, (16, 16, 3), np.uint8)
                image[..., channel] += 90
                cv2.imwrite(str(folder / f"{index:02d}.png"), image[..., ::-1])
    return root
