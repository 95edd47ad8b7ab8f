"""Darknet's `.weights`: a header, then float32 in the order of the layers; mapped into memory, never copied whole.

Header: int32 major, minor, revision; then `seen` (images trained on) as uint64 from version 0.2 on, as uint32 before.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from onelook.structures.errors import FormatError
from onelook.structures.files import write_bytes
from onelook.structures.network.layers import Layer

Floats = NDArray[np.float32]

_VERSION = struct.Struct("<iii")
_MOST_VERSION = 1000


@dataclass(frozen=True)
class WeightsFile:
    """A file's version, the images it was trained on, and all its numbers (n,) in file order."""

    where: str
    version: tuple[int, int, int]
    seen: int
    values: Floats
    over: int = 0
    """Bytes after the last whole number: a file that was cut short inside one."""


def read_weights(path: Path) -> WeightsFile:
    """Return the header and the memory-mapped numbers. Raises FormatError for a missing file and a wrong header."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(20)
    except OSError as error:
        raise FormatError(f"{path}: expected Darknet weights, got {error.strerror}") from None
    if len(head) < 16:
        raise FormatError(f"{path}: expected a header of 16 or 20 bytes, got a file of {size} bytes")
    major, minor, revision = _VERSION.unpack_from(head)
    if not (0 <= major < _MOST_VERSION and 0 <= minor < _MOST_VERSION):
        raise FormatError(f"{path}: expected Darknet weights, got a header with version {major}.{minor}.{revision}")
    wide = major * 10 + minor >= 2
    start = 20 if wide else 16
    if size < start:
        raise FormatError(f"{path}: expected a header of {start} bytes, got a file of {size} bytes")
    seen = int.from_bytes(head[12:start], "little")
    count, over = divmod(size - start, 4)
    values = np.memmap(path, "<f4", "r", start, (count,)) if count else np.zeros(0, np.float32)
    return WeightsFile(str(path), (major, minor, revision), seen, values, over)


def split_weights(file: WeightsFile, layers: Sequence[Layer], partial: bool = False) -> dict[str, Floats]:
    """Return the arrays by name, `"{layer}.{array}"`, as views of the file.

    Without `partial` the file must hold exactly what the layers need; with it, it may end after any whole layer (files such
    as `yolov3.conv.15`). Raises FormatError with both counts and the layer at which the file ends.
    """
    expected, found = sum(layer.parameters for layer in layers), len(file.values)
    if found > expected or file.over or (found < expected and not partial):
        raise FormatError(_misfit(file, layers, expected))
    arrays: dict[str, Floats] = {}
    start = 0
    for layer in layers:
        if start + layer.parameters > found:
            if start < found:
                raise FormatError(_misfit(file, layers, expected))
            break
        for name, shape in layer.arrays:
            count = int(np.prod(shape))
            arrays[f"{layer.index}.{name}"] = file.values[start : start + count].reshape(shape)
            start += count
    return arrays


def write_weights(
    path: Path,
    layers: Sequence[Layer],
    arrays: Mapping[str, Floats],
    seen: int = 0,
    version: tuple[int, int, int] = (0, 2, 5),
) -> None:
    """Write the arrays in file order, atomically; with the version and `seen` that were read, the bytes that were read."""
    wide = version[0] * 10 + version[1] >= 2
    parts = [_VERSION.pack(*version), int(seen).to_bytes(8 if wide else 4, "little")]
    for layer in layers:
        for name, shape in layer.arrays:
            array = arrays[f"{layer.index}.{name}"]
            if array.shape != shape:
                raise ValueError(f"{layer.name} {name}: expected {shape}, got {array.shape}")
            parts.append(np.ascontiguousarray(array, "<f4").tobytes())
    write_bytes(path, b"".join(parts))


def _misfit(file: WeightsFile, layers: Sequence[Layer], expected: int) -> str:
    found, total, last = len(file.values), 0, "the last layer"
    cfg = layers[0].section.where if layers else "cfg"
    for layer in layers:
        total += layer.parameters
        if total > found:
            last = layer.name
            break
    ends = f"it ends in {last}" if found < expected else f"{found - expected} numbers are left over after {last}"
    over = f" and {file.over} bytes of another" if file.over else ""
    return (
        f"{file.where}: expected {expected} numbers for {cfg}, got {found}{over} ({ends}); these weights belong to another cfg,"
        " or the file is cut short"
    )
