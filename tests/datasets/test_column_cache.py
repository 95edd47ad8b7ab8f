import os
import time
from pathlib import Path

import pytest

from onelook.datasets import column_cache, reading
from onelook.datasets.converting import convert
from onelook.datasets.findings import Finding
from onelook.datasets.reading import read


@pytest.fixture(autouse=True)
def small(tmp_path: Path, monkeypatch) -> None:
    """Keep small data too, in the test's own folder."""
    monkeypatch.setenv("ONELOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(column_cache, "KEPT_FROM", 1)


@pytest.fixture
def unread(monkeypatch) -> list[Path]:
    """Return a list of what was read anew."""
    anew: list[Path] = []
    real = reading._read_as

    def noting(data, *rest):
        anew.append(data)
        return real(data, *rest)

    monkeypatch.setattr(reading, "_read_as", noting)
    return anew


def test_data_is_read_once_and_comes_back_the_same(voc: Path, unread: list[Path], write_annotation):
    write_annotation(voc, "a", [("cat", (1, 1, 9, 9)), ("cat", (5, 5, 5, 9))])
    time.sleep(0.05)
    told: list[list[Finding]] = [[], []]
    one, two = (read(voc, report=findings.append) for findings in told)

    assert len(unread) == 1
    assert one.digest() == two.digest()
    assert (one.paths, one.names, one.root, one.format) == (two.paths, two.names, two.root, two.format)
    assert {name: own.tolist() for name, own in one.splits.items()} == {
        n: own.tolist() for n, own in two.splits.items()
    }
    assert one.dropped.tolist() == two.dropped.tolist() == [[0, 0]]
    assert told[0] == told[1]
    assert [finding.code for finding in told[1]] == ["zero-box"]


def test_a_label_that_changes_is_read_anew(voc: Path, unread: list[Path], write_annotation):
    time.sleep(0.05)
    read(voc)
    write_annotation(voc, "a", [("dog", (2, 2, 9, 9))])

    assert read(voc).truth(0).boxes.tolist() == [[2, 2, 9, 9]]
    assert len(unread) == 2


def test_data_with_an_error_and_lists_that_point_anywhere_are_not_kept(voc: Path, darknet: Path, unread: list[Path]):
    (voc / "Annotations" / "a.xml").unlink()
    time.sleep(0.05)
    for _ in range(2):
        read(voc, report=lambda finding: None)
        read(darknet)

    assert len(unread) == 4


def test_a_broken_file_in_the_cache_is_no_loss(voc: Path, tmp_path: Path, unread: list[Path]):
    time.sleep(0.05)
    read(voc)
    (file,) = (tmp_path / "cache" / "datasets").iterdir()
    file.write_bytes(file.read_bytes()[:100])

    assert len(read(voc)) == 4
    assert len(unread) == 2


def test_a_label_whose_time_was_put_back_is_noticed(voc: Path, unread: list[Path]):
    time.sleep(0.05)
    read(voc)
    file = voc / "Annotations" / "a.xml"
    before = file.stat()
    file.write_text(file.read_text().replace("<name>cat", "<name>dog"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    data = read(voc)

    assert data.names[data.truth(0).classes[0]] == "dog"
    assert len(unread) == 2


def test_giving_pictures_a_second_name_changes_nothing(voc: Path, tmp_path: Path, unread: list[Path]):
    time.sleep(0.05)
    convert(read(voc), "darknet", tmp_path / "out")
    read(voc)

    assert len(unread) == 1


def test_a_picture_that_took_the_place_of_another_is_noticed(voc: Path, unread: list[Path]):
    time.sleep(0.05)
    read(voc)
    one, two = voc / "JPEGImages" / "a.jpg", voc / "JPEGImages" / "b.jpg"
    two.with_suffix(".new").write_bytes(one.read_bytes())
    os.utime(two.with_suffix(".new"), ns=(0, two.stat().st_mtime_ns))
    two.with_suffix(".new").replace(two)
    read(voc)

    assert len(unread) == 2


def test_with_and_without_pictures_are_kept_apart(voc: Path, unread: list[Path]):
    file = voc / "Annotations" / "a.xml"
    file.write_text(
        file.read_text().replace("<width>64</width><height>48</height>", "<width>128</width><height>96</height>")
    )
    time.sleep(0.05)
    sizes = [read(voc, pictures=pictures).sizes[0].tolist() for pictures in (True, False, True, False)]

    assert sizes == [[64, 48], [128, 96]] * 2
    assert len(unread) == 2
