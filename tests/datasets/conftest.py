"""Small data sets made in a test's own folder."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

Objects = Sequence[tuple[str, tuple[float, float, float, float]]]
MakeVoc = Callable[..., Path]


def xml(objects: Objects, size: tuple[int, int] | None = (64, 48), extra: str = "") -> str:
    """Return a VOC annotation; `extra` goes into every object."""
    told = f"  <size><width>{size[0]}</width><height>{size[1]}</height><depth>3</depth></size>\n" if size else ""
    lines = [
        f"  <object>\n    <name>{name}</name>{extra}\n    <bndbox>"
        + "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
        + "</bndbox>\n  </object>\n"
        for name, box in objects
    ]
    return f"<annotation>\n{told}{''.join(lines)}</annotation>\n"


def picture(path: Path, size: tuple[int, int] = (64, 48), seed: int = 0) -> Path:
    """Write noise of `size` (width, height), different for each seed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), noise)
    return path


@pytest.fixture
def voc(tmp_path: Path) -> Path:
    """Return a VOC folder of four sound 64x48 pictures a, b, c, d with classes cat and dog; train a, b; val c; test d."""
    return make_voc(
        tmp_path / "set" / "kit" / "voc",
        {
            "a": [("cat", (1, 2, 30, 40))],
            "b": [("dog", (10, 10, 50, 20.5)), ("cat", (0, 0, 64, 48))],
            "c": [("cat", (5, 5, 25, 25))],
            "d": [("dog", (5, 6, 25, 26))],
        },
        {"train": ["a", "b"], "val": ["c"], "test": ["d"]},
    )


def make_voc(root: Path, images: Mapping[str, Objects], lists: Mapping[str, Sequence[str]]) -> Path:
    """Write a VOC folder: 64x48 pictures, their annotations, and the lists."""
    (root / "Annotations").mkdir(parents=True)
    for seed, (stem, objects) in enumerate(images.items()):
        picture(root / "JPEGImages" / f"{stem}.jpg", seed=seed)
        (root / "Annotations" / f"{stem}.xml").write_text(xml(objects))
    (root / "ImageSets" / "Main").mkdir(parents=True)
    for name, stems in lists.items():
        (root / "ImageSets" / "Main" / f"{name}.txt").write_text("".join(f"{stem}\n" for stem in stems))
    return root


@pytest.fixture
def darknet(tmp_path: Path) -> Path:
    """Return a Darknet folder: obj.data, obj.names (cat, dog), images/ a, b, c of 64x48 beside labels/; train a, b; valid c."""
    root = tmp_path / "project"
    for seed, stem in enumerate("abc"):
        picture(root / "images" / f"{stem}.jpg", seed=seed)
    (root / "labels").mkdir()
    (root / "labels" / "a.txt").write_text("0 0.5 0.5 0.5 0.25\n")
    (root / "labels" / "b.txt").write_text("1 0.25 0.25 0.25 0.25\n0 0.5 0.5 1 1\n")
    (root / "labels" / "c.txt").write_text("")
    (root / "obj.names").write_text("cat\ndog\n")
    (root / "train.txt").write_text("images/a.jpg\nimages/b.jpg\n")
    (root / "val.txt").write_text("images/c.jpg\n")
    (root / "obj.data").write_text(
        "classes = 2\ntrain = train.txt\nvalid = val.txt\nnames = obj.names\nbackup = backup\n"
    )
    return root


@pytest.fixture
def write_annotation() -> Callable[..., Path]:
    """Return a function that writes the VOC annotation of one image anew."""

    def write(root: Path, stem: str, objects: Objects, extra: str = "") -> Path:
        file = root / "Annotations" / f"{stem}.xml"
        file.write_text(xml(objects, extra=extra))
        return file

    return write
