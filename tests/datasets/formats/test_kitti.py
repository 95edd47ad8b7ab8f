"""KITTI's two layouts: a label file a picture, and for tracking one a sequence."""

import shutil
from pathlib import Path

import numpy as np

from onelook.datasets.reading import read


def test_tracking_s_sequence_is_read_as_its_frames_are(shared: Path, tmp_path: Path) -> None:
    frames = shared / "data" / "kitti-mini" / "tracking-0001"
    (tmp_path / "label_02").mkdir()
    shutil.copy(frames / "label_02_0001_original.txt", tmp_path / "label_02" / "0001.txt")
    shutil.copytree(frames / "image_2", tmp_path / "image_02" / "0001")

    sequence, single = read(tmp_path), read(frames)

    assert sequence.format == "kitti"
    assert len(sequence) == len(single) == 31
    for index in range(31):
        own, other = sequence.truth(index), single.truth(index)
        assert [sequence.names[kind] for kind in own.classes] == [single.names[kind] for kind in other.classes]
        assert np.allclose(own.boxes, other.boxes, atol=0.01)
        assert own.crowd.tolist() == other.crowd.tolist()
