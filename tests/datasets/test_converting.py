from pathlib import Path

import pytest

from onelook.datasets.converting import convert
from onelook.datasets.reading import read
from onelook.structures.errors import UserError


def test_what_a_format_cannot_say_is_told(voc: Path, tmp_path: Path, write_annotation):
    write_annotation(voc, "a", [("cat", (1, 1, 9, 9)), ("cat", (5, 5, 5, 9))], extra="<difficult>1</difficult>")
    data = read(voc)

    unread = "pose, occluded, parts and segmentation are not read from voc: what there is of them is not written"
    assert convert(data, "darknet", tmp_path / "darknet") == [
        "darknet has no word for 'difficult', which 1 boxes are",
        "1 boxes without area are left out",
        unread,
    ]
    assert convert(data, "voc", tmp_path / "voc") == ["1 boxes without area are left out", unread]


def test_a_folder_that_holds_something_is_left_alone(voc: Path, tmp_path: Path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")

    with pytest.raises(UserError, match="expected a new or empty folder"):
        convert(read(voc), "darknet", tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_nothing_is_left_behind_when_writing_fails(voc: Path, tmp_path: Path):
    data = read(voc)
    data.paths[2].unlink()

    with pytest.raises(UserError, match=r"c\.jpg: cannot be copied to .* \(No such file"):
        convert(data, "voc", tmp_path / "new" / "out")
    assert list((tmp_path / "new").iterdir()) == []


def test_an_unknown_format_is_refused(voc: Path, tmp_path: Path):
    with pytest.raises(UserError, match=r"--to: expected one of voc, darknet, .*, got 'vox'; did you mean 'voc'"):
        convert(read(voc), "vox", tmp_path / "out")
