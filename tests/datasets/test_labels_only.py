import json
from pathlib import Path

import pytest

from onelook.datasets.converting import convert
from onelook.datasets.reading import read
from onelook.structures.errors import FormatError, UserError


def test_labels_are_converted_without_their_pictures(voc: Path, tmp_path: Path):
    for picture in (voc / "JPEGImages").iterdir():
        picture.write_bytes(b"not to be opened")
    convert(read(voc, pictures=False), "darknet", tmp_path / "out", pictures=False)

    assert (tmp_path / "out/train.txt").read_text() == "images/a.jpg\nimages/b.jpg\n"
    assert (tmp_path / "out/labels/c.txt").read_text() == "0 0.234375 0.3125 0.3125 0.4166666667\n"
    assert not (tmp_path / "out/images").exists()


def test_the_labels_are_the_same_as_with_the_pictures(voc: Path, tmp_path: Path):
    for to in ("darknet", "coco", "ultralytics"):
        convert(read(voc), to, tmp_path / to / "with")
        convert(read(voc, pictures=False), to, tmp_path / to / "without", pictures=False)
        with_pictures = {p.relative_to(tmp_path / to / "with") for p in (tmp_path / to / "with").rglob("*.[tj][xs]*")}
        assert with_pictures
        for file in with_pictures:
            assert (tmp_path / to / "with" / file).read_bytes() == (tmp_path / to / "without" / file).read_bytes()


def test_a_folder_of_annotations_alone_is_enough(voc: Path, tmp_path: Path):
    for picture in (voc / "JPEGImages").iterdir():
        picture.unlink()
    (voc / "JPEGImages").rmdir()
    data = read(voc, pictures=False)

    assert [path.name for path in data.paths] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert data.sizes.tolist() == [[64, 48]] * 4
    with pytest.raises(FormatError, match="expected an image"):
        read(voc)


def test_imagenets_annotations_alone_are_enough(shared: Path, tmp_path: Path):
    tree = tmp_path / "ILSVRC" / "Annotations"
    tree.parent.mkdir()
    tree.symlink_to(shared / "data/imagenet-mini/ILSVRC/Annotations")
    whole, alone = read(shared / "data/imagenet-mini"), read(tmp_path, pictures=False)

    assert alone.names == whole.names
    assert len(alone) == int(whole.labelled.sum())
    assert len(alone.boxes) == len(whole.boxes)
    convert(alone, "coco", tmp_path / "out", pictures=False)
    document = json.loads((tmp_path / "out/annotations/instances_train.json").read_text())
    assert len(document["images"]) == 1290


def test_an_annotation_without_a_size_is_told(voc: Path, write_annotation):
    file = voc / "Annotations" / "a.xml"
    file.write_text(file.read_text().replace("<width>64</width>", ""))

    with pytest.raises(FormatError, match=r"a\.xml: expected <size> with the width and the height"):
        read(voc, pictures=False)


def test_formats_that_need_pictures_are_refused(voc: Path, darknet: Path, tmp_path: Path):
    with pytest.raises(UserError, match=r"--labels-only: expected voc or imagenet, .* got darknet"):
        read(darknet, pictures=False)
    with pytest.raises(UserError, match="--labels-only: expected --to darknet, ultralytics, coco, got shards"):
        convert(read(voc, pictures=False), "shards", tmp_path / "out", pictures=False)
