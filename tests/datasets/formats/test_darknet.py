from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.findings import Finding
from onelook.datasets.formats import darknet as format_darknet
from onelook.datasets.reading import read
from onelook.structures.errors import FormatError


def found(path: Path) -> list[Finding]:
    findings: list[Finding] = []
    read(path, report=findings.append)
    return findings


@pytest.mark.parametrize("named", ["", "obj.data"])
def test_a_project_is_read_by_its_folder_or_its_data_file(darknet: Path, named: str):
    data = read(darknet / named)

    assert data.names == ("cat", "dog")
    assert {name: indices.tolist() for name, indices in data.splits.items()} == {"train": [0, 1], "val": [2]}
    assert data.truth(0).boxes.tolist() == [[16, 18, 48, 30]]
    assert data.truth(1).classes.tolist() == [1, 0]
    assert data.labelled.all()
    assert found(darknet) == []


@pytest.mark.parametrize("kind", ["absolute", "working folder", "parent"])
def test_lists_may_be_absolute_or_relative_to_several_folders(
    darknet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
):
    base = {"absolute": darknet, "working folder": Path("project"), "parent": Path("project")}[kind]
    monkeypatch.chdir(tmp_path if kind == "working folder" else "/")
    data_file = darknet / "obj.data"
    if kind == "working folder":
        (tmp_path / "cfg").mkdir()
        data_file = data_file.rename(tmp_path / "cfg" / "obj.data")
    (darknet / "train.txt").write_text(f"{base}/images/a.jpg\n{base}/images/b.jpg\n")
    data_file.write_text(f"classes=2\ntrain={base}/train.txt # the pictures\n#valid=no\nnames={base}/obj.names\n")

    assert len(read(data_file).truth(0)) == 1


def test_labels_may_lie_beside_the_images(darknet: Path):
    for file in (darknet / "labels").iterdir():
        file.rename(darknet / "images" / file.name)

    assert len(read(darknet).boxes) == 3


def test_the_last_images_in_a_path_is_the_one_that_labels_replaces(tmp_path: Path):
    image = tmp_path / "images" / "set" / "JPEGImages" / "x.jpg"

    assert format_darknet.label_path(image) == tmp_path / "images" / "set" / "labels" / "x.txt"
    assert format_darknet.label_path(tmp_path / "obj" / "x.jpg") == tmp_path / "obj" / "x.txt"


def test_a_missing_label_file_is_unlabelled_and_an_empty_one_negative(darknet: Path):
    (darknet / "labels" / "a.txt").unlink()
    findings: list[Finding] = []
    data = read(darknet, report=findings.append)

    assert data.labelled.tolist() == [False, True, True]
    assert [finding.code for finding in findings] == ["unlabelled"]
    with pytest.raises(FormatError, match=r"a\.jpg: expected a label file .*labels/a\.txt, got none; label it"):
        read(darknet)


@pytest.mark.parametrize(
    ("line", "code", "what"),
    [
        ("0 0.5 0.5 0.5", "broken-annotation", "expected `class cx cy w h`, got '0 0.5 0.5 0.5'"),
        ("0 0.5 0.5 0.5 x", "broken-annotation", "expected `class cx cy w h`"),
        ("cat 0.5 0.5 0.5 0.5", "broken-annotation", "expected `class cx cy w h`"),
        ("0 0.5 0.5 0.5 0.5 0.9", "broken-annotation", "expected `class cx cy w h`"),
        (
            "0 20 30 10 12",
            "broken-annotation",
            r"expected fractions of the image's size, got '0 20 30 10 12' \(pixels\?\)",
        ),
        ("0 nan 0.5 0.5 0.5", "broken-annotation", "expected finite coordinates"),
        ("2 0.5 0.5 0.5 0.5", "unknown-class", "expected a class from 0 to 1, got 2"),
        ("-1 0.5 0.5 0.5 0.5", "unknown-class", "expected a class from 0 to 1, got -1"),
        ("0 0.5 0.5 -0.5 0.5", "inverted-box", "expected x1 < x2"),
    ],
)
def test_a_bad_label_line_is_told_with_its_number(darknet: Path, line: str, code: str, what: str):
    (darknet / "labels" / "a.txt").write_text(f"0 0.5 0.5 0.5 0.5\n\n{line}\n")

    with pytest.raises(FormatError, match=rf"^\S*labels/a\.txt:3: {what}"):
        read(darknet)
    assert [finding.code for finding in found(darknet)] == [code]
    assert len(read(darknet, report=lambda finding: None).truth(0)) == 1


