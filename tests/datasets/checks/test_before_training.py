from pathlib import Path

import cv2
import numpy as np
import pytest

from onelook.datasets.checks import before_training, kept_looks
from onelook.datasets.checks.before_training import read_checked
from onelook.datasets.reading import read
from onelook.structures.errors import FormatError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("ONELOOK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def checked(data: Path, **options) -> list[str]:
    told: list[str] = []
    read_checked(data, None, told.append, **options)
    return told


def test_sound_data_is_read_without_a_word(voc: Path, cache: Path):
    told: list[str] = []
    data = read_checked(voc, None, told.append, (416, 416))

    assert data.digest() == read(voc).digest()
    assert told == []
    assert not (cache / "checks").exists()


def test_what_may_not_go_well_is_one_line_and_a_page(voc: Path, write_annotation):
    write_annotation(voc, "a", [("cat", (1, 1, 2, 30)), ("cat", (5, 5, 30, 30)), ("cat", (5, 5, 5, 9))])
    (line,) = checked(voc)

    assert line.startswith("data: 2 warnings (1 zero-box, 1 tiny-box); all of it: ")
    page = Path(line.rpartition(": ")[2])
    assert "tiny-box" in page.read_text()
    assert "data:image/jpeg;base64," in page.read_text()


def test_what_cannot_work_is_refused_with_its_number(voc: Path):
    cut(voc / "JPEGImages" / "a.jpg")
    cut(voc / "JPEGImages" / "b.jpg")
    with pytest.raises(FormatError) as refused:
        checked(voc)

    told = str(refused.value)
    assert told.startswith(f"{voc / 'JPEGImages' / 'a.jpg'}: expected a whole picture, got a broken one")
    assert "; 2 errors (2 truncated-image) keep it from being trained on; all of it: " in told
    assert "\n" not in told
    assert Path(told.rpartition(": ")[2]).is_file()


def test_one_fault_is_told_as_reading_tells_it(voc: Path):
    (voc / "Annotations" / "a.xml").write_text("<annotation>")

    with pytest.raises(
        FormatError, match=r"a\.xml:1: expected XML, got no element found; write the annotation again; all"
    ):
        checked(voc)


def test_a_leak_between_splits_is_told_and_borne(voc: Path):
    (voc / "JPEGImages" / "c.jpg").write_bytes((voc / "JPEGImages" / "a.jpg").read_bytes())
    (line,) = checked(voc)

    assert line.startswith("data: 1 errors (1 duplicate-image-across-splits); ")


def test_boxes_too_small_for_this_network_are_told(voc: Path):
    assert checked(voc, size=(64, 64), stride=8) == []
    (line,) = checked(voc, size=(64, 64), stride=64)

    assert "2 small-for-network" in line


def test_the_second_check_decodes_only_what_has_changed(voc: Path, monkeypatch):
    monkeypatch.setattr(kept_looks, "_SETTLED", 0)
    seen: list[str] = []
    real = kept_looks.look
    monkeypatch.setattr(kept_looks, "look", lambda path: seen.append(path.name) or real(path))
    checked(voc)
    assert seen == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    seen.clear()
    checked(voc)
    assert seen == []
    noise = np.random.default_rng(9).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    cv2.imwrite(str(voc / "JPEGImages" / "b.jpg"), noise)
    checked(voc)
    assert seen == ["b.jpg"]


def test_very_large_data_is_known_by_its_headers_and_that_is_said(voc: Path, monkeypatch):
    monkeypatch.setattr(before_training, "LOOKED_AT", 3)
    cut(voc / "JPEGImages" / "a.jpg")

    assert checked(voc) == [f"data: 4 pictures known by their headers; `onelook data check {voc}` decodes them too"]
