"""Whatever the files hold, the parsers answer or say in one line what is wrong; they never take more memory than the file."""

import struct
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.structures.network.cfg_texts import cfgs

from onelook.structures.errors import FormatError
from onelook.structures.network.cfg import format_cfg, parse_cfg
from onelook.structures.network.heads import heads_of
from onelook.structures.network.layers import describe
from onelook.structures.network.nms import measure_of
from onelook.structures.network.options import cfg_warnings
from onelook.structures.network.weights_file import read_weights, split_weights

SEEDED = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

ROOM = 200_000
"""Bytes that reading may take beside the file's own."""


def complaint(text: str) -> str:
    """Do with a cfg all that is done before weights are read, and return what is said against it; nothing for a good one."""
    try:
        cfg = parse_cfg(text, "some.cfg")
        assert format_cfg(parse_cfg(format_cfg(cfg), "some.cfg")) == format_cfg(cfg)
        assert all(line.startswith("some.cfg:") for line in cfg_warnings(cfg))
        layers = describe(cfg)
        heads_of(layers)
        measure_of(layers, (1, 1))
    except FormatError as error:
        return str(error)
    return ""


def one_line_about(where: str, words: str) -> bool:
    return not words or (words.startswith(where) and "\n" not in words)


@SEEDED
@given(st.text())
@example("[net]")
@example("[net]\nwidth=\n[")
@example("[net]\nwidth=1\nheight=1\n[]\n")
@example("\ufeff[net]\n=3\n")
def test_any_text_is_a_cfg_or_told_not_to_be(text: str) -> None:
    assert one_line_about("some.cfg", complaint(text))


@SEEDED
@given(cfgs())
@example("[net]\nwidth=4\nheight=4\n[yolo]\nnum=999999999999\nclasses=1\n")
@example("[net]\nwidth=4\nheight=4\n[convolutional]\nsize=3\ndilation=0\n")
@example("[net]\nwidth=65536\nheight=65536\n[connected]\noutput=65536\n[connected]\noutput=65536\n")
def test_any_sections_and_options_are_described_or_refused(text: str) -> None:
    tracemalloc.start()
    words = complaint(text)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert one_line_about("some.cfg", words)
    assert peak < ROOM + 50 * len(text)


LAYERS = describe(
    parse_cfg(
        "[net]\nwidth=8\nheight=8\n[convolutional]\nfilters=4\nbatch_normalize=1\n[connected]\noutput=3\n", "x.cfg"
    )
)
HEADER = struct.Struct("<iii")
VERSIONS = st.one_of(st.integers(-3, 12), st.integers(-(2**31), 2**31 - 1))


@SEEDED
@given(st.tuples(VERSIONS, VERSIONS, VERSIONS), st.binary(max_size=400), st.booleans())
@example((0, 2, 5), b"", True)
@example((0, 1, 0), b"\0" * 7, False)
def test_any_bytes_are_weights_or_told_not_to_be(
    tmp_path: Path, version: tuple[int, int, int], rest: bytes, partial: bool
) -> None:
    path = tmp_path / "some.weights"
    path.write_bytes(HEADER.pack(*version) + rest)
    words, kept = "", 0
    try:
        file = read_weights(path)
        kept = sum(array.size for array in split_weights(file, LAYERS, partial).values()) - len(file.values)
    except FormatError as error:
        words = str(error)

    assert one_line_about(str(path), words)
    assert kept == 0, "all numbers of the file are given to a layer"


@pytest.mark.parametrize("data", [b"", b"\0", b"\x89PNG", b"PK\x03\x04" * 20, b"<!DOCTYPE html>" * 20, b"\xff" * 64])
def test_files_of_other_programs_are_told_apart(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "some.weights"
    path.write_bytes(data)

    with pytest.raises(FormatError, match=r"some\.weights: expected"):
        read_weights(path)


def test_a_short_file_for_a_huge_network_takes_no_memory(tmp_path: Path) -> None:
    text = "[net]\nwidth=65536\nheight=65536\n[connected]\noutput=65536\n"
    path = tmp_path / "some.weights"
    path.write_bytes(HEADER.pack(0, 2, 5) + bytes(8 + 4 * 100))

    tracemalloc.start()
    with pytest.raises(
        FormatError, match=r"expected 844424930197504 numbers for huge.cfg, got 100 \(it ends in layer 0"
    ):
        split_weights(read_weights(path), describe(parse_cfg(text, "huge.cfg")))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < ROOM


def test_a_long_file_is_mapped_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "some.weights"
    path.write_bytes(HEADER.pack(0, 2, 5) + bytes(8 + 4 * 5_000_000))

    tracemalloc.start()
    file = read_weights(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(file.values) == 5_000_000
    assert peak < ROOM
