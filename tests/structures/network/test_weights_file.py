"""Darknet's weights: both headers, bytes back as they came, and one line for files that do not fit."""

import hashlib
import json
import struct
from pathlib import Path

import numpy as np
import pytest
from tests.structures.small_models import random_arrays, small_cfg

from onelook.structures.errors import FormatError
from onelook.structures.network.cfg import parse_cfg, read_cfg
from onelook.structures.network.layers import describe
from onelook.structures.network.weights_file import read_weights, split_weights, write_weights

LAYERS = describe(small_cfg())
NUMBERS = sum(layer.parameters for layer in LAYERS)


def weights_file(folder: Path, count: int, version: tuple[int, int, int] = (0, 2, 5), seen: int = 7) -> Path:
    path = folder / "some.weights"
    wide = version[0] * 10 + version[1] >= 2
    head = struct.pack("<iii", *version) + seen.to_bytes(8 if wide else 4, "little")
    path.write_bytes(head + np.arange(count, dtype="<f4").tobytes())
    return path


@pytest.mark.parametrize("version", [(0, 1, 0), (0, 2, 0), (0, 2, 5), (1, 0, 0)])
def test_both_headers_are_read(tmp_path: Path, version: tuple[int, int, int]) -> None:
    file = read_weights(weights_file(tmp_path, 5, version, seen=123456789))

    assert (file.version, file.seen) == (version, 123456789)
    assert file.values.tolist() == [0, 1, 2, 3, 4]


def test_more_images_than_32_bits_count_are_kept(tmp_path: Path) -> None:
    assert read_weights(weights_file(tmp_path, 1, seen=2**40)).seen == 2**40


def test_arrays_take_the_numbers_in_the_order_of_the_layers(tmp_path: Path) -> None:
    arrays = split_weights(read_weights(weights_file(tmp_path, NUMBERS)), LAYERS)

    assert arrays["0.biases"].tolist() == list(range(8))
    assert arrays["0.weights"].shape == (8, 3, 3, 3)
    assert arrays["0.weights"].ravel()[0] == 4 * 8
    assert arrays["1.weights"].ravel()[-1] == NUMBERS - 1


@pytest.mark.parametrize("version", [(0, 1, 0), (0, 2, 0), (0, 2, 5)])
def test_what_is_written_has_the_bytes_that_were_read(tmp_path: Path, version: tuple[int, int, int]) -> None:
    path = weights_file(tmp_path, NUMBERS, version, seen=99)
    file = read_weights(path)

    write_weights(tmp_path / "again.weights", LAYERS, split_weights(file, LAYERS), file.seen, file.version)

    assert (tmp_path / "again.weights").read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (
            NUMBERS - 1,
            rf"expected {NUMBERS} numbers for small.cfg, got {NUMBERS - 1} \(it ends in layer 1 \[convolutional\]",
        ),
        (NUMBERS + 2, r"\(2 numbers are left over after the last layer\); these weights belong to another cfg"),
        (0, "got 0"),
    ],
)
def test_weights_of_another_cfg_are_refused_with_both_sizes(tmp_path: Path, count: int, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        split_weights(read_weights(weights_file(tmp_path, count)), LAYERS)


def test_a_file_of_the_first_layers_is_taken_when_asked_for(tmp_path: Path) -> None:
    first = LAYERS[0].parameters

    assert set(split_weights(read_weights(weights_file(tmp_path, first)), LAYERS, partial=True)) == {
        f"0.{name}" for name, _ in LAYERS[0].arrays
    }
    with pytest.raises(FormatError, match="it ends in layer 1"):
        split_weights(read_weights(weights_file(tmp_path, first + 1)), LAYERS, partial=True)
    with pytest.raises(FormatError, match="left over"):
        split_weights(read_weights(weights_file(tmp_path, NUMBERS + 1)), LAYERS, partial=True)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected a header of 16 or 20 bytes, got a file of 0 bytes"),
        (b"PK\x03\x04" + bytes(40), "got a header with version 67324752.0.0"),
        (struct.pack("<iii", 0, 2, 5) + bytes(4), "expected a header of 20 bytes, got a file of 16 bytes"),
    ],
)
def test_what_is_no_weights_file_is_one_line(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "x.weights").write_bytes(data)

    with pytest.raises(FormatError, match=message):
        read_weights(tmp_path / "x.weights")


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="expected Darknet weights, got No such file"):
        read_weights(tmp_path / "absent.weights")


def test_an_array_of_another_shape_is_not_written(tmp_path: Path) -> None:
    arrays = {**random_arrays(LAYERS), "1.biases": np.zeros(3, np.float32)}

    with pytest.raises(ValueError, match=r"layer 1 .* biases: expected \(14,\), got \(3,\)"):
        write_weights(tmp_path / "x.weights", LAYERS, arrays)
    assert not (tmp_path / "x.weights").exists()


def test_a_network_without_weights_has_an_empty_file(tmp_path: Path) -> None:
    layers = describe(parse_cfg("[net]\nwidth=8\nheight=8\n[maxpool]\n"))
    write_weights(tmp_path / "x.weights", layers, {})

    assert split_weights(read_weights(tmp_path / "x.weights"), layers) == {}


def test_real_weights_are_written_back_bit_for_bit(shared: Path, tmp_path: Path) -> None:
    compared = 0
    for entry in json.loads((shared / "reference" / "roundtrip" / "roundtrip.json").read_text())["files"]:
        path, cfg = shared / "weights" / entry["file"], shared / "weights" / entry["cfg"]
        if not (path.is_file() and cfg.is_file()):
            continue
        file, layers = read_weights(path), describe(read_cfg(cfg))
        assert (len(file.values), file.seen) == (entry["floats"], entry["seen"])

        write_weights(tmp_path / "again", layers, split_weights(file, layers), file.seen, file.version)

        assert hashlib.sha256((tmp_path / "again").read_bytes()).hexdigest() == entry["sha256"], path
        compared += 1

    assert compared >= 5
