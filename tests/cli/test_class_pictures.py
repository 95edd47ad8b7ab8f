"""A classifier's data with pictures of every kind, from the check to the evaluation, by the command line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from tests.cli.test_classify import typed
from tests.training.conftest import CLASSIFIER

from onelook.structures.errors import UserError

TURNED = 6
"""EXIF's word for a picture that was taken with its top to the right."""


def coloured(channel: int, seed: int) -> Pillow.Image:
    pixels = np.random.default_rng(seed).integers(0, 90, (20, 32, 3), np.uint8)
    pixels[..., channel] += 120
    return Pillow.fromarray(pixels)


def odd(folder: Path, channel: int, seed: int) -> None:
    """Write a picture of each unusual kind."""
    picture, exif = coloured(channel, seed), Pillow.Exif()
    exif[0x0112] = TURNED
    picture.convert("L").save(folder / "grey.jpg")
    picture.convert("CMYK").save(folder / "cmyk.jpg")
    picture.convert("P").save(folder / "palette.png")
    Pillow.fromarray(np.asarray(picture)[..., channel].astype(np.uint16) * 257).save(folder / "deep.png")
    picture.save(folder / "turned.jpg", exif=exif)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make folders by class, red and blue, with odd pictures in each, and a small network; the working folder."""
    for split in ("train", "val"):
        for channel, name in ((0, "red"), (2, "blue")):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for number in range(4):
                coloured(channel, number + 10 * (split == "val")).save(folder / f"{number}.png")
            odd(folder, channel, channel + 5 * (split == "val"))
    (tmp_path / "tiny.cfg").write_text(CLASSIFIER)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def answer(*words: str) -> Any:
    """Return the JSON object of `onelook WORDS`; raises UserError for a user's mistake."""
    return json.loads(typed(*words, "--json")[1])


def trained() -> None:
    sets = ("max_batches=6", "batch=4", "workers=0", "threads=1", "learning_rate=0.01")
    typed("train", "tiny.cfg", "data", "--out", "run", *(word for each in sets for word in ("--set", each)))


@pytest.mark.slow
def test_pictures_of_every_kind_are_handled(here: Path) -> None:
    assert answer("data", "check", "data")["errors"] == 0
    trained()
    assert answer("eval", "run", "data")["images"] == 18
    rows = answer("predict", "run", "data/val/red")["images"]
    sizes = {Path(row["file"]).name: (row["width"], row["height"]) for row in rows}
    assert sizes["turned.jpg"] == (20, 32)
    assert sizes["deep.png"] == sizes["cmyk.jpg"] == (32, 20)


def test_a_truncated_jpeg_is_named_by_the_check_and_by_training(here: Path) -> None:
    for split in ("train", "val"):
        file = here / "data" / split / "red" / "turned.jpg"
        file.write_bytes(file.read_bytes()[:-150])

    found = [row["path"] for row in answer("data", "check", "data")["findings"] if row["code"] == "truncated-image"]
    assert {Path(path).parts[-3:] for path in found} == {(split, "red", "turned.jpg") for split in ("train", "val")}
    with pytest.raises(UserError, match=r"red/turned\.jpg: expected a whole picture, got a broken one"):
        trained()
