"""What every format of the table must do, on the same small data."""

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from onelook.datasets.checks.checking import check
from onelook.datasets.converting import convert
from onelook.datasets.dataset import Dataset
from onelook.datasets.files.packed import Packed
from onelook.datasets.findings import Finding
from onelook.datasets.formats import FORMATS, WORDS
from onelook.datasets.generated import make_blood
from onelook.datasets.reading import decide, read
from onelook.structures.errors import UserError
from onelook.structures.images import read_image

BOXED = [name for name in FORMATS if "boxes" in FORMATS[name].HOLDS]
FLAGS = ("difficult", "crowd", "truncated")


def facts(data: Dataset) -> list[tuple]:
    """Return every image by its pixels: splits, whether labelled, its class as a whole, its boxes with class and flags."""
    told = []
    for index in range(len(data)):
        rows = range(int(data.offsets[index]), int(data.offsets[index + 1]))
        boxes = [(data.names[data.classes[row]], *data.boxes[row].round(3).tolist()) for row in rows]
        flags = [tuple(bool(getattr(data, flag)[row]) for flag in FLAGS) for row in rows]
        label = data.names[data.labels[index]] if data.labels[index] >= 0 else None
        splits = [name for name, indices in data.splits.items() if index in indices]
        told.append((read_image(data.paths[index]).tobytes(), splits, bool(data.labelled[index]), label, boxes, flags))
    return sorted(told, key=lambda fact: fact[0])


@pytest.fixture
def rich(voc: Path, write_annotation) -> Dataset:
    """Return the VOC folder with flags, a negative, an unlabelled image, and a class that has a space."""
    write_annotation(voc, "a", [("red cat", (1.5, 2.25, 30, 40))], extra="<difficult>1</difficult>")
    write_annotation(
        voc, "b", [("dog", (10, 10, 50, 20.5)), ("red cat", (0, 0, 64, 48))], extra="<truncated>1</truncated>"
    )
    (voc / "Annotations" / "c.xml").write_text("<annotation/>")
    (voc / "Annotations" / "d.xml").unlink()
    return read(voc, report=lambda finding: None)


@pytest.mark.parametrize("name", BOXED)
def test_a_round_trip_loses_what_the_format_says_and_no_more(rich: Dataset, tmp_path: Path, name: str):
    holds = FORMATS[name].HOLDS
    lost = convert(rich, name, tmp_path / "there")
    found: list[Finding] = []
    there = read(tmp_path / "there", report=found.append)
    convert(there, "voc", tmp_path / "back")
    back = read(tmp_path / "back", report=lambda finding: None)

    assert {finding.code for finding in found} <= {"unlabelled", "empty-dataset"}
    expected = []
    for picture, splits, labelled, label, boxes, flags in facts(rich):
        kind = "boxes" if boxes else "negatives" if labelled else "unlabelled"
        if kind in holds:
            kept = [tuple(flag and word in holds for flag, word in zip(row, FLAGS, strict=True)) for row in flags]
            expected.append((picture, splits, labelled, label, boxes, kept))
    got = [(*fact[:3], None, *fact[4:]) for fact in facts(back)]
    assert got == expected
    *lost, unread = lost
    assert unread.endswith("are not read from voc: what there is of them is not written")
    assert bool(lost) == (not {"boxes", "negatives", "unlabelled", "difficult", "truncated"} <= holds)
    assert there.names == rich.names


