from pathlib import Path

import pytest

from onelook.datasets.formats import FORMATS
from onelook.datasets.reading import decide, read
from onelook.structures.errors import UserError


def test_the_format_is_decided_by_looking_and_the_evidence_told(voc: Path, darknet: Path):
    assert decide(voc) == ("voc", f"{voc}/Annotations holds XML beside JPEGImages/")
    assert decide(darknet) == ("darknet", f"{darknet}/obj.data lists images")


def test_a_format_that_is_asked_for_is_taken(darknet: Path):
    assert decide(darknet, "darknet") == ("darknet", "as asked for")
    with pytest.raises(UserError, match=r"--format: expected one of .*, got 'darket'; did you mean 'darknet'\?"):
        decide(darknet, "darket")


def test_nothing_there_and_nothing_known_are_told_apart(tmp_path: Path):
    with pytest.raises(UserError, match="expected labelled images, got nothing there"):
        read(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"expected VOC .* or Darknet .*, got neither"):
        read(tmp_path)


def test_two_formats_in_one_folder_are_not_guessed_between(voc: Path):
    (voc / "obj.data").write_text("")

    with pytest.raises(UserError, match=r"expected one format, got voc: .*; darknet: .*; choose with --format"):
        read(voc)
    assert len(read(voc, format="voc")) == 4


@pytest.mark.parametrize("name", FORMATS)
def test_no_format_sees_itself_in_an_empty_folder(tmp_path: Path, name: str):
    assert FORMATS[name].evidence(tmp_path) is None
    assert FORMATS[name].evidence(tmp_path / "nowhere") is None


def test_images_without_any_box_are_refused(darknet: Path):
    for file in (darknet / "labels").iterdir():
        file.write_text("")

    with pytest.raises(UserError, match="expected labelled images, got 3 images and no box; is this the right folder"):
        read(darknet)
