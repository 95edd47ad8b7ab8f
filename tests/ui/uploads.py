"""What tests bring to the pages: generated blood cells as a zip, archives that are wrong, the .cfg of a tiny network."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from onelook.datasets.generated import make_blood

CFG = """[net]
width=64
height=64
channels=3
[convolutional]
batch_normalize=1
filters=8
size=3
stride=2
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=leaky
[convolutional]
batch_normalize=1
filters=16
size=3
stride=2
pad=1
activation=leaky
[convolutional]
filters=24
size=1
activation=linear
[yolo]
mask=0,1,2
anchors=6,6, 12,12, 24,24
classes=3
num=3
"""
MIB = 2**20
TEXT = b"all work and no play makes jack a dull boy\n" * 25_000
"""Some 1 MB of text."""


def make_uploads(folder: Path) -> Path:
    """Fill a folder: cells.zip, broken.zip with a picture that is cut short, tiny.cfg; return it."""
    make_blood(folder / "blood", {"train": 12, "val": 4}, seed=1, size=(96, 72))
    files = {path.relative_to(folder): path.read_bytes() for path in (folder / "blood").rglob("*") if path.is_file()}
    write_zip(folder / "cells.zip", files)
    broken = min(path for path in files if path.suffix == ".jpg")
    write_zip(folder / "broken.zip", {**files, broken: files[broken][:-200]})
    (folder / "tiny.cfg").write_text(CFG)
    return folder


def write_zip(path: Path, files: Mapping[Path, bytes]) -> None:
    """Write an archive."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in sorted(files.items()):
            archive.writestr(str(name), data)


def write_escaping_zip(path: Path) -> Path:
    """Write an archive with an entry that leads out of the folder it is unpacked into."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.txt", "got out")
    return path


def write_bomb(path: Path) -> Path:
    """Write an archive of some 2 MB that holds over 500 MB of text; it is never in memory."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("novel.txt", "w") as file,
    ):
        for _ in range(500):
            file.write(TEXT)
    return path


def write_sparse(path: Path, size: int) -> Path:
    """Make a file of that many bytes that takes no room on the disk."""
    with path.open("wb") as file:
        file.truncate(size)
    return path


def bring(page: Any, path: Path) -> None:
    """Upload a zip on the page Train and wait for its check."""
    page.locator("#zip").set_input_files(path)
    page.locator('#check[aria-busy="false"] table').wait_for()
