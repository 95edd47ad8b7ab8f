"""Pictures: upright RGB from every kind of file, and one line for what is none."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from onelook.structures import images
from onelook.structures.errors import FormatError
from onelook.structures.images import image_size, read_image, write_jpeg


def gradient(width: int = 40, height: int = 30) -> np.ndarray:
    """Return a picture that is red on the left, blue on the right and darker to the bottom."""
    x, y = np.meshgrid(np.linspace(0, 1, width), np.linspace(1, 0.5, height))
    return np.stack([255 * (1 - x) * y, 40 * y, 255 * x * y], axis=2).astype(np.uint8)


def encoded(picture: Pillow.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["png", "bmp", "tiff", "ppm", "webp", "jpeg", "gif"])
def test_every_kind_of_file_gives_rgb(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"picture.{kind}"
    path.write_bytes(encoded(Pillow.fromarray(gradient()), kind))

    image = read_image(path)

    assert image.shape == (30, 40, 3)
    assert image.dtype == np.uint8
    assert np.abs(image.astype(int) - gradient()).mean() < 16
    assert image_size(path) == (40, 30)


@pytest.mark.parametrize("mode", ["L", "P", "CMYK", "RGBA", "LA", "1"])
def test_every_mode_gives_rgb(mode: str) -> None:
    kind = "tiff" if mode == "CMYK" else "png"
    image = read_image(encoded(Pillow.fromarray(gradient()).convert(mode), kind))

    assert image.shape == (30, 40, 3)
    assert image.dtype == np.uint8


def test_a_cmyk_jpeg_is_converted() -> None:
    image = read_image(encoded(Pillow.fromarray(gradient()).convert("CMYK"), "jpeg", quality=95))

    assert np.abs(image.astype(int) - gradient()).mean() < 8


def test_sixteen_bits_are_brought_to_eight() -> None:
    deep = np.linspace(0, 65535, 100).astype(np.uint16).reshape(10, 10)

    image = read_image(encoded(Pillow.fromarray(deep), "png"))

    assert image.shape == (10, 10, 3)
    assert image[0, 0].tolist() == [0, 0, 0]
    assert image[-1, -1].tolist() == [255, 255, 255]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_exif_rotation_is_applied_to_pixels_and_size_alike(orientation: int, kind: str) -> None:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    data = encoded(Pillow.fromarray(gradient()), kind, exif=exif)

    image = read_image(data)

    assert image_size(data) == (image.shape[1], image.shape[0])
    assert image_size(data) == ((30, 40) if orientation >= 5 else (40, 30))


def test_a_turned_photograph_stands_upright() -> None:
    exif = Pillow.Exif()
    exif[0x0112] = 6  # the camera was held so that the stored left edge is the top
    upright = np.rot90(gradient(), -1)

    image = read_image(encoded(Pillow.fromarray(gradient()), "png", exif=exif))

    assert (image == upright).all()


def test_a_jpeg_is_decoded_as_pillow_decodes_it() -> None:
    data = encoded(Pillow.fromarray(gradient()), "jpeg", quality=90)

    assert np.abs(read_image(data).astype(int) - np.asarray(Pillow.open(io.BytesIO(data)))).max() <= 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"not a picture at all", "cannot be read as one"),
        (b"\xff\xd8\xff", "cannot be read as one"),
        (b"", "empty file"),
    ],
)
def test_what_is_no_picture_is_one_line(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(data)

    with pytest.raises(FormatError, match=message) as caught:
        read_image(path)

    assert str(caught.value).startswith(f"{path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["jpeg", "png", "bmp", "tiff", "webp", "gif"])
def test_a_truncated_file_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(Pillow.fromarray(noise), kind)

    with pytest.raises(FormatError, match="expected a"):
        read_image(data[: len(data) // 2], "half")


def test_a_missing_file_and_a_folder_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="No such file"):
        read_image(tmp_path / "absent.png")
    with pytest.raises(FormatError, match="Is a directory"):
        image_size(tmp_path)


def test_a_picture_that_asks_for_gigabytes_is_refused_by_its_header(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_PIXELS", 1000)

    with pytest.raises(FormatError, match="expected at most 1000 pixels, got 40 x 30"):
        read_image(encoded(Pillow.fromarray(gradient()), "png"))


def test_a_file_without_end_is_left_at_the_most_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(images, "MOST_BYTES", 1000)
    (tmp_path / "large.jpg").write_bytes(bytes(1001))

    for path in (Path("/dev/zero"), tmp_path / "large.jpg"):
        with pytest.raises(FormatError, match="expected at most 1000 bytes, got more"):
            read_image(path)


def test_a_jpeg_is_written_whole_and_reads_back(tmp_path: Path) -> None:
    write_jpeg(tmp_path / "new" / "x.jpg", gradient()[:, ::-1])  # a view that is not contiguous

    assert np.abs(read_image(tmp_path / "new" / "x.jpg").astype(int) - gradient()[:, ::-1]).mean() < 4


def broken_tiff(how: str) -> bytes:
    """Return a TIFF whose header, or whose packed pixels, are wrong."""
    if how == "pixels":
        noise = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
        packed = bytearray(encoded(Pillow.fromarray(noise), "tiff", compression="tiff_deflate"))
        packed[2000:2100] = bytes(100)
        return bytes(packed)
    stored = encoded(Pillow.new("RGB", (4, 4)), "tiff")
    samples = (277).to_bytes(2, "little") + (3).to_bytes(2, "little") + (1).to_bytes(4, "little")  # tag, type, count
    broken = stored.replace(samples + b"\x03", samples + b"\xff")
    assert broken != stored
    return broken


@pytest.mark.parametrize("how", ["header", "pixels"])
def test_pillow_and_its_libtiff_say_nothing_of_their_own_beside_the_one_line(tmp_path: Path, how: str) -> None:
    (tmp_path / "x.tif").write_bytes(broken_tiff(how))
    program = "import sys, pathlib\nfrom onelook.structures.images import read_image\n"
    program += "try: read_image(pathlib.Path(sys.argv[1]))\nexcept Exception as error: print(type(error).__name__)"

    done = subprocess.run([sys.executable, "-c", program, tmp_path / "x.tif"], capture_output=True, text=True)

    assert (done.stdout.strip(), done.stderr) == ("FormatError", "")
