import pickle  # noqa: TID251 - as other programs read what we wrote
from pathlib import Path

import cv2
import numpy as np
import pytest

from onelook.datasets.converting import convert
from onelook.datasets.dataset import Dataset
from onelook.datasets.formats import cifar
from onelook.datasets.reading import read
from onelook.structures.images import read_image


def pictures(folder: Path, classes: int, side: int = 32) -> Dataset:
    """Return a data set of a picture a class and split, each of noise."""
    paths, rng = [], np.random.default_rng(0)
    for number in range(3 * classes):
        paths.append(folder / f"p{number}.png")
        assert cv2.imwrite(str(paths[-1]), rng.integers(0, 256, (side, side, 3), dtype=np.uint8))
    count = len(paths)
    parts = np.arange(count).reshape(3, classes)
    return Dataset(
        tuple(f"class {number}" for number in range(classes)), paths, [(side, side)] * count, [], [], [0] * (count + 1), [], [],
        [], [False] * count, labels=[number % classes for number in range(count)],
        splits=dict(zip(("train", "val", "test"), parts, strict=True)), root=folder,
    )  # fmt: skip


@pytest.mark.parametrize(("classes", "files"), [(3, ["batches.meta", "data_batch_1"]), (12, ["meta", "train"])])
def test_ten_classes_are_cifar_10_and_more_are_cifar_100(tmp_path: Path, classes: int, files: list[str]):
    data = pictures(tmp_path, classes)
    lost = convert(data, "cifar", tmp_path / "out")
    again = read(tmp_path / "out")

    assert lost == []
    assert all((tmp_path / "out" / file).is_file() for file in files)
    assert again.names == data.names
    for split, indices in data.splits.items():
        told = [(data.labels[index], read_image(data.paths[index]).tobytes()) for index in indices]
        assert told == [
            (again.labels[index], read_image(again.paths[index]).tobytes()) for index in again.splits[split]
        ]


def test_other_programs_read_the_batches(tmp_path: Path):
    data = pictures(tmp_path, 3)
    convert(data, "cifar", tmp_path / "out")
    batch = pickle.loads((tmp_path / "out" / "data_batch_1").read_bytes(), encoding="bytes")  # noqa: S301 - our own
    meta = pickle.loads((tmp_path / "out" / "batches.meta").read_bytes(), encoding="latin1")  # noqa: S301 - our own

    assert batch[b"labels"] == [0, 1, 2]
    assert batch[b"data"].shape == (3, 3072)
    assert (batch[b"data"][1].reshape(3, 32, 32).transpose(1, 2, 0) == read_image(data.paths[1])).all()
    assert meta["label_names"] == ["class 0", "class 1", "class 2"]


def test_many_pictures_become_several_batches(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(cifar, "_ROWS", 2)
    convert(pictures(tmp_path, 3), "cifar", tmp_path / "out")

    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert [name for name in names if "batch_" in name] == [
        "data_batch_1",
        "data_batch_2",
        "test_batch_2",
        "val_batch_2",
    ]
    assert {name: len(part) for name, part in read(tmp_path / "out").splits.items()} == dict.fromkeys(
        ("train", "val", "test"), 3
    )


def test_pictures_of_another_size_are_scaled_and_that_is_said(tmp_path: Path):
    lost = convert(pictures(tmp_path, 2, side=50), "cifar", tmp_path / "out")

    assert lost == ["cifar has pictures of 32x32: 6 of another size are scaled to it"]
    assert read(tmp_path / "out").sizes.tolist() == [[32, 32]] * 6


def test_labels_in_an_array_and_too_few_names_are_read_all_the_same(tmp_path: Path):
    pixels = np.zeros((3, 3072), np.uint8)
    meta = {"label_names": ["a", "b"]}
    batch = {"data": pixels, "labels": np.array([1, 0, 1], np.uint8), "filenames": ["only one"]}
    for name, value in (("batches.meta", meta), ("data_batch_1", batch)):
        (tmp_path / name).write_bytes(pickle.dumps(value, protocol=2))

    data = read(tmp_path)

    assert data.labels.tolist() == [1, 0, 1]
    assert str(data.paths[0]).endswith("data_batch_1_00000.ppm")