@pytest.mark.parametrize("name", [name for name in FORMATS if "labels" in FORMATS[name].HOLDS])
def test_the_class_of_a_whole_image_goes_there_and_back(voc: Path, tmp_path: Path, name: str):
    start = read(voc)
    for seed, path in enumerate(start.paths):  # of the size and kind that every format holds
        noise = np.random.default_rng(seed).integers(0, 256, (32, 32, 3), dtype=np.uint8)
        path.write_bytes(cv2.imencode(".png", noise)[1].tobytes())
    labels = np.array([0, 1, 1, 0])
    plain = Dataset(
        start.names, start.paths, [(32, 32)] * 4, np.zeros((0, 4)), [], [0] * 5, [], [], [], [False] * 4,
        labels=labels, splits=start.splits, root=voc,
    )  # fmt: skip
    assert convert(plain, name, tmp_path / "there") == []
    there = read(tmp_path / "there", format=name)

    assert [fact for fact in facts(there) if "test" not in fact[1]] == [
        fact for fact in facts(plain) if "test" not in fact[1]
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_written_is_recognised_as_that_format_alone(voc: Path, tmp_path: Path, name: str):
    data = read(voc)
    if "boxes" not in FORMATS[name].HOLDS:
        data = Dataset(
            data.names, data.paths, data.sizes, [], [], [0] * 5, [], [], [], [False] * 4, labels=[0, 1, 0, 1], splits=data.splits
        )  # fmt: skip
    convert(data, name, tmp_path / "there")

    found, reason = decide(tmp_path / "there")
    assert found == name
    assert str(tmp_path / "there") in reason


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_what_it_holds_in_known_words(name: str):
    assert set(WORDS) >= FORMATS[name].HOLDS
    assert FORMATS[name].__doc__


@pytest.mark.parametrize("name", FORMATS)
def test_a_folder_of_another_kind_is_a_clear_error(tmp_path: Path, name: str):
    (tmp_path / "notes.md").write_text("no labels here")

    with pytest.raises(UserError, match=str(tmp_path)):
        read(tmp_path, format=name)


@pytest.mark.parametrize("name", FORMATS)
def test_sound_data_raises_nothing_in_any_format(tmp_path: Path, name: str):
    make_blood(tmp_path / "blood", {"train": 8, "val": 3, "test": 3}, seed=0, size=(128, 96))
    data = read(tmp_path / "blood")
    if "boxes" not in FORMATS[name].HOLDS:
        labels = np.arange(len(data)) % len(data.names)
        data = Dataset(
            data.names, data.paths, data.sizes, [], [], [0] * 15, [], [], [], [False] * 14, labels=labels,
            splits=data.splits, root=data.root,
        )  # fmt: skip
    convert(data, name, tmp_path / "out")

    assert [str(finding) for finding in check(tmp_path / "out", name)] == []


def test_a_format_that_can_say_nothing_of_the_data_is_refused(voc: Path, tmp_path: Path):
    with pytest.raises(UserError, match="with a word for these 4 images, got cifar: it holds labels, splits"):
        convert(read(voc), "cifar", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("folder", "format", "images", "boxes", "splits", "labels", "codes"),
    [
        ("bccd", "voc", 364, 4888, {"train": 205, "val": 87, "test": 72}, 0, {"zero-box": 2}),
        ("kitti-mini/training", "kitti", 44, 342, {}, 0, {}),
        ("kitti-mini/tracking-0001", "kitti", 31, 463, {}, 0, {}),
        ("coco128", "ultralytics", 256, 1827, {"train": 128, "val": 128}, 0, {"unlabelled": 2, "orphan-label": 2}),
        ("cifar10-batches-4000", "cifar", 4000, 0, {"train": 4000}, 4000, {}),
        ("cifar10-jpg-6000", "folders", 6000, 0, {"train": 5000, "test": 1000}, 6000, {}),
        ("imagenet-mini", "imagenet", 3500, 1690, {"train": 3000, "val": 400, "test": 100}, 3400, {"zero-box": 2}),
    ],
)
def test_the_real_sets_have_the_counts_of_their_readme(
    shared: Path, tmp_path: Path, monkeypatch, folder, format, images, boxes, splits, labels, codes
):
    monkeypatch.setenv("ONELOOK_CACHE", str(tmp_path))
    found: list[Finding] = []
    data = read(shared / "data" / folder, report=found.append)

    assert data.format == format
    assert (len(data), len(data.boxes) + len(data.dropped)) == (images, boxes)
    assert {name: len(indices) for name, indices in data.splits.items()} == splits
    assert int((data.labels >= 0).sum()) == labels
    assert Counter(finding.code for finding in found) == codes
    if labels and isinstance(data.paths[0], Packed):
        assert set(np.bincount(data.labels[data.splits["train"]]).tolist()) <= set(range(300, 501))
        assert read_image(data.paths[0]).shape == (32, 32, 3)


def test_kittis_frames_have_the_classes_of_the_readme(shared: Path):
    data = read(shared / "data" / "kitti-mini" / "training")
    counts = dict(zip(data.names, np.bincount(data.classes).tolist(), strict=True))

    assert counts == {
        "Car": 147, "Cyclist": 15, "DontCare": 127, "Misc": 2, "Pedestrian": 16, "Tram": 2, "Truck": 5, "Van": 28
    }  # fmt: skip
    assert set(data.classes[data.crowd].tolist()) == {data.names.index("DontCare")}
    assert data.crowd.sum() == 127
