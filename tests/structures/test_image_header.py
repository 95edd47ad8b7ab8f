import io
import itertools
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from onelook.structures.image_header import read_header
from onelook.structures.images import image_size


def picture(kind: str, orientation: int | None, size: tuple[int, int] = (30, 20), **more: object) -> bytes:
    noise = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    exif = Pillow.Exif()
    exif[0x010F] = "a maker"
    if orientation is not None:
        exif[0x0112] = orientation
    out = io.BytesIO()
    Pillow.fromarray(noise).save(out, kind, exif=exif, **more)
    return out.getvalue()


def by_pillow(data: bytes) -> tuple[int, int, int]:
    with Pillow.open(io.BytesIO(data)) as image:
        return image.width, image.height, image.getexif().get(0x0112, 1)


@pytest.mark.parametrize(("kind", "orientation"), list(itertools.product(["JPEG", "PNG"], [None, *range(1, 9)])))
def test_size_and_orientation_are_what_pillow_says(kind: str, orientation: int | None) -> None:
    data = picture(kind, orientation)

    assert read_header(io.BytesIO(data)) == by_pillow(data) == (30, 20, orientation or 1)


@pytest.mark.parametrize("more", [{"progressive": True}, {"icc_profile": b"x" * 100_000}, {"comment": b"y" * 60_000}])
def test_a_header_behind_a_profile_or_a_comment_is_found(more: dict[str, object]) -> None:
    data = picture("JPEG", 6, **more)

    assert read_header(io.BytesIO(data)) == by_pillow(data) == (30, 20, 6)


def test_exif_behind_the_pixels_of_a_png_is_found_without_decoding_them() -> None:
    data = picture("PNG", None, (300, 200))
    exif = picture("PNG", 8)
    start = exif.index(b"eXIf") - 4
    chunk = exif[start : start + 12 + struct.unpack(">L", exif[start : start + 4])[0]]
    plain = data[: data.index(b"eXIf") - 4]
    rest = data[data.index(b"IDAT") - 4 :]
    turned = plain + rest.replace(rest[-12:], chunk + rest[-12:])

    assert read_header(io.BytesIO(turned)) == by_pillow(turned) == (300, 200, 8)


def test_what_tells_its_orientation_in_words_is_left_to_pillow() -> None:
    words = PngInfo()
    words.add_itxt("XML:com.adobe.xmp", '<x tiff:Orientation="6"/>')
    png = picture("PNG", None, pnginfo=words)
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="6"/>'
    segment = b"\xff\xe1" + struct.pack(">H", len(xmp) + 2) + xmp
    jpeg = picture("JPEG", None)
    jpeg = jpeg[:2] + segment + jpeg[2:]

    assert read_header(io.BytesIO(jpeg)) is None
    assert image_size(jpeg) == (20, 30)
    assert image_size(png) == ((20, 30) if by_pillow(png)[2] == 6 else (30, 20))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_file_that_breaks_off_in_its_header_gives_no_answer_and_no_error(kind: str) -> None:
    data = picture(kind, 6)
    end = data.index(b"\xff\xda") if kind == "JPEG" else data.index(b"IDAT")

    for length in range(end - 4):
        assert read_header(io.BytesIO(data[:length])) in (None, (30, 20, 6))


@pytest.mark.parametrize("seed", range(200))
def test_damaged_bytes_give_no_exception(seed: int) -> None:
    rng = np.random.default_rng(seed)
    data = bytearray(picture(("JPEG", "PNG")[seed % 2], 6, (8, 8)))
    for place in rng.integers(0, min(len(data), 300), 4):
        data[place] = int(rng.integers(0, 256))

    read_header(io.BytesIO(bytes(data)))


def test_a_png_without_an_end_comes_to_an_end(tmp_path: Path) -> None:
    chunk = struct.pack(">L", 0) + b"abcd" + struct.pack(">L", zlib.crc32(b"abcd"))
    data = picture("PNG", None)[:33] + chunk * 1000

    assert read_header(io.BytesIO(data)) is None
