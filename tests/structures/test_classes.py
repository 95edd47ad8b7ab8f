"""Class names: the list file, and classes that meet by name."""

from pathlib import Path

import pytest

from onelook.structures.classes import canonical, class_map, read_names
from onelook.structures.errors import FormatError


def names_file(folder: Path, text: str | bytes) -> Path:
    path = folder / "some.names"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_names_come_one_a_line_without_blanks_and_byte_order_mark(tmp_path: Path) -> None:
    assert read_names(names_file(tmp_path, "\ufeffcat \r\npotted plant\r\n\r\n\n")) == ("cat", "potted plant")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got an empty file"),
        ("\n\n", "got an empty file"),
        ("cat\n\ndog\n", ":2: expected a class name, got a blank line"),
        ("cat\ndog\ncat\n", ":3: class 'cat' is already on line 1"),
        (b"\xff\xfe\x00", "as UTF-8 text"),
    ],
)
def test_a_list_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        read_names(names_file(tmp_path, text))


def test_a_missing_list_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="expected a file of class names, got No such file"):
        read_names(tmp_path / "absent.names")


def test_darknet_s_spellings_are_coco_s_classes() -> None:
    assert canonical(" Motorbike") == canonical("motorcycle") == "motorcycle"
    assert class_map(["tvmonitor", "cat", "unicorn"], ["CAT", "tv"]) == [1, 0, None]
