"""What can be wrong with the files of pictures: their bytes, their names, where their labels lie."""

import os
from collections import Counter
from collections.abc import Iterator

import numpy as np

from onelook.datasets.checks.examining import Examined
from onelook.datasets.files.layout import files_below
from onelook.datasets.findings import Finding
from onelook.structures.images import MOST_PIXELS


def truncated(examined: Examined) -> Iterator[Finding]:
    """Find pictures whose header is sound and whose pixels are not."""
    for path, seen in zip(examined.dataset.paths, examined.looks, strict=True):
        if seen.fault is not None:
            yield Finding(path, None, "truncated-image", seen.fault, "fetch the picture again or remove it")


def exif_rotated(examined: Examined) -> Iterator[Finding]:
    """Find pictures that are stored turned."""
    for path, seen in zip(examined.dataset.paths, examined.looks, strict=True):
        if seen.orientation not in (0, 1):
            what = f"expected a picture stored upright, got EXIF orientation {seen.orientation}"
            fix = "boxes are taken in the picture as it is shown; look at it with `onelook data show`"
            yield Finding(path, None, "exif-rotated", what, fix)


def wrong_extension(examined: Examined) -> Iterator[Finding]:
    """Find pictures of another kind than their name says."""
    for path, seen in zip(examined.dataset.paths, examined.looks, strict=True):
        if seen.endings and path.suffix.lower() not in seen.endings:
            expected = f"expected a name that ends in {seen.endings[0]}, as the file begins"
            what = f"{expected}, got {path.suffix or 'no ending'}"
            yield Finding(path, None, "wrong-extension", what, "rename it: other tools go by the name")


def huge_image(examined: Examined) -> Iterator[Finding]:
    """Find pictures with more pixels than are ever decoded."""
    for index in np.flatnonzero(examined.dataset.sizes.prod(axis=1) > MOST_PIXELS):
        width, height = examined.dataset.sizes[index].tolist()
        what = f"expected at most {MOST_PIXELS} pixels, got {width}x{height}"
        fix = "cut it into tiles, or scale it down with its labels"
        yield Finding(examined.dataset.paths[index], None, "huge-image", what, fix)


def bad_name(examined: Examined) -> Iterator[Finding]:
    """Find file names that are no UTF-8, which other tools and machines cannot open."""
    for path in examined.dataset.paths:
        if not _is_utf8(os.fspath(path)):
            what = "expected a name in UTF-8, got other bytes"
            yield Finding(path, None, "name-not-utf8", what, "rename the picture and its label")


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def labels_elsewhere(examined: Examined) -> Iterator[Finding]:
    """Find the labels of images that have none, in a folder where nobody looks."""
    dataset = examined.dataset
    bare = [dataset.paths[index] for index in np.flatnonzero(~dataset.labelled & (dataset.labels < 0))]
    if not bare or len(bare) * 2 < len(dataset):
        return
    stems = {path.stem for path in bare}
    found = Counter(
        file.parent
        for file in files_below(dataset.root)
        if file.suffix in (".txt", ".xml", ".json") and file.stem in stems
    )
    if found:
        folder, count = found.most_common(1)[0]
        what = f"expected labels where the format has them, got {count} files in {folder} that are named as unlabelled images"
        yield Finding(folder, None, "labels-elsewhere", what, "move the folder to where the format's page says")
