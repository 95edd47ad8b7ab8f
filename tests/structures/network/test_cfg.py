"""Darknet's cfg: read as the original reads it, written so that it reads the same, refused with file and line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onelook.structures.errors import FormatError
from onelook.structures.network.cfg import format_cfg, parse_cfg, read_cfg

QUIRKS = """
# a comment
; another
[ net ]
width = 4 16
height=416#inline
channels=3
learning_rate=.001
[CONVOLUTIONAL]
filters=32abc
filters=64
size=3
unknown=whatever
[yolo]
anchors = 10,13,  16,30
mask=0,1,
"""


def test_blanks_comments_case_and_repeated_options_are_read_as_darknet_does() -> None:
    cfg = parse_cfg(QUIRKS)
    convolution, yolo = cfg.layers

    assert cfg.input_size == (416, 416)
    assert cfg.net.number("learning_rate", 0) == 0.001
    assert convolution.kind == "convolutional"
    assert convolution.integer("filters", 1) == 32
    assert "unknown" in convolution
    assert yolo.numbers("anchors") == (10, 13, 16, 30)
    assert yolo.integers("mask") == (0, 1)


def test_absent_options_have_their_default() -> None:
    section = parse_cfg("[net]\n[yolo]\n").layers[0]

    assert (section.integer("a", 5), section.number("b", 0.5), section.word("c", "d")) == (5, 0.5, "d")
    assert section.integers("mask") == section.numbers("anchors") == ()


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_endings_do_not_matter(ending: str) -> None:
    assert parse_cfg(QUIRKS.replace("\n", ending)).layers[0].integer("size", 1) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "some.cfg: expected a Darknet cfg with a"),
        ("[convolutional]\n", r"some.cfg:1: \[convolutional\] expected \[net\] as the first section"),
        ("[net]\nwidth=3\n", "expected layers after"),
        ("[net]\nwidth\n", r"some.cfg:2: expected \[section\] or key=value, got 'width'"),
        ("width=3\n", r"some.cfg:1: expected \[net\] before 'width'"),
        ("[net]\n[conv\n", r"some.cfg:2: expected \[section\], got"),
        ("nc: 80\nbackbone:\n  - [-1, 1, Conv]\n", "some.cfg:1: expected"),
        ("=3\n", "some.cfg:1: expected"),
    ],
)
def test_a_file_of_another_program_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        parse_cfg(text, "some.cfg")


def test_an_option_that_is_no_number_is_refused_with_its_line() -> None:
    section = parse_cfg("[net]\n[convolutional]\nsize=1\nfilters=many\n", "some.cfg").layers[0]

    with pytest.raises(
        FormatError, match=r"some.cfg:4: layer 0 \[convolutional\] filters: expected a whole number, got 'many'"
    ):
        section.integer("filters", 1)
    with pytest.raises(FormatError, match="expected a number"):
        section.number("filters", 1)


def test_changed_options_are_written_and_others_kept() -> None:
    cfg = parse_cfg("[net]\nwidth=416\n[yolo]\nanchors=1,2\nclasses=80\n")
    yolo = cfg.layers[0].changed(classes=3, anchors=(1.5, 20, 1234567.0), max_delta=0.00261)

    assert yolo.word("anchors", "") == "1.5,20,1234567"
    assert (yolo.word("classes", ""), yolo.word("max_delta", "")) == ("3", "0.00261")
    assert cfg.layers[0].integer("classes", 0) == 80


def test_what_is_written_reads_the_same() -> None:
    cfg = parse_cfg(QUIRKS)
    again = parse_cfg(format_cfg(cfg))

    for before, after in zip((cfg.net, *cfg.layers), (again.net, *again.layers), strict=True):
        assert before.kind == after.kind
        assert {key: text for key, (text, _) in before.options.items()} == {
            key: text for key, (text, _) in after.options.items()
        }


def test_a_missing_file_a_folder_and_a_huge_file_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="expected a Darknet cfg, got No such file"):
        read_cfg(tmp_path / "absent.cfg")
    with pytest.raises(FormatError, match="Is a directory"):
        read_cfg(tmp_path)
    with (tmp_path / "huge.cfg").open("wb") as file:
        file.truncate(5 * 1024 * 1024)
    with pytest.raises(FormatError, match="got a file of 5242880 bytes"):
        read_cfg(tmp_path / "huge.cfg")


@given(st.text(max_size=200))
def test_any_text_is_a_cfg_or_a_format_error(text: str) -> None:
    try:
        cfg = parse_cfg("[net]\n" + text)
    except FormatError:
        return

    assert cfg.layers


def test_every_cfg_that_darknet_came_with_is_read_and_written_back(shared: Path) -> None:
    paths = sorted((shared / "data" / "darknet-samples" / "cfg").glob("*.cfg"))

    assert len(paths) > 40
    for path in paths:
        cfg = read_cfg(path)
        again = parse_cfg(format_cfg(cfg))
        assert [section.kind for section in cfg.layers] == [section.kind for section in again.layers], path