def test_rounding_at_the_edge_is_clipped_without_a_word(darknet: Path):
    (darknet / "labels" / "a.txt").write_text("0 0.5 0.500001 1 1\n")

    assert found(darknet) == []
    assert read(darknet).boxes.max() <= 64


def test_an_image_that_a_list_names_and_is_not_there_is_told_with_its_line(darknet: Path):
    (darknet / "images" / "b.jpg").unlink()

    with pytest.raises(FormatError, match=r"train\.txt:2: expected an image images/b\.jpg, got none; "):
        read(darknet)
    assert [finding.code for finding in found(darknet)] == ["missing-image", "orphan-label"]


def test_labels_of_pictures_that_no_list_names_are_no_orphans(darknet: Path):
    (darknet / "train.txt").write_text("images/a.jpg\n")
    (darknet / "labels" / "readme.txt").write_text("labels are fractions\n")

    assert found(darknet) == []


def test_one_image_in_two_lists_is_read_once(darknet: Path):
    (darknet / "val.txt").write_text("images/a.jpg\n")
    data = read(darknet)

    assert len(data) == 2
    assert data.splits["val"].tolist() == [0]


def test_names_that_are_given_are_met_by_name(darknet: Path):
    data = read(darknet, names=["horse", "dog", "cat"])

    assert data.names == ("horse", "dog", "cat")
    assert data.classes.tolist() == [2, 1, 2]
    with pytest.raises(FormatError, match=r"b\.txt:1: .* got 'dog', which the model's classes lack"):
        read(darknet, names=["cat"])


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("classes 2\n", r"obj\.data:1: expected `key = value`, got 'classes 2'"),
        (
            "classes = 2\nnames = obj.names\n",
            r"obj\.data: expected a line `train = FILE` or `valid = FILE`, got neither",
        ),
        ("train = train.txt\n", r"obj\.data: expected a line `names = FILE`, got none"),
        (
            "classes = 3\nnames = obj.names\ntrain = train.txt\n",
            r"obj\.data:1: expected classes = 2, as obj\.names has",
        ),
        ("names = no.names\ntrain = train.txt\n", r"obj\.data:1: expected a file no\.names, got none; looked in"),
        ("names = obj.names\ntrain = no.txt\n", r"obj\.data:2: expected a file no\.txt, got none; looked in"),
    ],
)
def test_a_data_file_that_cannot_be_followed_is_told(darknet: Path, text: str, what: str):
    (darknet / "obj.data").write_text(text)

    with pytest.raises(FormatError, match=what):
        read(darknet)


def test_two_data_files_in_a_folder_are_not_guessed_between(darknet: Path):
    (darknet / "other.data").write_text("")

    with pytest.raises(FormatError, match=r"expected one \.data file, got 2 \(obj\.data, other\.data\); name one"):
        read(darknet)


def test_what_is_written_reads_back_the_same(voc: Path, tmp_path: Path):
    data = read(voc)
    (tmp_path / "out").mkdir()
    format_darknet.write(data, tmp_path / "out")
    again = read(tmp_path / "out")

    assert again.names == data.names
    assert np.array_equal(again.boxes, data.boxes)
    assert {name: rows.tolist() for name, rows in again.splits.items()} == {"train": [0, 1], "val": [2], "test": [3]}
    assert (tmp_path / "out" / "images" / "a.jpg").read_bytes() == (voc / "JPEGImages" / "a.jpg").read_bytes()
