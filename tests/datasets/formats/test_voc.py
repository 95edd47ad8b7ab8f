from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from onelook.datasets.findings import Finding, strict_keeping
from onelook.datasets.formats import voc as format_voc
from onelook.datasets.reading import decide, read
from onelook.structures.errors import FormatError, UserError

GOOD = "<annotation><object><name>cat</name><bndbox>{}</bndbox></object></annotation>"


def annotate(root: Path, stem: str, box: tuple[object, ...], size: str = "", name: str = "cat") -> Path:
    """Write an annotation whose <object> is on line 3 and its <bndbox> on line 5."""
    tags = "".join(f"<{tag}>{value}</{tag}>" for tag, value in zip(("xmin", "ymin", "xmax", "ymax"), box, strict=True))
    file = root / "Annotations" / f"{stem}.xml"
    file.write_text(
        f"<annotation>\n{size}\n<object>\n<name>{name}</name>\n<bndbox>{tags}</bndbox>\n</object>\n</annotation>\n"
    )
    return file


def found(root: Path) -> list[Finding]:
    findings: list[Finding] = []
    read(root, report=findings.append)
    return findings


def test_a_folder_is_read_with_its_splits_sizes_and_sorted_classes(voc: Path):
    data = read(voc)

    assert data.names == ("cat", "dog")
    assert [path.name for path in data.paths] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert data.sizes.tolist() == [[64, 48]] * 4
    assert {name: indices.tolist() for name, indices in data.splits.items()} == {
        "train": [0, 1],
        "val": [2],
        "test": [3],
    }
    assert data.truth(1).boxes.tolist() == [[10, 10, 50, 20.5], [0, 0, 64, 48]]
    assert data.classes.tolist() == [0, 1, 0, 0, 1]
    assert data.labelled.all()
    assert found(voc) == []


@pytest.mark.parametrize("above", [0, 1, 2])
def test_the_folder_is_found_up_to_two_levels_down(voc: Path, above: int):
    start = (voc, *voc.parents)[above]

    assert decide(start)[0] == "voc"
    assert len(read(start)) == 4


def test_two_folders_of_data_are_not_mixed(voc: Path):
    other = voc.parent / "voc2"
    (other / "Annotations").mkdir(parents=True)
    (other / "JPEGImages").mkdir()

    with pytest.raises(FormatError, match=r"expected one VOC folder, got voc, voc2; name one"):
        read(voc.parent)


def test_without_lists_every_image_is_in_and_there_is_no_split(voc: Path):
    for file in (voc / "ImageSets" / "Main").iterdir():
        file.unlink()
    data = read(voc)

    assert (len(data), dict(data.splits)) == (4, {})
    with pytest.raises(UserError, match="expected a split 'train', but the data has none; `onelook data split`"):
        data.split("train")


def test_trainval_serves_where_there_is_no_train(voc: Path):
    lists = voc / "ImageSets" / "Main"
    (lists / "train.txt").rename(lists / "trainval.txt")

    assert read(voc).splits["train"].tolist() == [0, 1]


def test_lists_may_name_files_with_their_ending(voc: Path):
    (voc / "ImageSets" / "Main" / "train.txt").write_text("b.jpg\n\na\n")

    assert read(voc).splits["train"].tolist() == [1, 0]


@pytest.mark.parametrize("file", ["classes.txt", "labels.txt", "pets.names"])
def test_a_list_beside_the_data_orders_the_classes(voc: Path, file: str):
    (voc / file).write_text("dog\nhorse\ncat\n")
    data = read(voc)

    assert data.names == ("dog", "horse", "cat")
    assert data.classes.tolist() == [2, 0, 2, 2, 0]


def test_two_lists_that_differ_are_refused(voc: Path):
    (voc / "labels.txt").write_text("dog\ncat\n")
    (voc / "a.names").write_text("cat\ndog\n")

    with pytest.raises(FormatError, match=r"got labels\.txt, a\.names that differ; keep one"):
        read(voc)


def test_names_that_are_given_are_met_by_name_and_alias(voc: Path):
    annotate(voc, "a", (1, 1, 9, 9), name="aeroplane")
    data = read(voc, names=["airplane", "dog", "CAT"])

    assert data.classes.tolist() == [0, 1, 2, 2, 1]


