"""The program that turns strangers' bytes into pixels, in a process of its own that may take only so much memory.

It reads a length (4 bytes, little-endian) and as many bytes from stdin, and answers on stdout with width, height and the length
of a message (3 times 4 bytes), followed by the message, or by the pixels (h, w, 3) uint8 RGB where that length is 0. It ends
with its input, and by itself after a message whose width is ENDS.
"""

import resource
import signal
import struct
import sys
from typing import BinaryIO

from onelook.structures.errors import FormatError
from onelook.structures.images import image_size, read_image

HEAD = struct.Struct("<III")
LENGTH = struct.Struct("<I")
ENDS = 1
"""In the place of the width, before a message: this process's memory is spent."""


def serve(source: BinaryIO, target: BinaryIO, most_pixels: int) -> None:
    """Answer every request until the input ends, or until memory ran out: a fresh process has all of it again."""
    while len(head := source.read(LENGTH.size)) == LENGTH.size:
        data = source.read(LENGTH.unpack(head)[0])
        spent = False
        try:
            answer = _decoded(data, most_pixels)
        except FormatError as error:
            answer = _told(str(error))
        except MemoryError:
            spent = True
            answer = _told("image: expected a picture that fits into the memory allowed, got a larger one", ENDS)
        del data
        target.writelines(answer)
        target.flush()
        if spent:
            return


def _decoded(data: bytes, most_pixels: int) -> tuple[bytes, bytes | memoryview]:
    """Return the head and the pixels of a picture. Raises FormatError when it is none, or larger than `most_pixels`."""
    width, height = image_size(data)
    if width * height > most_pixels:
        raise FormatError(f"image: expected at most {most_pixels} pixels, got {width} x {height}")
    image = read_image(data)
    return HEAD.pack(image.shape[1], image.shape[0], 0), image.reshape(-1).data


def _told(message: str, ends: int = 0) -> tuple[bytes, bytes]:
    words = message.encode()[:2000]
    return HEAD.pack(ends, 0, len(words)), words


def limit_memory(more: int) -> None:
    """Let this process take `more` bytes of addresses than it has now, and leave no core file."""
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123 - no path is built
        now = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (now + more, now + more))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(arguments: list[str]) -> None:
    """Run with the arguments MEMORY (bytes) and PIXELS (most of a picture)."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; this process ends with its input
    memory, pixels = (int(each) for each in arguments)
    from PIL import Image

    Image.init()  # the decoders are loaded before memory is counted
    limit_memory(memory)
    serve(sys.stdin.buffer, sys.stdout.buffer, pixels)


if __name__ == "__main__":
    main(sys.argv[1:])
