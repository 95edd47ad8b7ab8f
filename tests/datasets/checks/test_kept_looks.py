import dataclasses
from pathlib import Path

import pytest

from onelook.datasets.checks import kept_looks
from onelook.datasets.checks.kept_looks import look_at
from onelook.datasets.checks.looking import look
from onelook.datasets.formats import FORMATS
from onelook.datasets.reading import read


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("ONELOOK_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_a_kept_look_is_the_look(voc: Path, monkeypatch):
    monkeypatch.setattr(kept_looks, "_SETTLED", 0)
    data = read(voc)
    first = look_at(data)
    monkeypatch.setattr(kept_looks, "look", lambda path: pytest.fail(f"{path} was looked at again"))

    assert look_at(data) == first == tuple(look(path) for path in data.paths)


def test_a_picture_that_was_written_just_now_is_not_kept(voc: Path, monkeypatch, cache: Path):
    monkeypatch.setattr(kept_looks, "_SETTLED", 10**18)
    look_at(read(voc))

    assert not list(cache.rglob("*.json"))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 0, "looks": {}}', '{"version": 1, "looks": 3}'])
def test_a_broken_cache_file_is_no_worse_than_none(voc: Path, monkeypatch, cache: Path, content: str):
    monkeypatch.setattr(kept_looks, "_SETTLED", 0)
    data = read(voc)
    first = look_at(data)
    (file,) = cache.rglob("*.json")
    file.write_text(content)

    assert look_at(data) == first


def test_pictures_inside_an_archive_are_kept_too(voc: Path, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(kept_looks, "_SETTLED", 0)
    (tmp_path / "out").mkdir()
    FORMATS["shards"].write(read(voc), tmp_path / "out")
    data = read(tmp_path / "out")
    first = look_at(data)
    monkeypatch.setattr(kept_looks, "look", lambda path: pytest.fail(f"{path} was looked at again"))

    assert look_at(data) == first


def test_a_picture_that_is_gone_is_a_look_too(voc: Path):
    data = read(voc)
    gone = dataclasses.replace(data, paths=(voc / "gone.jpg", *data.paths[1:]))

    assert look_at(gone)[0].fault == "[Errno 2] No such file or directory: 'gone.jpg'" or look_at(gone)[0].fault
