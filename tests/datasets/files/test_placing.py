from pathlib import Path

import pytest

from onelook.datasets.files import placing
from onelook.datasets.files.placing import new_names, place_file


def test_names_stay_where_they_can_and_stems_never_meet():
    paths = [Path(text) for text in ("p/a.jpg", "p/b.jpg", "q/b.png", "r/q/b.jpg", "s/p_b.jpg")]

    assert new_names(paths) == ["a.jpg", "p_b_2.jpg", "q_b.png", "q_b_2.jpg", "p_b.jpg"]


def test_a_file_is_linked_and_copied_where_it_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = tmp_path / "a.jpg"
    source.write_bytes(b"picture")
    place_file(source, tmp_path / "linked.jpg")

    def refuse(*_: object) -> None:
        raise OSError("another file system")

    monkeypatch.setattr(placing.os, "link", refuse)
    place_file(source, tmp_path / "copied.jpg")

    assert (tmp_path / "linked.jpg").samefile(source)
    assert not (tmp_path / "copied.jpg").samefile(source)
    assert (tmp_path / "copied.jpg").read_bytes() == b"picture"
