"""Archives from strangers: unpacked in bounds, nothing outside the folder."""

import io
import stat
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from onelook.service.unpacking import only_folder, unpack
from onelook.structures.errors import FormatError


def archive(*entries: tuple[str, bytes], kind: int = zipfile.ZIP_STORED) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", kind) as opened:
        for name, data in entries:
            opened.writestr(zipfile.ZipInfo(name) if kind == zipfile.ZIP_STORED else name, data)
    return file


def test_files_come_out_as_they_went_in(tmp_path: Path) -> None:
    count = unpack(archive(("a.txt", b"1"), ("deep/er/b.txt", b"22"), ("deep/", b"")), tmp_path, 100, "data")

    assert count == 2
    assert (tmp_path / "a.txt").read_bytes() == b"1"
    assert (tmp_path / "deep" / "er" / "b.txt").read_bytes() == b"22"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/evil", "c:/evil", "a//b", "./a", "..\\evil", "a" * 300])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    inside = tmp_path / "in"
    inside.mkdir()

    with pytest.raises(FormatError, match="data: expected names inside the archive"):
        unpack(archive((name, b"x")), inside, 100, "data")

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_link_is_refused(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened:
        opened.writestr(link, "/etc/passwd")

    with pytest.raises(FormatError, match="expected files, got the link 'link'"):
        unpack(file, tmp_path, 100, "data")


def test_bytes_are_counted_as_they_come(tmp_path: Path) -> None:
    bomb = archive(("a", bytes(10_000_000)), kind=zipfile.ZIP_DEFLATED)

    with pytest.raises(FormatError, match="expected at most 1000000 bytes unpacked, got more"):
        unpack(bomb, tmp_path, 1_000_000, "data")

    assert (tmp_path / "a").stat().st_size <= 3 * 1024**2


def test_files_are_counted(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="expected at most 2 files, got 3"):
        unpack(archive(*((str(number), b"") for number in range(3))), tmp_path, 100, "data", most_files=2)


def test_a_directory_of_too_many_entries_is_refused_before_it_is_read(tmp_path: Path) -> None:
    """Each entry of an archive's directory becomes an object many times its size, before their number is looked at."""
    many = archive(*((f"{number:08}", b"") for number in range(30_000)))

    tracemalloc.start()
    with pytest.raises(FormatError, match="expected a directory of at most 1048576 bytes in the archive, got more"):
        unpack(many, tmp_path, 100, "data", most_files=100)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert peak < 5 * 1024**2


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_ways_of_packing_are_told(tmp_path: Path, kind: int) -> None:
    with pytest.raises(FormatError, match="expected entries stored or deflated, got 'a' packed otherwise"):
        unpack(archive(("a", b"1" * 100), kind=kind), tmp_path, 1000, "data")


def test_a_name_that_is_too_long_in_bytes_is_told(tmp_path: Path) -> None:
    long = "/".join(["\N{GRINNING FACE}" * 60] * 5)

    with pytest.raises(FormatError, match="expected names inside the archive"):
        unpack(archive((long, b"1")), tmp_path, 1000, "data")


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"no zip" * 100])
def test_what_is_no_zip_is_one_line(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(FormatError, match="data: expected a whole zip archive, got"):
        unpack(io.BytesIO(data), tmp_path, 100, "data")


def test_a_name_that_comes_twice_is_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = archive(("a", b"1"), ("a", b"2"))

    with pytest.raises(FormatError, match="expected every name once, got 'a' again"):
        unpack(twice, tmp_path, 100, "data")


def test_the_only_folder_inside_is_meant(tmp_path: Path) -> None:
    (tmp_path / "x" / "y").mkdir(parents=True)
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "x" / "y" / "file").touch()

    assert only_folder(tmp_path) == tmp_path / "x" / "y"
    assert only_folder(tmp_path / "x" / "y") == tmp_path / "x" / "y"
