"""What every test of inference may ask for."""

from pathlib import Path

import numpy as np
import pytest
from tests.structures.small_models import small_bundle

from onelook.inference.model import Detector, load
from onelook.structures.bundle import write_bundle
from onelook.structures.images import write_jpeg
from onelook.structures.letterbox import Image


@pytest.fixture(scope="session")
def detector() -> Detector:
    """Return the small detector, which sees something everywhere."""
    return load(small_bundle(), threads=1)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Write the small detector's bundle and return its folder."""
    write_bundle(tmp_path / "model", small_bundle())
    return tmp_path / "model"


@pytest.fixture
def picture() -> Image:
    """Return noise of 80 x 50 pixels."""
    return np.random.default_rng(1).integers(0, 256, (50, 80, 3), dtype=np.uint8)


@pytest.fixture
def pictures(tmp_path: Path, picture: Image) -> Path:
    """Write three pictures, a text and a deeper one into a folder and return it."""
    folder = tmp_path / "pictures"
    for name in ("a.jpg", "b.JPG", "deeper/c.jpg"):
        write_jpeg(folder / name, picture)
    (folder / "notes.txt").write_text("no picture")
    return folder
