import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onelook.datasets.check import check
from onelook.datasets.findings import CODES
from onelook.datasets.generated import make_blood
from onelook.datasets.reading import read
from onelook.structures.errors import UserError

XML = "<annotation>{}</annotation>"
OBJECT = "<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"


def annotation(*objects: tuple[object, ...], size: str = "") -> str:
    return XML.format(size + "".join(OBJECT.format(*item) for item in objects))


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def turn(path: Path) -> None:
    image = Image.open(path)
    image.load()
    exif = Image.Exif()
    exif[0x0112] = 3
    image.save(path, exif=exif)


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda root: (root / name).write_text(text)


A, CAT = "Annotations/a.xml", ("cat", 1, 1, 30, 30)
DEFECTS: dict[str, Callable[[Path], object]] = {
    "broken-annotation": write(A, "<annotation>"),
    "class-without-boxes": write("labels.txt", "cat\ndog\nhorse\n"),
    "duplicate-image-across-splits": lambda root: shutil.copy(root / "JPEGImages/a.jpg", root / "JPEGImages/c.jpg"),
    "exif-rotated": lambda root: turn(root / "JPEGImages/a.jpg"),
    "inverted-box": write(A, annotation(("cat", 30, 1, 1, 30), CAT)),
    "missing-image": write("ImageSets/Main/train.txt", "a\nb\nz\n"),
    "orphan-label": write("Annotations/z.xml", annotation(CAT)),
    "outside-box": write(A, annotation(("cat", 1, 1, 99, 30))),
    "size-mismatch": write(A, annotation(CAT, size="<size><width>128</width><height>96</height></size>")),
    "tiny-box": write(A, annotation(("cat", 1, 1, 2, 30))),
    "truncated-image": lambda root: cut(root / "JPEGImages/a.jpg"),
    "unknown-class": lambda root: [
        write("labels.txt", "cat\ndog\n")(root),
        write(A, annotation(("cow", 1, 1, 9, 9), CAT))(root),
    ],
    "unlabelled": lambda root: (root / A).unlink(),
    "unlisted-image": write("ImageSets/Main/test.txt", ""),
    "unreadable-image": write("JPEGImages/a.jpg", "no picture"),
    "wrong-picture": write(A, annotation(CAT, size="<size><width>100</width><height>100</height></size>")),
    "zero-box": write(A, annotation(("cat", 5, 5, 5, 9), CAT)),
}


@pytest.mark.parametrize("code", DEFECTS)
def test_a_defect_is_found_under_its_code_and_nothing_else(voc: Path, code: str):
    DEFECTS[code](voc)

    assert {finding.code for finding in check(voc)} == {code}


def test_every_code_can_be_found():
    assert set(CODES) - set(DEFECTS) == {"empty-dataset", "class-alias", "path-outside"}


def test_an_empty_data_set_is_a_finding(voc: Path):
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        for file in (voc / folder).iterdir():
            file.unlink()

    assert [finding.code for finding in check(voc)] == ["empty-dataset"]


def test_checking_goes_on_past_every_fault(voc: Path):
    write(A, "<annotation>")(voc)
    write("Annotations/b.xml", annotation(("cat", 30, 1, 1, 30), ("dog", 1, 1, 9, 9)))(voc)
    write("JPEGImages/c.jpg", "")(voc)
    cut(voc / "JPEGImages/d.jpg")

    assert [finding.code for finding in check(voc)] == [
        "broken-annotation",
        "inverted-box",
        "unreadable-image",
        "truncated-image",
        "class-without-boxes",
    ]


def test_sound_data_raises_nothing(voc: Path, darknet: Path, tmp_path: Path):
    make_blood(tmp_path / "blood", {"train": 8, "val": 2, "test": 2}, seed=0)

    assert check(voc) == check(darknet) == check(tmp_path / "blood") == []


def test_one_image_in_two_lists_is_a_leak(darknet: Path):
    (darknet / "val.txt").write_text("images/a.jpg\nimages/c.jpg\n")
    (finding,) = check(darknet)

    assert finding.code == "duplicate-image-across-splits"
    assert (finding.path.name, finding.severity) == ("a.jpg", "error")
    assert "it is listed there too" in finding.what


def test_a_leak_tells_both_pictures(voc: Path):
    DEFECTS["duplicate-image-across-splits"](voc)
    (finding,) = check(voc)

    assert finding.path.name == "c.jpg"
    assert "expected a picture of val in no other split, got it in train" in finding.what
    assert "a.jpg is the same picture" in finding.what


def test_a_class_may_lack_only_in_training(voc: Path):
    write("Annotations/b.xml", annotation(CAT))(voc)
    (finding,) = check(voc)

    assert "expected boxes of class 'dog', got no box in the train split" in str(finding)


def test_pictures_that_are_no_jpeg_are_looked_at_too(voc: Path):
    pixels = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(voc / "JPEGImages" / "a.png")
    (voc / "JPEGImages" / "a.jpg").unlink()

    assert check(voc) == []
    cut(voc / "JPEGImages" / "a.png")
    (finding,) = check(voc)
    assert (finding.path.name, finding.severity) == ("a.png", "error")


def test_a_data_set_that_was_read_can_be_checked(voc: Path):
    data = read(voc)
    cut(voc / "JPEGImages/a.jpg")

    assert [finding.code for finding in check(data)] == ["truncated-image"]


def test_nothing_there_is_no_finding_but_a_mistake(tmp_path: Path):
    with pytest.raises(UserError, match="got nothing there"):
        check(tmp_path / "nowhere")


def test_the_blood_cells_have_the_two_defects_that_are_known(shared: Path):
    findings = check(shared / "data" / "bccd")

    assert [(finding.path.stem, finding.code) for finding in findings] == [
        ("BloodImage_00338", "zero-box"),
        ("BloodImage_00343", "zero-box"),
    ]
