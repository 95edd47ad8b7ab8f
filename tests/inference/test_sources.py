"""What may be looked at: files, folders, globs, films, addresses; pixels in many forms."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from onelook.inference.sources import find_images, find_sources, listed_sources, pixels_of
from onelook.structures.errors import FormatError, UserError
from onelook.structures.letterbox import Image


def test_a_folder_gives_its_own_pictures_in_order(pictures: Path) -> None:
    assert [path.name for path in find_images([str(pictures)])] == ["a.jpg", "b.JPG"]


def test_a_glob_goes_deeper_with_two_stars(pictures: Path) -> None:
    assert [path.name for path in find_images([f"{pictures}/**"])] == ["a.jpg", "b.JPG", "c.jpg"]
    assert [path.name for path in find_images([f"{pictures}/[ax].*"])] == ["a.jpg"]


def test_a_picture_that_is_named_twice_is_looked_at_once(pictures: Path) -> None:
    assert len(find_images([str(pictures / "a.jpg"), str(pictures), f"{pictures}/*.jpg"])) == 2


def test_a_file_whose_name_looks_like_a_glob_is_a_file(pictures: Path) -> None:
    (pictures / "a.jpg").rename(pictures / "a[1].jpg")

    assert [path.name for path in find_images([str(pictures / "a[1].jpg")])] == ["a[1].jpg"]


def test_a_missing_file_is_kept_when_something_else_is_there(pictures: Path) -> None:
    found = find_images([str(pictures / "absent.jpg"), str(pictures / "a.jpg")])

    assert [path.name for path in found] == ["absent.jpg", "a.jpg"]


def test_addresses_cameras_and_standard_input_are_sources_and_no_files(pictures: Path) -> None:
    words = ["https://example.org/x.jpg", "0", "-", str(pictures / "a.jpg")]

    assert find_sources(words) == words
    with pytest.raises(UserError, match="0: expected pictures in files, folders of them or a glob"):
        find_images(["0"])


def test_a_film_is_taken_where_it_is_named_and_in_a_folder_without_pictures(pictures: Path) -> None:
    for name in ("b.mp4", "a.AVI"):
        (pictures / name).touch()

    assert [Path(each).name for each in find_sources([str(pictures)])] == ["a.jpg", "b.JPG"]
    assert [Path(each).name for each in find_sources([f"{pictures}/*.mp4"])] == ["b.mp4"]
    for name in ("a.jpg", "b.JPG"):
        (pictures / name).unlink()
    assert [Path(each).name for each in find_sources([str(pictures)])] == ["a.AVI", "b.mp4"]


def test_a_file_whose_name_is_a_number_is_no_camera(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (pictures / "a.jpg").rename(pictures / "7")
    monkeypatch.chdir(pictures)

    assert find_images(["7"]) == [Path("7")]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("absent.jpg", "absent.jpg: expected pictures, folders of them or a glob, got nothing there"),
        ("absent.mp4", "absent.mp4: expected pictures, folders of them or a glob, got nothing there"),
        ("absent/*.jpg", r"absent/\*.jpg: expected pictures \(.bmp, .gif, .*\), got none"),
        ("rtsp://camera/1", "expected a file, or an address that begins with http:// or https://"),
        ("file:///etc/hostname", "expected a file, or an address that begins with http:// or https://"),
    ],
)
def test_what_cannot_be_looked_at_is_one_line(source: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        find_sources([source])


def test_a_list_names_sources_as_they_stand_each_once() -> None:
    assert listed_sources(["a.jpg\n", "  b[1].jpg ", "", "a.jpg"], "x.txt") == ["a.jpg", "b[1].jpg"]
    with pytest.raises(UserError, match=r"x\.txt: expected a path or an address on each line, got an empty list"):
        listed_sources(["\n"], "x.txt")
    with pytest.raises(UserError, match="ftp://x: expected a file, or an address"):
        listed_sources(["ftp://x"], "x.txt")


def test_a_folder_without_pictures_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"got none; '\*\*' looks deeper"):
        find_images([str(tmp_path)])


def test_every_form_of_a_picture_gives_the_same_pixels(tmp_path: Path, picture: Image) -> None:
    path = tmp_path / "x.png"
    Pillow.fromarray(picture).save(path)

    for form in (path, str(path), path.read_bytes(), Pillow.fromarray(picture), picture):
        assert (pixels_of(form) == picture).all()


def test_a_pil_picture_is_turned_upright_and_brought_to_rgb(picture: Image) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Pillow.fromarray(picture).save(file, "png", exif=exif)

    assert (pixels_of(Pillow.open(file)) == np.rot90(picture, -1)).all()
    assert pixels_of(Pillow.fromarray(picture).convert("L")).shape == picture.shape


@pytest.mark.parametrize("shape", [(5, 5), (3, 5, 5), (5, 5, 4), (0, 5, 3)])
def test_an_array_of_another_shape_is_refused_with_it(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected an image \(h, w, 3\) uint8 RGB, got \("):
        pixels_of(np.zeros(shape, np.uint8))


def test_an_array_of_another_type_is_refused_with_it() -> None:
    with pytest.raises(ValueError, match="float64"):
        pixels_of(np.zeros((5, 5, 3)))
    with pytest.raises(TypeError, match="got int"):
        pixels_of(3)  # type: ignore[arg-type]


def test_an_address_where_nothing_is_and_a_broken_file_are_told() -> None:
    with pytest.raises(FormatError, match=r"http://127\.0\.0\.1:1/x\.jpg: expected a picture, got no answer"):
        pixels_of("http://127.0.0.1:1/x.jpg")
    with pytest.raises(FormatError, match="image: expected a picture"):
        pixels_of(b"no picture")
