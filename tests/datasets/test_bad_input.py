"""What others may put into a data set by mistake or on purpose: told by one line, in bounded time and memory."""

import io
import json
import tarfile
import time
from pathlib import Path

import pytest

from onelook.datasets.checks.checking import check
from onelook.datasets.converting import convert
from onelook.datasets.dataset import Dataset
from onelook.datasets.files import bounded
from onelook.datasets.files.unpickling import read_pickle
from onelook.datasets.findings import Finding
from onelook.datasets.formats import FORMATS
from onelook.datasets.reading import read
from onelook.structures.errors import FormatError, UserError

BOMB = """<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>
<annotation><object><name>&b;</name></object></annotation>"""


def codes(data: Path, format: str | None = None) -> list[str]:
    found: list[Finding] = []
    read(data, format, report=found.append)
    return [finding.code for finding in found]


def test_an_entity_bomb_is_refused_before_it_is_read(voc: Path):
    (voc / "Annotations" / "a.xml").write_text(BOMB)

    with pytest.raises(FormatError, match=r"a\.xml:1: expected XML without <!DOCTYPE> and <!ENTITY>"):
        read(voc)


def test_cvats_bomb_is_refused_too(voc: Path, tmp_path: Path):
    convert(read(voc), "cvat", tmp_path / "out")
    (tmp_path / "out" / "annotations.xml").write_text(BOMB.replace("annotation>", "annotations>"))

    with pytest.raises(FormatError, match="expected XML without"):
        read(tmp_path / "out")


@pytest.mark.parametrize("name", ["../../secret.jpg", "/etc/passwd", "a\\..\\..\\..\\secret.jpg", "", "a\0b"])
@pytest.mark.parametrize("format", ["coco", "jsonlines", "createml", "cvat"])
def test_a_label_that_names_a_picture_outside_is_not_followed(voc: Path, tmp_path: Path, name: str, format: str):
    out = tmp_path / "deep" / "deeper" / "out"
    convert(read(voc), format, out)
    (tmp_path / "deep" / "secret.jpg").write_bytes((voc / "JPEGImages" / "a.jpg").read_bytes())
    file = next(
        path for path in out.rglob("*") if path.suffix in (".json", ".jsonl", ".xml") and "a.jpg" in path.read_text()
    )
    before = "images/a.jpg" if format == "jsonlines" else "a.jpg"
    told = name.replace("\0", "") if format == "cvat" else json.dumps(name)[1:-1]
    file.write_text(file.read_text().replace(f'"{before}"', f'"{told}"'))
    if format == "cvat" and "\0" in name:
        return  # XML has no such letter

    assert "path-outside" in codes(out, format)


