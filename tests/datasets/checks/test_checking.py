import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from onelook.datasets.changes.class_maps import map_classes
from onelook.datasets.checks.checking import check
from onelook.datasets.converting import convert
from onelook.datasets.dataset import Dataset
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


def smooth(root: Path) -> None:
    """Give a and c one scene, in c smaller and compressed harder."""
    wave = np.sin(np.arange(480)[:, None] / 47) * np.cos(np.arange(640)[None] / 61) * 60
    bumps = np.sin(np.arange(480)[:, None] / 19 + np.arange(640)[None] / 33) * 50
    scene = Image.fromarray((128 + wave + bumps).astype(np.uint8)).convert("RGB")
    scene.save(root / "JPEGImages/a.jpg", quality=95)
    scene.resize((320, 240)).save(root / "JPEGImages/c.jpg", quality=80)
    for stem in "ac":
        write(f"Annotations/{stem}.xml", annotation(("cat", 5, 5, 25, 25)))(root)


def as_png(root: Path) -> None:
    image = Image.open(root / "JPEGImages/a.jpg")
    image.load()
    image.save(root / "JPEGImages/a.jpg", "PNG")


def repeated(root: Path) -> None:
    shutil.copy(root / "JPEGImages/a.jpg", root / "JPEGImages/b.jpg")


def replaced(root: Path, data: Dataset, format: str) -> None:
    convert(data, format, root.with_name("other"))
    shutil.rmtree(root)
    root.with_name("other").rename(root)


def named_by_word(root: Path) -> None:
    """Make an ImageNet of the VOC folder, one annotation of which has a word for a wnid."""
    data = read(root)
    renamed = map_classes(data, {"cat": "n02123045", "dog": "n02102040"})
    replaced(root, renamed, "imagenet")
    (root / "LOC_synset_mapping.txt").write_text("n02102040 English springer\nn02123045 tabby, tabby cat\n")
    file = next((root / "ILSVRC/Annotations/CLS-LOC/train/n02123045").glob("a.xml"))
    file.write_text(file.read_text().replace("n02123045", "tabby_cat"))


def outside_path(root: Path) -> None:
    replaced(root, read(root), "jsonlines")
    text = (root / "data.jsonl").read_text()
    line = '{"image": "x", "path": "../../x.jpg", "boxes": []}\n'
    (root / "data.jsonl").write_text(text + line)


def huge(root: Path) -> None:
    """Make a JPEG's header promise 20000x20000 pixels."""
    path = root / "JPEGImages/a.jpg"
    data = bytearray(path.read_bytes())
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", 20000, 20000)
    path.write_bytes(data)
    write(A, annotation(CAT))(root)


def moved_labels(root: Path) -> None:
    (root / "Annotations").rename(root / "xml")
    (root / "Annotations").mkdir()
    write("labels.txt", "cat\ndog\n")(root)


def counted_from_one(root: Path) -> None:
    for stem in "abcd":
        boxes = [("cat", 1, 1, 30, 48), ("dog", 1, 10, 64, 48), ("cat", 20, 1, 64, 30)]
        write(f"Annotations/{stem}.xml", annotation(*boxes))(root)


