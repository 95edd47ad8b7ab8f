"""Films: what is written reads back, and what is none is one line without a word of FFmpeg's."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.inference.made_films import film_pictures, write_film

from onelook.inference.films import Film, FilmWriter, film_length, is_camera
from onelook.structures.errors import FormatError, UserError
from onelook.structures.letterbox import Image


def test_a_film_reads_back_picture_by_picture(tmp_path: Path) -> None:
    film = Film(str(write_film(tmp_path / "new" / "x.mp4")))
    read = list(film)
    film.close()

    assert (film.size, film.rate, film.count, len(read)) == ((96, 64), 10.0, 12, 12)
    for picture, written in zip(read, film_pictures(), strict=True):
        assert np.abs(picture.astype(int) - written).mean() < 6
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["x.mp4"]


def test_a_film_takes_its_name_when_it_is_whole_and_leaves_nothing_when_it_is_dropped(tmp_path: Path) -> None:
    writer = FilmWriter(tmp_path / "x.mp4", 10, (96, 64))
    writer.add(film_pictures()[0])

    assert not (tmp_path / "x.mp4").exists()
    writer.drop()
    assert list(tmp_path.iterdir()) == []


def test_a_picture_of_another_size_is_brought_to_the_film_s(tmp_path: Path) -> None:
    writer = FilmWriter(tmp_path / "x.mp4", 10, (96, 64))
    writer.add(np.zeros((10, 20, 3), np.uint8))
    writer.close()

    assert next(iter(Film(str(tmp_path / "x.mp4")))).shape == (64, 96, 3)


@pytest.mark.parametrize("data", [b"", b"no film", b"\0\0\0 ftypisom" + bytes(400)])
def test_what_is_no_film_is_one_line_and_ffmpeg_is_silent(
    tmp_path: Path, data: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.mp4"
    path.write_bytes(data)

    with pytest.raises(FormatError, match=r"x\.mp4: expected a film, got a file that cannot be read as one"):
        Film(str(path))
    assert capfd.readouterr().err == ""
    assert film_length(str(path)) == 0


def test_a_film_that_breaks_off_gives_what_is_there_and_says_so(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "x.avi"
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter.fourcc(*"MJPG"), 10, (96, 64))
    for picture in film_pictures(40):
        writer.write(picture)
    writer.release()
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    film = Film(str(path))

    seen: list[Image] = []
    with pytest.raises(FormatError, match=r"x\.avi: expected 40 pictures, got \d+: the film breaks off"):
        seen.extend(film)
    assert 5 < len(seen) < 30
    assert capfd.readouterr().err == ""


def test_an_absent_film_and_an_absent_camera_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(FormatError, match=r"x\.mp4: expected a film, got nothing there"):
        Film("x.mp4")
    with pytest.raises(FormatError, match="77: expected a camera of this number, got none"):
        Film("77")
    assert capfd.readouterr().err == ""
    assert is_camera("77")
    assert not is_camera("x")
    assert film_length("77") is None


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(UserError, match="cannot be written"):
        FilmWriter(tmp_path / "file" / "x.mp4", 10, (96, 64))
