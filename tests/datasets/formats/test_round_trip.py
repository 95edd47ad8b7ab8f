import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onelook.datasets.building import Builder
from onelook.datasets.dataset import Dataset
from onelook.datasets.formats import FORMATS
from onelook.datasets.reading import read

BOXED = [name for name, kind in FORMATS.items() if {"boxes", "negatives", "unlabelled"} <= kind.HOLDS]
FILES = [name for name in BOXED if name != "shards"]
"""Formats whose pictures are files that OpenCV opens."""

FLAGS = ("difficult", "truncated")
names = st.lists(
    st.text(st.characters(codec="utf-8", categories=("L", "N"), include_characters=" <&'\"-_"), min_size=1, max_size=8)
    .map(str.strip)
    .filter(bool),
    min_size=1,
    max_size=3,
    unique_by=str.lower,
)
corners = st.tuples(st.floats(0, 30), st.floats(0, 20), st.floats(1, 31), st.floats(1, 25))
objects = st.tuples(corners, st.integers(0, 2), st.booleans(), st.booleans())


@st.composite
def columns(draw: st.DrawFn) -> tuple[list[str], list[list[tuple]], list[str]]:
    """Draw class names, and for each of a few images its boxes and its split."""
    return (
        draw(names),
        draw(st.lists(st.lists(objects, max_size=4), min_size=1, max_size=4).filter(any)),
        draw(st.lists(st.sampled_from(["train", "val", "test"]), min_size=4, max_size=4)),
    )


def make(folder: Path, drawn: tuple[list[str], list[list[tuple]], list[str]]) -> Dataset:
    classes, images, parts = drawn
    builder = Builder()
    splits: dict[str, list[int]] = {}
    for number, (boxes, part) in enumerate(zip(images, parts, strict=False)):
        path = folder / f"{number % 2}" / f"img {number // 2}.png"
        path.parent.mkdir(exist_ok=True)
        assert cv2.imwrite(str(path), np.full((48, 64, 3), number, np.uint8))
        splits.setdefault(part, []).append(builder.add_image(path, (64, 48), labelled=True))
        for (x, y, w, h), place, difficult, truncated in boxes:
            builder.add_box((x, y, x + w, y + h), place % len(classes), difficult, truncated=truncated)
    return builder.build(classes, splits, folder, "made")


def rows(data: Dataset, flags: tuple[str, ...]) -> list[tuple]:
    """Return every image by its picture and splits, with its boxes, classes by name and flags."""
    told = []
    for index in range(len(data)):
        part = slice(int(data.offsets[index]), int(data.offsets[index + 1]))
        boxes = [tuple(box) for box in data.boxes[part].tolist()]
        named = [data.names[place] for place in data.classes[part]]
        marks = [tuple(getattr(data, flag)[part].tolist()) for flag in flags]
        splits = [name for name, indices in data.splits.items() if index in indices]
        told.append((int(cv2.imread(str(data.paths[index]))[0, 0, 0]), boxes, named, marks, splits))
    return sorted(told)


@settings(deadline=None, max_examples=12)
@given(columns())
def test_voc_to_darknet_to_voc_loses_flags_and_nothing_else(drawn):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        start = make(folder, drawn)
        now = start
        for step, to in enumerate(["voc", "darknet", "voc"]):
            out = folder / f"step{step}"
            out.mkdir()
            FORMATS[to].write(now, out)
            now = read(out)
            kept = FLAGS if step == 0 else ()
            one, two = rows(start, kept), rows(now, kept)
            assert [row[:1] + row[2:] for row in one] == [row[:1] + row[2:] for row in two]
            for before, after in zip(one, two, strict=True):
                assert np.allclose(before[1], after[1], atol=0 if step == 0 else 1e-5)


@pytest.mark.parametrize("name", FILES)
def test_images_of_one_name_from_two_folders_are_kept_apart(tmp_path: Path, name: str):
    boxes = [[((1, 2, 3, 4), 0, False, False)], [], [((5, 6, 7, 8), 0, False, False)], []]
    data = make(tmp_path, (["cell"], boxes, ["train"] * 4))
    (tmp_path / "out").mkdir()
    FORMATS[name].write(data, tmp_path / "out")

    assert rows(read(tmp_path / "out"), ()) == rows(data, ())


@pytest.mark.parametrize("name", BOXED)
def test_unlabelled_images_stay_unlabelled_and_negatives_negative(voc: Path, tmp_path: Path, name: str):
    (voc / "Annotations" / "a.xml").unlink()
    (voc / "Annotations" / "c.xml").write_text("<annotation/>")
    data = read(voc, report=lambda finding: None)
    (tmp_path / "out").mkdir()
    FORMATS[name].write(data, tmp_path / "out")
    again = read(tmp_path / "out", report=lambda finding: None)

    order = np.argsort([path.stem for path in again.paths])
    assert again.labelled[order].tolist() == [False, True, True, True]
    assert np.diff(again.offsets)[order].tolist() == [0, 2, 0, 1]


@pytest.mark.parametrize("name", BOXED)
def test_what_was_read_is_not_changed_by_writing(voc: Path, tmp_path: Path, name: str):
    before = {path: path.read_bytes() for path in voc.rglob("*") if path.is_file()}
    (tmp_path / "out").mkdir()
    FORMATS[name].write(read(voc), tmp_path / "out")

    assert {path: path.read_bytes() for path in voc.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", BOXED)
def test_classes_without_boxes_keep_their_place(voc: Path, tmp_path: Path, name: str):
    (voc / "labels.txt").write_text("horse\ncat\ncow\ndog\n")
    (tmp_path / "out").mkdir()
    FORMATS[name].write(read(voc), tmp_path / "out")

    assert read(tmp_path / "out").names == ("horse", "cat", "cow", "dog")