def test_a_class_that_is_not_in_the_list_is_told_with_its_line(voc: Path):
    with pytest.raises(
        FormatError, match=r"b\.xml:4: expected one of the classes cat, dug, got 'dog'; did you mean 'dug'\?; "
    ):
        read(voc, names=["cat", "dug"])


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("<annotation>\n<object>\n</annotation>\n", 3, "expected XML, got mismatched tag"),
        ("", 1, "expected XML, got no element found"),
        ("<a/>", 1, "expected <annotation>, got <a>"),
        ('<?xml version="1.0" encoding="klingon"?><annotation/>', 1, "expected XML"),
        ("<annotation>\n<object><name>cat</name></object></annotation>", 2, "expected <bndbox> with four numbers"),
        (GOOD.format("<xmin>1</xmin><ymin>one</ymin><xmax>5</xmax><ymax>5</ymax>"), 1, "expected <bndbox> with four"),
        (GOOD.format("<xmin>1</xmin><ymin>nan</ymin><xmax>5</xmax><ymax>5</ymax>"), 1, "expected finite coordinates"),
    ],
)
def test_a_broken_annotation_stops_the_reading_with_its_line(voc: Path, text: str, line: int, what: str):
    (voc / "Annotations" / "b.xml").write_text(text)

    with pytest.raises(FormatError) as caught:
        read(voc)
    assert str(caught.value).startswith(f"{voc}/Annotations/b.xml:{line}: {what}")
    assert [finding.code for finding in found(voc)] == ["broken-annotation"]


def test_an_entity_bomb_does_not_go_off(voc: Path):
    entities = "".join(f'<!ENTITY a{i + 1} "{f"&a{i};" * 10}">' for i in range(12))
    bomb = f'<!DOCTYPE a [<!ENTITY a0 "boom">{entities}]><annotation>&a12;</annotation>'
    (voc / "Annotations" / "b.xml").write_text(bomb)

    with pytest.raises(FormatError, match=r"b\.xml:1: expected XML"):
        read(voc)


def test_a_list_that_names_a_missing_image_is_told_with_its_line(voc: Path):
    (voc / "JPEGImages" / "b.jpg").unlink()

    with pytest.raises(FormatError, match=r"Main/train\.txt:2: expected an image JPEGImages/b\.jpg .* got none; "):
        read(voc)
    assert [finding.code for finding in found(voc)] == ["missing-image", "orphan-label"]


def test_an_image_without_annotation_is_unlabelled_and_no_negative(voc: Path):
    (voc / "Annotations" / "a.xml").unlink()
    findings: list[Finding] = []
    data = read(voc, report=findings.append)

    assert [finding.code for finding in findings] == ["unlabelled"]
    assert data.labelled.tolist() == [False, True, True, True]
    with pytest.raises(FormatError, match=r"a\.jpg: expected an annotation .*a\.xml, got none; label it"):
        read(voc)


def test_an_annotation_without_objects_makes_a_negative(voc: Path):
    (voc / "Annotations" / "a.xml").write_text("<annotation/>")
    data = read(voc)

    assert data.labelled.all()
    assert len(data.truth(0)) == 0


def test_images_that_no_list_names_are_not_used_and_told_of(voc: Path):
    (voc / "ImageSets" / "Main" / "train.txt").write_text("a\n")
    (voc / "Annotations" / "b.xml").unlink()

    assert [path.stem for path in read(voc).paths] == ["a", "c", "d"]
    assert [finding.code for finding in found(voc)] == ["unlisted-image"]


def test_a_file_that_is_no_picture_is_told(voc: Path):
    (voc / "JPEGImages" / "a.jpg").write_text("no picture")

    with pytest.raises(FormatError, match=r"a\.jpg: expected a picture, got a file that cannot be read as one"):
        read(voc)
    assert [finding.code for finding in found(voc)] == ["unreadable-image"]


def test_an_empty_folder_is_refused(voc: Path):
    for folder in ("JPEGImages", "Annotations", "ImageSets/Main"):
        for file in (voc / folder).iterdir():
            file.unlink()

    with pytest.raises(FormatError, match="expected labelled images, got no image; is this the right folder"):
        read(voc)


