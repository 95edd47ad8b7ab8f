"""What can be wrong with images that have a class: csv lines without an image, images in no class, two orders of classes."""

import io
import json
import tarfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from onelook.datasets.findings import Finding
from onelook.datasets.formats import folders, imagenet, shards
from onelook.structures.errors import FormatError


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(str(path)))
    cv2.imwrite(str(path), rng.integers(0, 256, (16, 16, 3), np.uint8))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return ImageNet's tree of two classes, with a val picture and its line."""
    data = tmp_path / "ILSVRC" / "Data" / "CLS-LOC"
    for wnid in ("n01", "n02"):
        picture(data / "train" / wnid / f"{wnid}_1.JPEG")
    picture(data / "val" / "val_1.JPEG")
    (tmp_path / "LOC_val_solution.csv").write_text("ImageId,PredictionString\nval_1,n01 1 1 9 9 \n")
    return tmp_path


def test_lines_of_a_csv_without_an_image_are_told_once_with_their_number(tree: Path) -> None:
    with (tree / "LOC_val_solution.csv").open("a") as file:
        file.write("val_8,n01 1 1 9 9 \nval_9,n02 1 1 9 9 \n")
    found: list[Finding] = []
    dataset = imagenet.read(tree, found.append)

    assert len(dataset) == 3
    assert [(each.code, each.path.name) for each in found] == [("orphan-label", "LOC_val_solution.csv")]
    assert "got none for 2, such as val_8" in found[0].what


def test_an_image_in_no_class_is_named(tree: Path) -> None:
    picture(tree / "ILSVRC" / "Data" / "CLS-LOC" / "train" / "stray.JPEG")
    found: list[Finding] = []
    imagenet.read(tree, found.append)

    assert [(each.code, each.path.name) for each in found] == [("unlabelled", "stray.JPEG")]


@pytest.mark.parametrize("top", ["train", "."])
def test_images_beside_the_folders_by_class_are_named_and_not_used(tmp_path: Path, top: str) -> None:
    for name in ("ant", "bee"):
        picture(tmp_path / top / name / "1.png")
    for name in ("stray", "zebra"):
        picture(tmp_path / top / f"{name}.png")
    found: list[Finding] = []

    dataset = folders.read(tmp_path, found.append)

    assert dataset.labels.tolist() == [0, 1]
    assert [(each.code, each.path.name, each.severity) for each in found] == [
        ("unlisted-image", "stray.png", "warning")
    ]
    assert "got this one and 1 more beside them" in found[0].what


def test_folders_take_the_order_of_a_list_and_refuse_two_that_differ(tmp_path: Path) -> None:
    for name in ("ant", "bee"):
        picture(tmp_path / "train" / name / "1.png")
    (tmp_path / "classes.txt").write_text("bee\nant\n")

    assert folders.read(tmp_path, pytest.fail).names == ("bee", "ant")
    (tmp_path / "labels.txt").write_text("ant\nbee\n")
    with pytest.raises(FormatError, match=r"expected one list of class names, got classes.txt, labels.txt that differ"):
        folders.read(tmp_path, pytest.fail)


@pytest.mark.parametrize(("label", "place"), [(1, 1), ("1", 0)])
def test_a_class_in_a_shard_is_a_number_in_the_list_or_a_name(tmp_path: Path, label: int | str, place: int) -> None:
    picture(tmp_path / "a.png")
    (tmp_path / "labels.txt").write_text("1\n0\n")
    with tarfile.open(tmp_path / "train-000000.tar", "w") as archive:
        for name, data in (
            ("a.png", (tmp_path / "a.png").read_bytes()),
            ("a.json", json.dumps({"label": label}).encode()),
        ):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))

    assert shards.read(tmp_path, pytest.fail).labels.tolist() == [place]
