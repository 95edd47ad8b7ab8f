"""Many files: where drawings go, and files that cannot be read."""

from pathlib import Path

import numpy as np
import pytest

from onelook.inference.model import Detector
from onelook.inference.predicting import drawing_paths, predict_files
from onelook.structures.errors import FormatError, UserError


def test_a_file_that_cannot_be_read_is_told_and_the_rest_goes_on(detector: Detector, pictures: Path) -> None:
    failed: list[tuple[Path, FormatError]] = []
    paths = [pictures / "a.jpg", pictures / "notes.txt", pictures / "absent.jpg", pictures / "b.JPG"]

    seen = list(predict_files(detector, paths, None, None, lambda path, error: failed.append((path, error))))

    assert [each.file for each in seen] == [str(paths[0]), str(paths[3])]
    assert [path for path, _ in failed] == paths[1:3]
    np.testing.assert_array_equal(seen[0].boxes, detector.predict(paths[0]).boxes)


def test_drawings_of_equal_names_are_told_apart(tmp_path: Path) -> None:
    paths = [Path("a/x.jpg"), Path("b/x.png"), Path("x-2.jpg"), Path("c/x.jpg")]

    names = [path.name for path in drawing_paths(paths, tmp_path).values()]

    assert names == ["x.jpg", "x-2.jpg", "x-2-2.jpg", "x-3.jpg"]
    assert drawing_paths([], tmp_path) == {}


def test_a_drawing_never_takes_the_picture_s_place(pictures: Path) -> None:
    with pytest.raises(UserError, match=r"a\.jpg: a drawing would replace the picture itself; choose another --out"):
        drawing_paths([pictures / "a.jpg"], pictures)