def test_a_tar_member_that_would_leave_is_told(tmp_path: Path, voc: Path):
    picture = (voc / "JPEGImages" / "a.jpg").read_bytes()
    with tarfile.open(tmp_path / "set.tar", "w") as tar:
        for name in ("train/cat/a.jpg", "../../train/dog/b.jpg", "/train/dog/c.jpg", "train/dog/d.jpg"):
            member = tarfile.TarInfo(name)
            member.size = len(picture)
            tar.addfile(member, io.BytesIO(picture))
        link = tarfile.TarInfo("train/cat/link.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    found: list[Finding] = []
    data = read(tmp_path / "set.tar", report=found.append)

    assert [path.name for path in data.paths] == ["a.jpg", "d.jpg"]
    assert [finding.code for finding in found] == ["path-outside", "path-outside"]


def test_an_endless_line_is_refused_where_it_begins(voc: Path, tmp_path: Path, monkeypatch):
    convert(read(voc), "jsonlines", tmp_path / "out")
    monkeypatch.setattr(bounded.bounded_lines, "__defaults__", (1000,))
    with (tmp_path / "out" / "data.jsonl").open("a") as file:
        file.write("x" * 5000)

    with pytest.raises(FormatError, match=r"data\.jsonl:5: expected a line of at most 1000 bytes, got a longer one"):
        read(tmp_path / "out")


def test_a_file_of_gigabytes_is_not_read(voc: Path):
    with (voc / "JPEGImages" / "a.jpg").open("wb") as file:
        file.truncate(10 * 1024**3)  # a hole, that takes no space
    with (voc / "Annotations" / "b.xml").open("wb") as file:
        file.truncate(10 * 1024**3)
    start = time.monotonic()

    assert codes(voc) == ["unreadable-image", "broken-annotation"]
    assert time.monotonic() - start < 5


def texts_of(folder: Path) -> list[Path]:
    """Return one of each kind of file that is no picture: a list, the labels of an image, the class names..."""
    files = sorted(file for file in folder.rglob("*") if file.is_file() and file.suffix not in (".jpg", ".toml"))
    return list({(file.parent, file.suffix, file.stem in "abcd"): file for file in files}.values())


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("kind", ["endless", "loop", "closed", "zeros", "long"])
def test_a_file_that_cannot_be_read_is_one_line(voc: Path, tmp_path: Path, format: str, kind: str):
    start = read(voc)
    whole = Dataset(
        start.names, start.paths, start.sizes, [], [], [0] * 5, [], [], [], [False] * 4, labels=[0, 1, 0, 1],
        splits=start.splits, root=voc,
    )  # fmt: skip
    out = tmp_path / "out"
    convert(start if "boxes" in FORMATS[format].HOLDS else whole, format, out)
    for file in texts_of(out):
        content = file.read_bytes()
        file.unlink()
        spoil(file, kind)
        found: list[Finding] = []
        begun = time.monotonic()
        try:
            read(out, format, report=found.append)
        except UserError as error:
            found.append(Finding(file, None, "broken-annotation", str(error), ""))
        assert all("\n" not in str(finding) for finding in found)
        assert time.monotonic() - begun < 20
        file.unlink()
        file.write_bytes(content)


def spoil(file: Path, kind: str) -> None:
    """Put 3 GiB without a line's end, a link to itself, a file that may not be opened, zeros or an endless name in its place."""
    if kind == "loop":
        file.symlink_to(file.name)
        return
    if kind == "long":
        file.write_text("a" * 10_000 + "\n")
        return
    with file.open("wb") as opened:
        opened.truncate({"endless": 3 * 1024**3, "zeros": 4096}.get(kind, 0))
    if kind == "closed":
        file.chmod(0)


@pytest.mark.parametrize("name", ["../../secret", "/secret", "a/../../../secret"])
@pytest.mark.parametrize(
    ("format", "file", "before"),
    [
        ("openimages", "train-annotations-bbox.csv", "\na,"),
        ("labelme", "train/a.json", '"a.jpg"'),
        ("gluoncv", "train.lst", "images/a.jpg"),
        ("voc", "ImageSets/Main/train.txt", "a\n"),
        ("imagenet", "ILSVRC/ImageSets/CLS-LOC/train_cls.txt", "cat/a "),
        ("kitti", "ImageSets/train.txt", "a\n"),
    ],
)
def test_a_list_that_names_a_picture_outside_is_not_followed(
    voc: Path, tmp_path: Path, format: str, file: str, before: str, name: str
):
    out = tmp_path / "deep" / "deeper" / "out"
    convert(read(voc), format, out)
    for place in (tmp_path, tmp_path / "deep", tmp_path / "deep" / "deeper"):
        (place / "secret.jpg").write_bytes((voc / "JPEGImages" / "a.jpg").read_bytes())
    text = (out / file).read_text()
    assert before in text
    told = before.replace("cat/a", name).replace("images/a.jpg", f"{name}.jpg").replace("a.jpg", f"{name}.jpg")
    (out / file).write_text(text.replace(before, told if told != before else before.replace("a", name), 1))
    data = read(out, format, report=lambda finding: None)

    assert not [path for path in data.paths if path.stem == "secret"]


def test_folders_that_link_back_to_themselves_come_to_an_end(darknet: Path, tmp_path: Path):
    convert(read(darknet), "labelme", tmp_path / "out")
    for name in ("one", "two"):
        (tmp_path / "out" / "train" / name).symlink_to(tmp_path / "out")
    (tmp_path / "out" / "train" / "loop.jpg").symlink_to("loop.jpg")

    assert len(read(tmp_path / "out")) == 3


def test_names_that_are_no_utf8_go_through(voc: Path, tmp_path: Path):
    (voc / "JPEGImages" / "a.jpg").rename(voc / "JPEGImages" / "\udcff.jpg")
    (voc / "Annotations" / "a.xml").rename(voc / "Annotations" / "\udcff.xml")
    (voc / "ImageSets" / "Main" / "train.txt").write_bytes(b"\xff\nb\n")

    assert {finding.code for finding in check(voc)} == {"name-not-utf8"}
    for name in ("darknet", "coco", "shards"):
        convert(read(voc), name, tmp_path / name)
        assert len(read(tmp_path / name)) == 4


@pytest.mark.parametrize(
    "data",
    [
        b"cposix\nsystem\n(S'touch owned'\ntR.",
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x0btouch owned\x85R.",
        b"(i__main__\nX\n.",
        b"\x80\x02}q\x00(U\x01aK\x01",
        b"",
        b"\x80\x02\x8a\x04",
    ],
)
def test_a_pickle_that_wants_something_executed_is_refused(tmp_path: Path, data: bytes, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad").write_bytes(data)

    with pytest.raises(FormatError, match=str(tmp_path / "bad")):
        read_pickle(tmp_path / "bad")
    assert not (tmp_path / "owned").exists()
