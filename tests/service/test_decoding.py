"""Pictures that strangers send: sound ones as they are, hostile ones in bounded time and memory."""

import io
import os
import resource
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from onelook.service.decoding import Decoder, DecodeSettings, check_image, sniff
from onelook.structures.errors import FormatError, UserError
from onelook.structures.images import read_image

MEMORY = 256 * 1024**2


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder(DecodeSettings(memory=MEMORY, seconds=5)) as decoder:
        yield decoder


def picture(kind: str, size: tuple[int, int] = (40, 30), mode: str = "RGB") -> bytes:
    pixels = np.random.default_rng(3).integers(0, 255, (size[1], size[0], 3), np.uint8)
    file = io.BytesIO()
    Pillow.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width: int, height: int, *chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """Return a zlib stream of `count` zeros, made without holding them."""
    packer, block = zlib.compressobj(9), bytes(1024**2)
    return b"".join([packer.compress(block) for _ in range(count // len(block))] + [packer.flush()])


def gif_frames() -> bytes:
    file = io.BytesIO()
    frames = [Pillow.new("P", (3000, 3000), n) for n in range(10)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def tiff_loop() -> bytes:
    """Return a TIFF whose directory names itself as the next, with one entry that asks for 4 GiB of strips."""
    entries = [(256, 4, 1, 60000), (257, 4, 1, 60000), (259, 3, 1, 1), (273, 4, 2**30, 8), (279, 4, 2**30, 8)]
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0" + struct.pack("<I", 8) + body + struct.pack("<I", 8)


def jpeg_of(width: int, height: int) -> bytes:
    """Return a small JPEG whose header claims another size."""
    data = bytearray(picture("JPEG"))
    place = data.index(b"\xff\xc0") + 5
    data[place : place + 4] = struct.pack(">HH", height, width)
    return bytes(data)


HOSTILE = {
    "a PNG of 144 million pixels in 420 kB": lambda: png(12000, 12000, chunk(b"IDAT", zeros(64 * 1024**2))),
    "a PNG of the largest size there is": lambda: png(2**31 - 1, 2**31 - 1, chunk(b"IDAT", zeros(1024**2))),
    "a JPEG that claims 65535 x 65535": lambda: jpeg_of(65535, 65535),
    "a JPEG within the limit and beyond the memory": lambda: jpeg_of(6500, 6100),
    "a PNG whose text unpacks to 128 MB": lambda: png(
        8, 8, chunk(b"zTXt", b"a\0\0" + zeros(128 * 1024**2)), chunk(b"IDAT", zlib.compress(bytes(200)))
    ),
    "a PNG with a hundred thousand empty chunks": lambda: png(8, 8, chunk(b"teXt", b"") * 100_000),
    "a TIFF that points at itself": tiff_loop,
    "a JPEG cut off": lambda: picture("JPEG", (800, 600))[:3000],
    "a PNG cut off": lambda: picture("PNG", (800, 600))[:3000],
    "a web page": lambda: b"<!DOCTYPE html><svg xmlns='http://www.w3.org/2000/svg'/>",
    "an archive that calls itself a JPEG": lambda: b"PK\x03\x04photo.jpg" + bytes(100),
    "a WebP of zeros": lambda: b"RIFF\xff\xff\xff\x7fWEBPVP8X" + bytes(5000),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_picture_is_one_line_in_bounded_time_and_memory(decoder: Decoder, name: str) -> None:
    data = HOSTILE[name]()
    decoder.decode(picture("PNG"))
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss

    with pytest.raises(FormatError, match="expected") as caught:
        decoder.decode(data)

    assert "\n" not in str(caught.value)
    assert time.monotonic() - began < 7
    assert peak(decoder, before) < 500 * 1024
    assert decoder.decode(picture("PNG")).shape == (30, 40, 3), "the next picture is looked at"


def peak(decoder: Decoder, ended: int) -> int:
    """Return the most KiB that the child, running or ended, has taken."""
    child = decoder._child
    try:
        status = Path(f"/proc/{child.pid}/status").read_text() if child else ""
    except OSError:
        status = ""
    running = [int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")]
    return max([*running, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss - ended])


def test_a_film_of_many_frames_is_its_first(decoder: Decoder) -> None:
    data, began = gif_frames(), time.monotonic()

    assert decoder.decode(data).shape == (3000, 3000, 3)
    assert time.monotonic() - began < 5


KINDS = {"JPEG": "jpeg", "PNG": "png", "GIF": "gif", "BMP": "bmp", "TIFF": "tiff", "WEBP": "webp"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_picture_of_every_kind_is_what_the_library_reads(decoder: Decoder, kind: str) -> None:
    data = picture(kind)

    assert sniff(data) == f"image/{KINDS[kind]}"
    assert (decoder.decode(data) == read_image(data)).all()


def test_a_large_picture_comes_whole(decoder: Decoder) -> None:
    data = picture("JPEG", (3000, 2000))

    assert (decoder.decode(data) == read_image(data)).all()


def test_a_child_that_was_killed_is_replaced(decoder: Decoder) -> None:
    decoder.decode(picture("PNG"))
    assert decoder._child is not None
    os.kill(decoder._child.pid, 9)
    decoder._child.wait()

    assert decoder.decode(picture("PNG")).shape == (30, 40, 3)


def test_a_picture_that_takes_too_long_is_one_line() -> None:
    with (
        Decoder(DecodeSettings(seconds=0.001)) as slow,
        pytest.raises(FormatError, match=r"expected a picture to decode in 0\.001 s, got one that takes longer"),
    ):
        slow.decode(picture("PNG", (2000, 2000)))


def test_the_child_knows_none_of_the_secrets(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "secret")
    with Decoder() as fresh:
        fresh.decode(picture("PNG"))
        assert fresh._child is not None
        assert b"DATABASE_URL" not in Path(f"/proc/{fresh._child.pid}/environ").read_bytes()


def test_too_many_bytes_are_refused_before_they_are_looked_at() -> None:
    with pytest.raises(FormatError, match=r"upload: expected at most 10 bytes, got 11"):
        check_image(bytes(11), DecodeSettings(most_bytes=10), "upload")


def test_an_empty_upload_is_told() -> None:
    with pytest.raises(
        FormatError, match=r"image: expected a picture \(bmp, gif, jpeg, png, tiff, webp\), got an empty file"
    ):
        check_image(b"")


def test_settings_that_make_no_sense_are_one_line() -> None:
    with pytest.raises(UserError, match="most_bytes, most_pixels, memory, seconds: expected more than 0"):
        DecodeSettings(memory=0)
