import time
from pathlib import Path

import pytest

from onelook.datasets import column_cache, reading
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
