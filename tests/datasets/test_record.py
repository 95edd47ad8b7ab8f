import tomllib
from pathlib import Path

import pytest

from onelook.datasets.changes.class_maps import map_classes, union
from onelook.datasets.changes.subset import subset
from onelook.datasets.converting import convert
from onelook.datasets.reading import read
from onelook.datasets.record import RECORD
from onelook.structures.errors import UserError


def test_how_boxes_were_taken_is_kept_by_whatever_is_made_of_the_data(voc: Path):
    data = read(voc, coordinates="inclusive")

    assert read(voc).coordinates == "continuous"
    assert {
        made.coordinates for made in (data, data.split("train"), map_classes(data, {"cat": "dog"}), subset(data))
    } == {"inclusive"}


def test_a_union_says_both(voc: Path, darknet: Path):
    joined = union([read(voc, coordinates="inclusive"), read(darknet)])

    assert joined.coordinates == "inclusive and continuous"


def test_a_conversion_records_where_it_came_from_and_what_was_lost(voc: Path, tmp_path: Path, write_annotation):
    write_annotation(voc, "a", [("cat", (1, 1, 30, 40))], extra="<difficult>1</difficult>")
    lost = convert(read(voc, coordinates="inclusive"), "darknet", tmp_path / "out")
    told = tomllib.loads((tmp_path / "out" / RECORD).read_text())

    assert told == {
        "from": str(voc), "from_format": "voc", "from_coordinates": "inclusive", "to": "darknet",
        "coordinates": "continuous", "lost": lost,
    }  # fmt: skip
    assert [line.split(",")[0] for line in lost] == ["darknet has no word for 'difficult'", "pose"]


def test_boxes_are_not_moved_twice(voc: Path, tmp_path: Path):
    convert(read(voc, coordinates="inclusive"), "voc", tmp_path / "out")

    assert read(tmp_path / "out").boxes[0].tolist() == [0, 1, 30, 40]
    with pytest.raises(UserError, match=r"expected --coordinates continuous, as its conversion\.toml says"):
        read(tmp_path / "out", coordinates="inclusive")
