import json
import shutil
from pathlib import Path

from PIL import Image

from onelook.datasets.changes.repair import LOG, repair
from onelook.datasets.checks.checking import check
from onelook.datasets.reading import read


def broken(root: Path, write_annotation) -> None:
    write_annotation(root, "a", [("cat", (1, 1, 9, 9)), ("cat", (1, 1, 9, 9)), ("cat", (30, 1, 1, 30))])
    (root / "Annotations" / "d.xml").unlink()
    shutil.copy(root / "JPEGImages" / "b.jpg", root / "JPEGImages" / "c.jpg")
    image = Image.open(root / "JPEGImages" / "a.jpg")
    image.load()
    exif = Image.Exif()
    exif[0x0112] = 3
    image.save(root / "JPEGImages" / "a.jpg", exif=exif)


def test_the_copy_is_sound_and_the_log_tells_every_change(voc: Path, tmp_path: Path, write_annotation):
    broken(voc, write_annotation)
    before = {path: path.read_bytes() for path in voc.rglob("*") if path.is_file()}
    changes = repair(voc, tmp_path / "mended")

    assert [finding.code for finding in check(tmp_path / "mended") if finding.severity == "error"] == []
    assert {change["code"] for change in changes} == {
        "inverted-box",
        "unlabelled",
        "duplicate-image-across-splits",
        "duplicate-box",
        "exif-rotated",
    }
    log = [json.loads(line) for line in (tmp_path / "mended" / LOG).read_text().splitlines()]
    assert log == changes
    mended = read(tmp_path / "mended")
    assert [path.stem for path in mended.paths] == ["a", "b"]
    assert len(mended.truth(0)) == 1
    assert {path: path.read_bytes() for path in voc.rglob("*") if path.is_file()} == before


def test_sound_data_is_copied_without_a_change(voc: Path, tmp_path: Path):
    assert repair(voc, tmp_path / "mended") == []
    assert read(tmp_path / "mended").boxes.tolist() == read(voc).boxes.tolist()
