"""Sources one picture after the other."""

import io
import sys
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import cv2
import pytest
from tests.inference.made_films import write_film

from onelook.inference import fetching
from onelook.inference.films import Film
from onelook.inference.items import count_of, is_film, items_of
from onelook.structures.errors import FormatError
from onelook.structures.letterbox import Image


def test_pictures_and_films_come_in_order_with_frame_and_time(pictures: Path, tmp_path: Path) -> None:
    film = str(write_film(tmp_path / "x.mp4", 3))
    items = list(items_of([str(pictures / "a.jpg"), film]))

    assert [(item.frame, item.seconds, item.rate) for item in items] == [
        (None, None, None),
        (0, 0.0, 10.0),
        (1, 0.1, 10.0),
        (2, 0.2, 10.0),
    ]
    assert [item.read().shape for item in items[:2]] == [(50, 80, 3), (64, 96, 3)]
    assert [item.path for item in items[:2]] == [pictures / "a.jpg", None]
    assert count_of([str(pictures / "a.jpg"), film]) == 4
    assert count_of([film, "33"]) is None


def test_a_film_that_is_none_is_told_and_the_rest_goes_on(pictures: Path, tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_bytes(b"no film")

    broken, good = items_of([str(tmp_path / "x.mp4"), str(pictures / "a.jpg")])

    with pytest.raises(FormatError, match=r"x\.mp4: expected a film, got a file that cannot be read as one"):
        broken.picture()
    assert good.read().shape == (50, 80, 3)


def test_a_picture_may_come_on_standard_input(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = (pictures / "a.jpg").read_bytes()
    (item,) = items_of(["-"])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))

    assert item.read().shape == (50, 80, 3)
    assert item.path is None
    with pytest.raises(FormatError, match="standard input: expected a picture, got nothing"):
        item.read()


def test_a_camera_gives_pictures_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    film = str(write_film(tmp_path / "x.mp4", 3))
    really = cv2.VideoCapture
    asked: list[int | str] = []

    def opened(source: int | str, *rest: int) -> cv2.VideoCapture:
        asked.append(source)
        return really(film)

    monkeypatch.setattr(cv2, "VideoCapture", opened)
    camera = Film("0")

    assert asked == [0]
    assert camera.count is None
    assert len(list(camera)) == 3
    assert is_film("0")


def test_a_picture_may_be_refused_by_its_size(pictures: Path) -> None:
    (item,) = items_of([str(pictures / "a.jpg")], most_pixels=100)

    with pytest.raises(FormatError, match="expected at most 100 pixels, got 80 x 50"):
        item.read()


def test_an_address_is_fetched_when_it_is_read(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "fetch", lambda url: (pictures / "a.jpg").read_bytes())
    (item,) = items_of(["http://example.org/a.jpg"])
    picture: Image = item.read()

    assert picture.shape == (50, 80, 3)


def test_a_film_at_an_address_is_seen_picture_by_picture_under_its_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, film = "http://example.org/x.mp4?key=1", str(write_film(tmp_path / "x.mp4", 3))
    monkeypatch.setattr(fetching, "fetched_film", lambda url: nullcontext(film))
    items = list(items_of([url]))

    assert [(item.source, item.frame) for item in items] == [(url, 0), (url, 1), (url, 2)]
    assert items[0].read().shape == (64, 96, 3)
    assert count_of([url]) is None


def test_a_film_at_a_dead_address_is_told_and_the_rest_goes_on(pictures: Path) -> None:
    broken, good = items_of(["http://127.0.0.1:1/x.mp4", str(pictures / "a.jpg")])

    with pytest.raises(FormatError, match=r"^http://127\.0\.0\.1:1/x\.mp4: expected a film, got no answer"):
        broken.picture()
    assert good.read().shape == (50, 80, 3)
