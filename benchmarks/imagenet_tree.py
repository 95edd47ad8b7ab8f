"""A generated tree of the ImageNet localization challenge: as many annotations as the real one, or fewer, in the same places."""

from pathlib import Path

import numpy as np
import simplejpeg

FULL = 594_546
"""Annotations of the challenge: 544,546 of train pictures and 50,000 of val pictures."""

CLASSES = 1000
_VAL = 50_000 / FULL
_SIZES = ((500, 375), (500, 333), (500, 500), (375, 500), (333, 500), (640, 480), (400, 300), (500, 334))

_OBJECT = """\t<object>
\t\t<name>{}</name>
\t\t<pose>Unspecified</pose>
\t\t<truncated>0</truncated>
\t\t<difficult>0</difficult>
\t\t<bndbox>
\t\t\t<xmin>{}</xmin>
\t\t\t<ymin>{}</ymin>
\t\t\t<xmax>{}</xmax>
\t\t\t<ymax>{}</ymax>
\t\t</bndbox>
\t</object>
"""
_ANNOTATION = """<annotation>
\t<folder>{}</folder>
\t<filename>{}</filename>
\t<source>
\t\t<database>ILSVRC_2012</database>
\t</source>
\t<size>
\t\t<width>{}</width>
\t\t<height>{}</height>
\t\t<depth>3</depth>
\t</size>
\t<segmented>0</segmented>
{}</annotation>
"""


def make_tree(folder: Path, count: int, seed: int = 0) -> Path:
    """Write `count` annotations of one to three boxes, a small JPEG of the true size for each, and the lists; return `folder`.

    A twelfth is val, flat; the rest is train, in a folder a class. Every picture is a file of its own that decodes: grey.
    """
    rng = np.random.default_rng(seed)
    wnids = [f"n{number:08d}" for number in sorted(rng.choice(10**7, CLASSES, replace=False).tolist())]
    pictures = [
        simplejpeg.encode_jpeg(np.full((h, w, 1), 128, np.uint8), quality=40, colorspace="GRAY") for w, h in _SIZES
    ]
    for part in ("train", "val"):
        below = wnids if part == "train" else ["."]
        for kind in ("Annotations", "Data"):
            for name in below:
                (folder / "ILSVRC" / kind / "CLS-LOC" / part / name).mkdir(parents=True, exist_ok=True)
    val = round(count * _VAL)
    stems = [
        f"{wnids[place % CLASSES]}/{wnids[place % CLASSES]}_{place // CLASSES * 7 + 1}" for place in range(count - val)
    ]
    _write_part(
        folder / "ILSVRC", "train", stems, [place % CLASSES for place in range(count - val)], pictures, wnids, rng
    )
    stems = [f"ILSVRC2012_val_{number + 1:08d}" for number in range(val)]
    _write_part(folder / "ILSVRC", "val", stems, rng.integers(0, CLASSES, val).tolist(), pictures, wnids, rng)
    (folder / "LOC_synset_mapping.txt").write_text("".join(f"{wnid} thing {wnid[1:]}\n" for wnid in wnids))
    return folder


def _write_part(
    root: Path,
    part: str,
    stems: list[str],
    classes: list[int],
    pictures: list[bytes],
    wnids: list[str],
    rng: np.random.Generator,
) -> None:
    lists = root / "ImageSets" / "CLS-LOC"
    lists.mkdir(parents=True, exist_ok=True)
    sizes, boxes = rng.integers(0, len(_SIZES), len(stems)).tolist(), rng.integers(1, 4, len(stems)).tolist()
    for stem, place, size, many in zip(stems, classes, sizes, boxes, strict=True):
        width, height = _SIZES[size]
        corners = rng.random((many, 4)).tolist()
        objects = "".join(_OBJECT.format(wnids[place], *_inside(box, width, height)) for box in corners)
        name = stem.rpartition("/")[2]
        text = _ANNOTATION.format(wnids[place] if part == "train" else "val", name, width, height, objects)
        (root / f"Annotations/CLS-LOC/{part}/{stem}.xml").write_text(text)
        (root / f"Data/CLS-LOC/{part}/{stem}.JPEG").write_bytes(pictures[size])
    words = ("train_cls.txt", "train_loc.txt") if part == "train" else ("val.txt",)
    for word in words:
        (lists / word).write_text("".join(f"{stem} {number}\n" for number, stem in enumerate(stems, start=1)))


def _inside(box: list[float], width: int, height: int) -> tuple[int, int, int, int]:
    """Return whole corners of a box with area inside a picture."""
    left, top = int(box[0] * (width - 20)), int(box[1] * (height - 20))
    return left, top, left + 5 + int(box[2] * (width - left - 5)), top + 5 + int(box[3] * (height - top - 5))
