import pickle  # noqa: TID251 - as other programs read what we wrote

import numpy as np
import pytest

from onelook.datasets.files.pickling import pickled
from onelook.datasets.files.unpickling import read_pickle

VALUE = {"labels": [0, 7, -1], "label_names": ["cat", "chien été"], "data": np.arange(12, dtype=np.uint8).reshape(2, 6)}


@pytest.mark.parametrize("encoding", ["latin1", "bytes"])
def test_pythons_own_reader_takes_it_as_one_of_python_2(encoding: str):
    read = pickle.loads(pickled(VALUE), encoding=encoding)  # noqa: S301 - our own bytes
    key = (lambda word: word) if encoding == "latin1" else str.encode

    assert read[key("labels")] == [0, 7, -1]
    assert read[key("data")].dtype == np.uint8
    assert (read[key("data")] == VALUE["data"]).all()


def test_our_reader_takes_it_too(tmp_path):
    (tmp_path / "file").write_bytes(pickled(VALUE))
    read = read_pickle(tmp_path / "file")

    assert [name.decode() for name in read[b"label_names"]] == VALUE["label_names"]
    assert (read[b"data"] == VALUE["data"]).all()


def test_nothing_is_written_as_nothing(tmp_path):
    assert pickle.loads(pickled({"a": [], "b": {}, "c": ""})) == {"a": [], "b": {}, "c": ""}  # noqa: S301 - our own bytes
