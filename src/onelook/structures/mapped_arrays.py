"""Arrays of a safetensors file that stay in the file: mapped, read when they are touched, shared by every process that has them.

The form: 8 bytes with the length of a JSON header, the header, the arrays one after the other
(https://github.com/huggingface/safetensors, format section of its README).
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onelook.structures.errors import FormatError

_LENGTH = 8
_LONGEST_HEADER = 100 << 20


def map_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the float32 arrays by name, read-only and mapped. Raises FormatError for another form, or arrays of another type."""
    try:
        data = np.memmap(path, np.uint8, "r")
        length = int.from_bytes(data[:_LENGTH].tobytes(), "little")
        if not 0 < length <= min(_LONGEST_HEADER, data.size - _LENGTH):
            raise ValueError(f"a header of {length} bytes")
        header = json.loads(data[_LENGTH : _LENGTH + length].tobytes())
        body = data[_LENGTH + length :]
        return {name: _array(body, entry) for name, entry in header.items() if name != "__metadata__"}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise FormatError(f"{path}: expected safetensors with float32 arrays, got {error}") from None


def _array(body: NDArray[np.uint8], entry: dict[str, Any]) -> NDArray[np.float32]:
    begin, end = entry["data_offsets"]
    if entry["dtype"] != "F32" or not 0 <= begin <= end <= body.size:
        raise ValueError(f"{entry['dtype']} at {begin} to {end}")
    return body[begin:end].view("<f4").reshape(entry["shape"])
