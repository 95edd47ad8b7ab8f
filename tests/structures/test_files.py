"""Files: whole or absent, and nothing of the user's overwritten."""

import json
from pathlib import Path

import pytest

from onelook.structures.errors import UserError
from onelook.structures.files import new_folder, write_bytes, write_json, write_text


def test_a_file_is_written_with_the_folders_above_it(tmp_path: Path) -> None:
    write_text(tmp_path / "a" / "b.txt", "ä")

    assert (tmp_path / "a" / "b.txt").read_text(encoding="utf-8") == "ä"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.txt"]


def test_a_write_that_fails_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state"
    write_bytes(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(UserError, match="state: expected room on the disk, got No space left on device"):
        write_bytes(path, b"new")

    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_below_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(UserError, match="cannot be written"):
        write_text(tmp_path / "file" / "inside", "x")
    with pytest.raises(UserError, match="cannot be made"), new_folder(tmp_path / "file" / "inside"):
        pass


def test_json_is_readable_and_ends_with_a_line_break(tmp_path: Path) -> None:
    write_json(tmp_path / "x.json", {"name": "Zoë"})

    assert (tmp_path / "x.json").read_text(encoding="utf-8").endswith("}\n")
    assert "Zoë" in (tmp_path / "x.json").read_text(encoding="utf-8")
    assert json.loads((tmp_path / "x.json").read_bytes()) == {"name": "Zoë"}


def test_a_new_folder_appears_when_all_is_in_it(tmp_path: Path) -> None:
    with new_folder(tmp_path / "out" / "model") as folder:
        (folder / "file").write_text("x")
        assert not (tmp_path / "out" / "model").exists()

    assert (tmp_path / "out" / "model" / "file").read_text() == "x"
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["model"]


def test_a_folder_that_fails_half_way_never_appears(tmp_path: Path) -> None:
    def fail() -> None:
        with new_folder(tmp_path / "model") as folder:
            (folder / "file").write_text("x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_refused_and_an_empty_one_taken(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("x")
    (tmp_path / "empty").mkdir()

    with pytest.raises(UserError, match="expected a new or empty folder"), new_folder(tmp_path / "full"):
        pass
    with new_folder(tmp_path / "empty") as folder:
        (folder / "file").write_text("x")

    assert (tmp_path / "full" / "mine").read_text() == "x"
    assert (tmp_path / "empty" / "file").is_file()