def many(root: Path, count: int, name: str = "cat") -> None:
    boxes = [(name, 1 + i % 30, 1 + i // 30, 10 + i % 30 + (i % 7), 9 + i // 30 + (i % 5)) for i in range(count)]
    write(A, annotation(("dog", 1, 1, 30, 30), *boxes))(root)


def lopsided(root: Path) -> None:
    for stem in "abcd":
        boxes = [("cat", i % 20 * 3, i // 20 * 3, i % 20 * 3 + 4 + i % 3, i // 20 * 3 + 4 + i % 2) for i in range(280)]
        own = ("dog", 1, 1, 30, 30) if stem == "a" else ("cat", 1, 1, 30, 30)
        write(f"Annotations/{stem}.xml", annotation(own, *boxes))(root)


def many_images(root: Path, boxes: list[int], empty: int = 0) -> None:
    """Make 24 pictures for train and 24 for val, with so many boxes each; the first `empty` of either have none."""
    for split, count in zip(("train", "val"), boxes, strict=True):
        stems = [f"{split}{number}" for number in range(24)]
        for number, stem in enumerate(stems):
            noise = np.random.default_rng((len(split), number)).integers(0, 256, (48, 64, 3), dtype=np.uint8)
            Image.fromarray(noise).save(root / "JPEGImages" / f"{stem}.jpg")
            own = [(("cat", "dog")[place % 2], 1 + 12 * place, 1, 12 + 12 * place, 30) for place in range(count)]
            write(f"Annotations/{stem}.xml", annotation(*(own if number >= empty else [])))(root)
        (root / f"ImageSets/Main/{split}.txt").write_text("".join(f"{stem}\n" for stem in stems))
    for stem in "abcd":
        (root / f"JPEGImages/{stem}.jpg").unlink()
        (root / f"Annotations/{stem}.xml").unlink()
    (root / "ImageSets/Main/test.txt").unlink()


def bare(root: Path) -> None:
    many_images(root, boxes=[2, 2], empty=20)


A, CAT = "Annotations/a.xml", ("cat", 1, 1, 30, 30)
DEFECTS: dict[str, Callable[[Path], object]] = {
    "broken-annotation": write(A, "<annotation>"),
    "class-alias": named_by_word,
    "class-alike": write(A, annotation(("Cat", 1, 1, 30, 30))),
    "crowded-image": lambda root: many(root, 320),
    "duplicate-box": write(A, annotation(CAT, CAT)),
    "duplicate-image": repeated,
    "empty-split": write("ImageSets/Main/test.txt", ""),
    "huge-image": huge,
    "imbalance": lopsided,
    "inclusive-coordinates": counted_from_one,
    "labels-elsewhere": moved_labels,
    "name-not-utf8": lambda root: [
        (root / "JPEGImages/a.jpg").rename(root / "JPEGImages/a\udcff.jpg"),
        (root / A).rename(root / "Annotations/a\udcff.xml"),
        (root / "ImageSets/Main/train.txt").write_bytes(b"a\xff\nb\n"),
    ],
    "near-duplicate-across-splits": smooth,
    "path-outside": outside_path,
    "swapped-axes": write(A, annotation(CAT, ("cat", 5, 10, 20, 62))),
    "wrong-extension": as_png,
    "class-without-boxes": write("labels.txt", "cat\ndog\nhorse\n"),
    "duplicate-image-across-splits": lambda root: shutil.copy(root / "JPEGImages/a.jpg", root / "JPEGImages/c.jpg"),
    "exif-rotated": lambda root: turn(root / "JPEGImages/a.jpg"),
    "mostly-empty": bare,
    "uneven-splits": lambda root: many_images(root, boxes=[4, 1]),
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


ALONG = {
    "labels-elsewhere": {"unlabelled", "class-without-boxes", "empty-dataset"},
    "empty-split": {"unlisted-image"},
    "unlisted-image": {"empty-split"},
    "size-mismatch": set(),
    "crowded-image": {"duplicate-box"},
    "class-alike": set(),
    "near-duplicate-across-splits": set(),
}
"""Codes that a defect has in its train."""


@pytest.mark.parametrize("code", DEFECTS)
def test_a_defect_is_found_under_its_code_and_nothing_else(voc: Path, code: str):
    DEFECTS[code](voc)

    assert {finding.code for finding in check(voc)} - ALONG.get(code, set()) == {code}


def test_boxes_too_small_for_the_network_are_found_when_its_size_is_told(voc: Path):
    assert check(voc, size=(416, 416)) == []
    (one, two) = check(voc, size=(8, 8))
    assert (one.code, two.code) == ("small-for-network", "small-for-network")


def test_the_headers_alone_tell_all_but_what_is_in_the_pixels(voc: Path):
    cut(voc / "JPEGImages/a.jpg")
    write("Annotations/b.xml", annotation(("cat", 30, 1, 1, 30), ("dog", 1, 1, 9, 9)))(voc)

    assert [finding.code for finding in check(voc, decode=False)] == ["inverted-box"]


def test_there_are_more_than_thirty_codes():
    assert len(CODES) >= 30


def test_every_code_can_be_found():
    assert set(CODES) - set(DEFECTS) == {"empty-dataset", "small-for-network"}


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
        "empty-split",
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