@pytest.mark.parametrize(
    ("box", "code", "kept"),
    [
        ((5, 5, 5, 9), "zero-box", []),
        ((9, 5, 5, 9), "inverted-box", []),
        ((-3, 5, 70, 9), "outside-box", [[0, 5, 64, 9]]),
        ((80, 5, 90, 9), "outside-box", []),
        ((-0.4, 5, 64.4, 9), None, [[0, 5, 64, 9]]),
        ((1.25, 5.5, 9, 9), None, [[1.25, 5.5, 9, 9]]),
    ],
)
def test_a_box_is_kept_clipped_or_dropped_and_told(voc: Path, box: tuple[float, ...], code: str | None, kept: list):
    annotate(voc, "a", box)
    findings: list[Finding] = []
    data = read(voc, report=findings.append)

    assert [(finding.code, finding.line, finding.path.name) for finding in findings] == (
        [(code, 5, "a.xml")] if code else []
    )
    assert data.truth(0).boxes.tolist() == kept
    assert data.dropped.tolist() == ([] if kept else [[0, 0]])


def test_an_inverted_box_stops_the_reading_and_a_zero_box_does_not(voc: Path):
    annotate(voc, "a", (5, 5, 5, 9))
    kept: list[Finding] = []

    assert len(read(voc, report=strict_keeping(kept)).truth(0)) == 0
    assert [finding.code for finding in kept] == ["zero-box"]
    annotate(voc, "a", (9, 5, 5, 9))
    with pytest.raises(FormatError, match=r"a\.xml:5: expected x1 < x2 and y1 < y2, got \(9, 5, 5, 9\); "):
        read(voc)


def test_a_size_of_the_same_shape_scales_the_boxes(voc: Path):
    annotate(voc, "a", (10, 20, 30, 40), "<size><width>128</width><height>96</height></size>")
    findings: list[Finding] = []
    data = read(voc, report=findings.append)

    assert data.truth(0).boxes.tolist() == [[5, 10, 15, 20]]
    assert [(finding.code, finding.line) for finding in findings] == [("size-mismatch", 2)]


def test_a_size_of_another_shape_belongs_to_another_picture(voc: Path):
    annotate(voc, "a", (10, 20, 30, 40), "<size><width>48</width><height>64</height></size>")

    with pytest.raises(FormatError, match=r"a\.xml:2: expected <size> 64x48 as the picture has, got 48x64"):
        read(voc)
    assert [finding.code for finding in found(voc)] == ["wrong-picture"]


@pytest.mark.parametrize("size", ["", "<size/>", "<size><width>0</width><height>0</height></size>"])
def test_a_size_that_says_nothing_is_passed_over(voc: Path, size: str):
    annotate(voc, "a", (10, 20, 30, 40), size)

    assert found(voc) == []


def test_flags_are_read(voc: Path, write_annotation: Callable[..., Path]):
    write_annotation(voc, "a", [("cat", (1, 1, 9, 9))], extra="<difficult>1</difficult><truncated>1</truncated>")
    data = read(voc)

    assert data.difficult.tolist() == data.truncated.tolist() == [True, False, False, False, False]
    assert data.truth(0).difficult.tolist() == [True]


def test_parts_of_an_object_are_not_objects(voc: Path):
    part = "<part><name>head</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>2</xmax><ymax>2</ymax></bndbox></part>"
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>9</xmax><ymax>9</ymax></bndbox>"
    text = f"<annotation><object><name>cat</name>{part}{box}</object></annotation>"
    (voc / "Annotations" / "a.xml").write_text(text)

    assert read(voc).truth(0).boxes.tolist() == [[1, 1, 9, 9]]


def test_what_is_written_reads_back_the_same(voc: Path, tmp_path: Path):
    data = read(voc)
    out = tmp_path / "out"
    out.mkdir()
    format_voc.write(data, out)
    again = read(out)

    assert again.names == data.names
    assert np.array_equal(again.boxes, data.boxes)
    assert np.array_equal(again.offsets, data.offsets)
    assert again.digest() == data.digest()


def test_the_blood_cells_are_read_with_the_counts_that_are_known(shared: Path):
    kept: list[Finding] = []
    data = read(shared / "data" / "bccd", report=strict_keeping(kept))
    counts = np.bincount(data.classes) + np.bincount(data.dropped[:, 1], minlength=3)

    assert len(data) == 364
    assert dict(zip(data.names, counts.tolist(), strict=True)) == {"Platelets": 361, "RBC": 4155, "WBC": 372}
    assert {name: len(indices) for name, indices in data.splits.items()} == {"train": 205, "val": 87, "test": 72}
    places = [(finding.path.name, finding.line, finding.code) for finding in kept]
    assert places == [("BloodImage_00338.xml", 163, "zero-box"), ("BloodImage_00343.xml", 55, "zero-box")]
