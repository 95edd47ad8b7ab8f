from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from onelook.structures.errors import FormatError
from onelook.structures.mapped_arrays import map_arrays


def test_mapped_arrays_are_those_that_were_saved(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    some = rng.normal(size=(3, 2, 5)).astype(np.float32)
    arrays = {"0.weights": some, "0.biases": np.zeros(3, np.float32), "none": np.zeros((0, 4), np.float32)}
    save_file(arrays, tmp_path / "w.safetensors", metadata={"made": "here"})

    mapped = map_arrays(tmp_path / "w.safetensors")

    assert mapped.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(mapped[name], array)
        assert mapped[name].dtype == np.float32
        assert not mapped[name].flags.writeable


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff" * 8,
        (10).to_bytes(8, "little") + b"{}",
        (2).to_bytes(8, "little") + b"[]",
        (56).to_bytes(8, "little") + b'{"a": {"dtype":"F32","shape":[4],"data_offsets":[0,16]}}',
        (55).to_bytes(8, "little") + b'{"a": {"dtype":"I8","shape":[4],"data_offsets":[0, 4]}}' + b"\0" * 4,
    ],
)
def test_another_form_is_told(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "w.safetensors").write_bytes(data)

    with pytest.raises(FormatError, match=r"w\.safetensors: expected safetensors"):
        map_arrays(tmp_path / "w.safetensors")
